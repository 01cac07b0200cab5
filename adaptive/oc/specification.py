"""The part of the report's content that specifies the designs: plain text and frames made from what was run.

A configuration that builds no design in this version is specified by its manifest alone, and that is said.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.oc import specification_allocation as allocation
from adaptive.oc import specification_model as model
from adaptive.oc import specification_rules as rules
from adaptive.oc import specification_words as words
from adaptive.oc.load import CellResult
from adaptive.oc.parameters import is_parameter, value_text, walk
from adaptive.oc.source import Source

TOPICS: tuple[tuple[str, Callable[[Design], list[words.Line]]], ...] = (
    ("Arms and strata", words.population_lines),
    ("Randomisation", allocation.randomisation_lines),
    ("Calendar of arms", words.calendar_lines),
    ("Hard limits", words.limit_lines),
    ("Delays", words.delay_lines),
)
SETTINGS = ("design", "looks", "allocation", "rules", "model", "posterior")
PREDICTIVE = ("predictive", "predictive_information", "confirmatory_success")
NON_INFERIORITY = ("non_inferiority", "non_inferiority_risk")
EVERY = "all designs"


def specification_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the specification of every design.

    Returns
    -------
    ``designs`` (name, text, flow and formula of each), ``lines``, ``looks``, ``rules``, ``settings``,
    ``predictive`` (frames over designs), ``verdicts`` and ``transitions`` (frames by design), ``models``,
    ``priors``, ``engines``, sentences, ``not_applicable`` (checklist items with the reason) and ``notes``.
    """
    del tables
    first = first_results(source.results)
    built, notes = built_designs(source, first)
    groups = model_groups(first, built)
    return {
        "designs": [_design(name, first[name], built.get(name)) for name in first],
        "lines": shared_rows({name: _lines(design) for name, design in built.items()}),
        "looks": look_table(built),
        "rules": _stacked({name: rules.rule_table(design) for name, design in built.items()}),
        "verdicts": grouped({name: rules.verdict_table(design) for name, design in built.items()}),
        "transitions": grouped({name: rules.transition_table(design) for name, design in built.items()}),
        "unreachable": {name: rules.unreachable(design) for name, design in built.items()},
        "settings": settings_table(first),
        "predictive": predictive_table(first),
        "order_of_events": list(rules.ORDER_OF_EVENTS),
        "edges": list(rules.EDGES),
        "closing": list(rules.CLOSING),
        "models": [
            {"designs": names, **model.model_words(built[names[0]].analysis)} for names in groups if names
        ],
        "priors": _priors(groups, built, source.dossier.get("priors", [])),
        "censoring": list(model.CENSORING),
        "engines": shared_rows(
            {n: [("", *x) for x in model.engine_lines(d.analysis.engine)] for n, d in built.items()}
        ),
        "not_applicable": not_applicable(first, built),
        "notes": notes,
    }


def first_results(results: Sequence[CellResult]) -> dict[str, CellResult]:
    """Return one result of each design."""
    found: dict[str, CellResult] = {}
    for result in results:
        found.setdefault(result.design, result)
    return found


def built_designs(source: Source, first: dict[str, CellResult]) -> tuple[dict[str, Design], list[str]]:
    """Return the designs that their configurations build, and why others are missing."""
    built, notes = {}, []
    for name, result in first.items():
        if source.makers.design is None:
            continue
        try:
            built[name] = source.makers.design(result.config)
        except BadInput as error:
            notes.append(f"The stored configuration of {name} builds no design in this version: {error}")
    return built, notes


def shared_rows(lines: dict[str, list[tuple[str, str, str]]]) -> pd.DataFrame:
    """Return rows of topic, item, design and text; what all designs have in common is said once."""
    # The design with most to say sets the order of items, so that its lines stay together.
    order = sorted(lines.values(), key=len, reverse=True)
    texts = {(topic, item): {} for found in order for topic, item, _ in found}
    for name, found in lines.items():
        for topic, item, text in found:
            texts[topic, item][name] = text
    rows = []
    for (topic, item), by_design in _by_topic(texts).items():
        for text in dict.fromkeys(by_design.values()):
            names = [name for name, said in by_design.items() if said == text]
            rows.append((topic, item, EVERY if len(names) == len(lines) else ", ".join(names), text))
    return pd.DataFrame(rows, columns=["topic", "item", "design", "text"])


def _by_topic(texts: dict[tuple[str, str], dict[str, str]]) -> dict[tuple[str, str], dict[str, str]]:
    """Return entries with those of one topic beside each other, topics in their first order."""
    order = {topic: i for i, topic in enumerate(dict.fromkeys(topic for topic, _ in texts))}
    return dict(sorted(texts.items(), key=lambda item: order[item[0][0]]))


def _lines(design: Design) -> list[tuple[str, str, str]]:
    return [(topic, item, text) for topic, make in TOPICS for item, text in make(design)]


def _design(name: str, result: CellResult, built: Design | None) -> dict[str, Any]:
    """Return one design's name, what it says of itself, its formula and what the flow diagram shows."""
    described = result.manifest["design"]
    formula = None if built is None else built.allocation.formula()._asdict()
    return {
        "name": name,
        "description": str((result.config.get("design") or {}).get("description") or ""),
        "adapts": int(described.get("n_looks") or 1) > 1 or bool(described.get("responds")),
        "formula": formula,
        "flow": None if built is None else _flow(built, bool(described.get("responds"))),
    }


def _flow(design: Design, responds: bool) -> dict[str, Any]:
    """Return what the diagram of a design shows, as plain text."""
    table = rules.rule_table(design)
    n_looks = design.looks.n_looks
    return {
        "looks": [words.trigger(design.looks, look, design.subgroups) for look in range(n_looks)],
        "limits": f"{int(design.limits.max_patients)} patients, {float(design.limits.max_months):g} months",
        "rules": table.to_dict("records"),
        "responds": responds,
        "delayed": design.lags is not None,
    }


def look_table(built: dict[str, Design]) -> pd.DataFrame:
    """Return what triggers each look, a row per look and a column per design."""
    columns = {
        name: {
            look + 1: words.trigger(design.looks, look, design.subgroups) + _mark(look, design)
            for look in range(design.looks.n_looks)
        }
        for name, design in built.items()
    }
    frame = pd.DataFrame(columns)
    frame = frame.sort_index().rename_axis("look").reset_index().astype(object)
    return frame.where(frame.notna(), "\N{EN DASH}")


def _mark(look: int, design: Design) -> str:
    return " (final)" if look == design.looks.n_looks - 1 else ""


def _stacked(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return frames under each other, with the names of the designs that share one."""
    parts = [frame.assign(design=names) for names, frame in grouped(frames).items()]
    if not parts:
        return pd.DataFrame(columns=["design", *rules.RULE_COLUMNS])
    joined = pd.concat(parts, ignore_index=True)
    return joined[["design", *rules.RULE_COLUMNS]]


def grouped(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return each distinct frame once, under the names of its designs."""
    groups: list[tuple[list[str], pd.DataFrame]] = []
    for name, frame in frames.items():
        for names, known in groups:
            if known.equals(frame):
                names.append(name)
                break
        else:
            groups.append(([name], frame))
    return {", ".join(names): frame for names, frame in groups}


def model_groups(first: dict[str, CellResult], built: dict[str, Design]) -> list[list[str]]:
    """Return the designs grouped by what they analyse with: model, engine, intervals and periods."""
    groups: dict[str, list[str]] = {}
    for name in built:
        config = first[name].config
        design = config.get("design") or {}
        parts = (config.get("model"), config.get("posterior"), design.get("cuts"), design.get("periods"))
        groups.setdefault(repr(parts), []).append(name)
    return list(groups.values())


def _priors(groups: list[list[str]], built: dict[str, Design], stated: Sequence[dict]) -> pd.DataFrame:
    parts = [
        model.prior_table(built[names[0]].analysis.model, stated).assign(design=", ".join(names))
        for names in groups
    ]
    columns = ["design", *model.PRIOR_COLUMNS]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def settings_table(first: dict[str, CellResult]) -> pd.DataFrame:
    """Return every setting of every design's resolved configuration, a column per design."""
    columns = {}
    for name, result in first.items():
        chosen = {key: result.config[key] for key in SETTINGS if key in result.config}
        columns[name] = {path: _setting(node) for path, node in walk(chosen)}
    frame = pd.DataFrame(columns).fillna("\N{EN DASH}")
    return frame.rename_axis("setting").reset_index()


def _setting(node: object) -> str:
    return value_text(node["value"]) if is_parameter(node) else value_text(node)


def predictive_table(first: dict[str, CellResult]) -> pd.DataFrame:
    """Return every setting of every predictive probability; no rows if no rule has one."""
    rows = [
        (name, path, f"{key.replace('_', ' ')}", _setting(value))
        for name, result in first.items()
        for path, node in nodes(result.config.get("rules"), PREDICTIVE)
        for key, value in walk(node)
    ]
    return pd.DataFrame(rows, columns=["design", "rule", "setting", "value"])


def nodes(tree: object, kinds: Sequence[str], path: str = "") -> list[tuple[str, dict]]:
    """Return every mapping of a configuration whose ``kind`` is one of some, with its path."""
    if isinstance(tree, dict):
        here = [(path, tree)] if tree.get("kind") in kinds else []
        inside = [nodes(child, kinds, f"{path}.{key}".lstrip(".")) for key, child in tree.items()]
    elif isinstance(tree, list):
        here, inside = [], [nodes(child, kinds, f"{path}[{i}]") for i, child in enumerate(tree)]
    else:
        return []
    return [*here, *(found for each in inside for found in each)]


def not_applicable(first: dict[str, CellResult], built: dict[str, Design]) -> dict[str, str]:
    """Return the checklist items that these designs give no occasion for, with the reason."""
    found = {}
    if not any(nodes(result.config.get("rules"), NON_INFERIORITY) for result in first.values()):
        found["H11"] = "no rule claims non-inferiority"
    if len(built) < len(first):
        return found
    models = [design.analysis.model for design in built.values()]
    if not any(map(model.informative, models)):
        worth = "; ".join(dict.fromkeys(map(model.uninformative_words, models)))
        found["E5"] = f"no prior has earlier data, an informative part or a mixture in it: {worth}"
    if not any(model.approximates(design.analysis.engine) for design in built.values()):
        found["F4"] = "the simulated analysis is exact or the full sampler itself"
    return found
