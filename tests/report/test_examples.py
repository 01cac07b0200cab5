"""Worked examples: their numbers are those of the stored rows and of the replay, in every form."""

import json
import re
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from adaptive.errors import BadInput
from adaptive.oc.examples import examples_part
from adaptive.oc.examples_course import beside
from adaptive.oc.examples_curves import overlay
from adaptive.oc.examples_rows import course_of, stored_rows
from adaptive.oc.load import load_results
from adaptive.oc.replay import replay, replay_tables
from adaptive.oc.source import Makers, Source
from adaptive.oc.study import run_cell
from adaptive.report.chapter_examples import examples_chapter
from adaptive.report.explorer_data import explorer_data
from adaptive.report.html import _environment
from adaptive.report.pivot import Table
from tests.toy import toy_design, toy_scenario

TRUTHS = {"null": ((0.0, 0.0), (0.0, 0.0)), "mixed": ((-0.9, 0.0), (0.0, 0.6))}
SEED, N = 9, 96


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    root = tmp_path_factory.mktemp("examples")
    for name, log_hr in TRUTHS.items():
        given = {"study": "s", "seed": SEED, "n_trials": N, "chunk_size": N, "path": root, "progress": False}
        scenario = toy_scenario(log_hr)
        object.__setattr__(scenario, "name", name)
        run_cell(
            toy_design(), scenario, resolved_config={"scenario": {"name": name}}, keep_looks=True, **given
        )
    return root


def makers(scenario=True):
    def scenario_of(config):
        made = toy_scenario(TRUTHS[config["scenario"]["name"]])
        object.__setattr__(made, "name", config["scenario"]["name"])
        return made

    return Makers(lambda config: toy_design(), scenario_of if scenario else None)


@pytest.fixture(scope="module")
def results(stored):
    return load_results([stored])


@pytest.fixture(scope="module")
def part(results):
    return examples_part(Source(results, makers=makers()), {})


def text_of(item):
    scenario = makers().scenario({"scenario": {"name": item["scenario"]}})
    return replay(toy_design(), scenario, item["seed"], item["trial"])


def test_several_kinds_are_shown_and_the_missing_ones_are_named(part):
    shown = {item["id"] for item in part["items"]}
    assert {"false-positive", "one-subgroup", "first-look-futility"} <= shown
    reasons = {entry["item"]: entry["why"] for entry in part["absent"]}
    assert "overall survival" in reasons[7] and reasons[8] == "no design with delays among the results"
    assert all(entry["why"] for entry in part["absent"]) and 10 in reasons


def test_every_number_is_the_one_that_the_replay_prints(part):
    for item in part["items"]:
        told = iter(text_of(item).splitlines())
        for look in item["looks"]:
            assert any(
                f"Look {look['look']} of" in line and f"month {look['month']:.2f}" in line for line in told
            )
            for cell in look["cells"]:
                line = next(x for x in told if x.startswith(f"    {cell['arm']}: "))
                assert f"{cell['patients']} patients, {cell['events']} events, {cell['exposure']:.2f}" in line
                assert line.endswith(f"until the next look {cell['allocation']:.4f}")
                if "status" not in cell:
                    continue
                line = next(told)
                assert f"log HR {cell['mean']:.4f}, SD {cell['sd']:.4f}" in line
                assert f"{cell['lower']:.4f} to {cell['upper']:.4f}" in line
                for rule in cell["rules"]:
                    (ask,), line = rule["asks"], next(told)
                    assert line.strip().startswith(rule["kind"]) and f"= {ask['value']:.6f}" in line
                    assert line.endswith("FIRES") == rule["fired"]
                assert next(told).endswith(f"state {cell['status']}")


def test_planted_bug_another_trial_does_not_print_these_numbers(part):
    item = part["items"][0] | {"trial": part["items"][0]["trial"] + 1}
    with pytest.raises((AssertionError, StopIteration)):
        test_every_number_is_the_one_that_the_replay_prints({"items": [item]})


def test_a_trial_simulated_again_is_the_stored_one(part, results):
    for item in part["items"][:3]:
        result = next(r for r in results if r.scenario == item["scenario"])
        kept = stored_rows(result.path, item["trial"])
        again = replay_tables(toy_design(), makers().scenario(result.config), SEED, item["trial"])
        for one, other in zip(kept, again, strict=True):
            assert one.to_pylist() == other.to_pylist()


def test_rules_fire_where_the_stored_rows_have_a_verdict(part):
    fired = 0
    for cell in (c for item in part["items"] for look in item["looks"] for c in look["cells"]):
        kinds = {rule["kind"].upper() for rule in cell.get("rules", []) if rule["fired"]}
        if cell.get("verdict") in ("EFFICACY", "FUTILITY", "HARM"):
            assert cell["verdict"] in kinds
            fired += 1
        else:
            assert not kinds
    assert fired > 5


def test_without_looks_the_trial_is_simulated_again_and_says_so(results):
    result, trial = results[0], 3
    bare = without_looks(result)
    again = course_of(bare, trial, makers().design, makers().scenario)
    kept = course_of(result, trial, makers().design, None)
    assert again.pop("stored") is False and kept.pop("stored") is True
    assert again == kept
    with pytest.raises(BadInput, match="keep_looks"):
        course_of(bare, trial, makers().design, None)


def without_looks(result):
    files = {name: digest for name, digest in result.manifest["files"].items() if name != "looks.parquet"}
    return replace(result, manifest=result.manifest | {"files": files})


def test_the_overlay_sets_own_data_beside_the_stored_posterior(part):
    item = part["items"][0]
    for found in overlay(item):
        look = next(look for look in item["looks"] if look["look"] == found["look"])
        own = [c for c in look["cells"] if c["subgroup"] == found["subgroup"]]
        cell = next(c for c in own if c["arm"] == found["arm"])
        assert (found["mean"], found["lower"]) == (cell["mean"], cell["lower"])
        if own[0]["events"] and cell["events"]:
            rates = [c["events"] / c["exposure"] for c in (own[0], cell)]
            assert found["own"] == pytest.approx(np.log(rates[1] / rates[0]))
            assert found["own_se"] == pytest.approx(np.sqrt(1 / own[0]["events"] + 1 / cell["events"]))


def test_the_share_of_like_trials_has_its_error_and_denominator(part, results):
    table = part["tables"]["examples"].set_index("level")
    item = next(i for i in part["items"] if i["id"] == "false-positive")
    result = next(r for r in results if r.scenario == "null")
    cells = pq.read_table(result.path / "cells.parquet").to_pylist()
    false = {row["trial"] for row in cells if row["status"] == "EFFICACY"}
    assert item["scenario"] == "null" and item["trial"] in false
    row = table.loc["false-positive"]
    assert (row.m, row.n) == (len(false), N)
    p = len(false) / N
    assert row.mcse == pytest.approx(np.sqrt(p * (1 - p) / N))
    assert f"{len(false)} of {N} trials" in item["why"]


def test_sentences_state_the_numbers_that_decided(part):
    for item in part["items"]:
        for look in item["looks"]:
            for cell in (c for c in look["cells"] if c.get("verdict") in ("EFFICACY", "FUTILITY", "HARM")):
                rule = next(r for r in cell["rules"] if r["fired"] and r["kind"].upper() == cell["verdict"])
                shown = f"{rule['asks'][0]['value']:.4f}"
                assert f"{cell['arm']} in {cell['subgroup']}" in look["said"]
                assert shown in look["said"] or shown == f"{rule['asks'][0]['threshold']:.4f}"
            assert not look["said"] or look["said"] in item["story"]


def test_values_near_a_threshold_are_told_apart():
    assert (
        beside(0.98996, 0.99) == "0.98996"
        and beside(0.5, 0.99) == "0.5000"
        and beside(0.99, 0.99) == "0.9900"
    )


def content_of(part):
    return {"examples": {k: v for k, v in part.items() if k != "tables"}, "tables": part["tables"]}


def test_tables_and_explorer_print_the_same_texts(part):
    chapter = examples_chapter(content_of(part))
    explorer = next(block for block in chapter.blocks if type(block).__name__ == "Explorer")
    assert set(chapter.covers) == {"J", "I6"}
    for case, section in zip(explorer.data["cases"], explorer.cases, strict=True):
        assert case["id"] == section.name
        tables = {b.name.rsplit("_", 1)[1]: b for b in section.blocks if isinstance(b, Table)}
        rules = iter(tables["rules"].rows)
        for look in case["looks"]:
            for row in (r for r in look["rows"] if r.get("open")):
                texts = [cell.text for cell in next(rules)]
                assert texts[2:] == [row["arm"], row["hr"], row["best"], *row["rules"], row["decision"]]
        assert next(rules, None) is None
        for row in tables["rules"].rows:
            assert len({cell.flagged for cell in row if cell.span == 1}) == 1, "shaded from end to end"
        counts = [c.text for row in tables["data"].rows for c in row[2:5]]
        assert counts == [
            f"{r['patients']}, {r['events']}, {r['exposure']}" for k in case["looks"] for r in k["rows"]
        ]


def test_each_case_prints_its_command(part):
    chapter = examples_chapter(content_of(part))
    explorer = next(block for block in chapter.blocks if type(block).__name__ == "Explorer")
    for item, section in zip(part["items"], explorer.cases, strict=True):
        codes = [block.text for block in section.blocks if type(block).__name__ == "Code"]
        assert codes == [item["command"]] and item["command"].endswith(f"trial={item['trial']}")


def test_hostile_names_stay_data(part):
    hostile = "</script><script>alert(1)</script>\u2028<!--"
    item = json.loads(json.dumps(part["items"][0]).replace('"red"', json.dumps(hostile)))
    block = type("Block", (), {"data": explorer_data([item], (-1.0, 1.0))})()
    text = str(_environment().get_template("explorer.html.j2").module.explorer(block))
    assert text.count("<script") == 1 and text.count("</script>") == 1 and "<!--" not in text
    inside = re.search(r">(.*)</script>", text, re.S)[1]
    assert json.loads(inside)["cases"][0]["looks"][0]["rows"][0]["subgroup"] == hostile


def test_without_a_way_to_build_designs_nothing_is_shown_and_it_is_said(results):
    part = examples_part(Source(results), {})
    assert part["items"] == [] and all("design" in entry["why"] for entry in part["absent"])
    chapter = examples_chapter(content_of(part))
    assert chapter.covers == () and chapter.blocks


def test_rules_have_the_sign_of_the_rest_of_the_report(part):
    looks = [look for item in part["items"] for look in item["looks"]]
    words = {
        ask["words"] for k in looks for c in k["cells"] for rule in c.get("rules", []) for ask in rule["asks"]
    }
    assert "P(HR ≥ 1)" in words and not any(">=" in text for text in words)


def test_everything_is_plain_data(part):
    json.dumps({name: value for name, value in part.items() if name != "tables"}, allow_nan=False)
