"""Rules made of rules, in every place that shows them: joints, numbers, cells and events as they run."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.config.build import build_design
from adaptive.config.compose import compose_one
from adaptive.design.rule_lines import rule_lines
from adaptive.design.rules import EfficacyRule
from adaptive.design.rules_combined import AllOfRules, AnyOfRules, InOrder
from adaptive.design.rules_scope import AcrossArms, AcrossSubgroups, OnlyIn
from adaptive.oc.replay import _rule_lines as replayed
from adaptive.oc.specification_rules import ALONE, rule_table
from adaptive.report.examples_words import rule_title
from adaptive.report.figures_flow import flow_figure, flow_steps
from tests.strategy_examples import evidence, progress
from tests.toy import toy_design

LOOKS = 3
CELLS = [[True, False], [True, True]]


def asked(margin: float, events: float = 0.0) -> EfficacyRule:
    return EfficacyRule(margin=margin, threshold=np.full(LOOKS, 0.5), min_events=events)


A, B, C = asked(0.7, 4.0), asked(0.8, 9.0), asked(0.9)
RULES = {
    "a": A,
    "a and b": AllOfRules((A, B)),
    "a or b": AnyOfRules((A, B)),
    "only, a or b": OnlyIn(AnyOfRules((A, B)), CELLS, "HR+"),
    "(a and b) or c": AnyOfRules((AllOfRules((A, B)), C)),
    "a and (b or c)": AllOfRules((A, AnyOfRules((B, C)))),
    "(a or b) and c, across": AcrossArms(AllOfRules((AnyOfRules((A, B)), C)), "any"),
    "a and b across": AllOfRules((A, AcrossSubgroups(B, "all"))),
    "only, across, a": OnlyIn(AcrossArms(A, "all"), CELLS, "HR+"),
    "a, else b": InOrder((A, B)),
    "across, only a or b": AcrossSubgroups(AnyOfRules((OnlyIn(A, CELLS, "HR+"), B)), "any"),
}
EVERY = "in all subgroups at once, when every open one meets it"
SHOWN = {
    "a": [("", "", "")],
    "a and b": [("1", "", ""), ("2", "and", "")],
    "a or b": [("1", "", ""), ("2", "or", "")],
    "only, a or b": [("1", "", "only in HR+"), ("2", "or", "only in HR+")],
    "(a and b) or c": [("1.1", "", ""), ("1.2", "and", ""), ("2", "or", "")],
    "a and (b or c)": [("1", "", ""), ("2.1", "and", ""), ("2.2", "or", "")],
    "(a or b) and c, across": [
        (part, word, "for all arms at once, when any open one meets it")
        for part, word in (("1.1", ""), ("1.2", "or"), ("2", "and"))
    ],
    "a and b across": [("1", "", ""), ("2", "and", EVERY)],
    "only, across, a": [("", "", "only in HR+; for all arms at once, when every open one meets it")],
    "a, else b": [("1", "", ""), ("2", "or, where that is not applied,", "")],
    "across, only a or b": [
        ("1", "", f"{EVERY.replace('every', 'any')}; only in HR+"),
        ("2", "or", EVERY.replace("every", "any")),
    ],
}


@pytest.mark.parametrize("name", RULES)
def test_lines_tell_the_part_the_joint_and_the_cells(name):
    assert [tuple(line) for line in rule_lines(RULES[name])] == SHOWN[name]
    assert len(rule_lines(RULES[name])) == len(RULES[name].measures)


def truth_by_lines(lines, met: list[bool]) -> bool:
    """Return whether a rule fires, read from its lines alone: numbers nest, one joint holds in each group."""
    groups: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        groups.setdefault(line.part.split(".")[0], []).append(at)
    if len(lines) == 1:
        return met[0]
    heads = [lines[inside[0]].joined for inside in groups.values()][1:]
    word = {"and": all, "or": any}[heads[0]]
    assert len(set(heads)) == 1
    return word(
        truth_by_lines(
            [lines[at]._replace(part=lines[at].part.partition(".")[2]) for at in inside],
            [met[at] for at in inside],
        )
        for inside in groups.values()
    )


@pytest.mark.parametrize("name", ["a and b", "a or b", "(a and b) or c", "a and (b or c)"])
def test_what_the_lines_say_is_what_the_rule_decides(name):
    rule, lines = RULES[name], rule_lines(RULES[name])
    wrong = [line._replace(joined={"and": "or", "or": "and"}.get(line.joined, "")) for line in lines]
    missed = False
    for met in itertools.product((False, True), repeat=len(lines)):
        statistics = jnp.asarray([np.full((2, 2), 0.9 if m else 0.1) for m in met])
        fires = bool(rule.fires(statistics, evidence(events=50.0), progress(look=0))[0, 0])
        assert fires == truth_by_lines(lines, list(met))
        missed |= fires != truth_by_lines(wrong, list(met))
    assert missed


@pytest.mark.parametrize("name", RULES)
def test_the_table_and_the_diagram_show_every_part_with_its_own_events_and_cells(name):
    design = toy_design(rules=(RULES[name],))
    rows = rule_table(design).to_dict("records")
    lines = SHOWN[name]
    assert [row["order"] for row in rows] == [f"1.{part}".rstrip(".") for part, *_ in lines]
    assert [row["cells"] for row in rows] == [scope or ALONE for *_, scope in lines]
    assert all(row["measure"].startswith(word) for row, (_, word, _) in zip(rows, lines, strict=True))
    text = next(text for text, *_ in flow_steps(flow(rows)) if "rule" in text)
    said = text.splitlines()
    for row in rows:
        (line,) = [line for line in said if row["measure"] in line]
        assert ("events" in line) == (row["events"] != "0")
        assert f"at least {row['events']} events" in line or row["events"] == "0"
    for scope in {scope for *_, scope in lines} - {""}:
        assert f"({scope})" in text


def flow(rows):
    looks = [str(k) for k in range(LOOKS)]
    return {"looks": looks, "limits": "9 patients", "rules": rows, "responds": False, "delayed": False}


def test_the_enrichment_rules_keep_their_inner_scopes():
    config = compose_one("config", ["design=srs_rar", "rules=enrichment", "scenario=srs_both"])
    rows = rule_table(build_design(config)).set_index("order").cells
    futility = [order for order in rows.index if "." in order]
    assert list(rows[futility]) == [ALONE, EVERY]
    assert "for all arms at once, when every open one meets it" in set(rows)
    assert not flow_figure("flow", "d", flow(rule_table(build_design(config)).to_dict("records"))).absent


@pytest.mark.parametrize("name", RULES)
def test_replays_and_examples_name_parts_as_the_lines_do(name):
    rule = RULES[name]
    asks = [
        line._asdict()
        | {"words": ask.words, "value": 0.4, "threshold": 0.5, "sign": ">", "min_events": 0.0, "events": 9.0}
        for line, ask in zip(rule_lines(rule), rule.asks(0), strict=True)
    ]
    shown = {"kind": "efficacy", "binding": True, "asks": asks, "applied": True, "fired": False}
    lines = list(replayed(shown))
    nested = any("." in part for part, *_ in SHOWN[name])
    for text, (part, word, scope) in zip(lines, SHOWN[name], strict=True):
        assert word in text and (f"({part})" in text) == (nested and bool(part))
        assert scope in " ".join([*lines[:1], text])
    title = rule_title(shown)
    assert all(f" {word} " in f" {title} " for _, word, _ in SHOWN[name] if word)
