"""Turn stored results into the content of a report: plain frames, dictionaries and sentences.

What is built here is all that the report sees; ``adaptive.report`` documents the layout.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adaptive.oc import labels, report_text
from adaptive.oc.answers import add_searches, answers_part
from adaptive.oc.audit_content import audit_content
from adaptive.oc.bayes_content import bayes_part
from adaptive.oc.commands_content import command_of, commands_part
from adaptive.oc.compare import benchmark_of
from adaptive.oc.convergence import convergence_part
from adaptive.oc.decisions import decision_part
from adaptive.oc.dgm import coverage_part, dgm_part
from adaptive.oc.dossier_content import dossier_part
from adaptive.oc.examples import examples_part
from adaptive.oc.horizon import horizon_part
from adaptive.oc.load import CellResult, load_results
from adaptive.oc.model_content import Build, model_content
from adaptive.oc.null_content import null_part
from adaptive.oc.outcomes import ADVISED
from adaptive.oc.parameters import differences, parameter_table
from adaptive.oc.precision import words
from adaptive.oc.results_notes import noninferiority_table, notes_part
from adaptive.oc.sensitivity_content import sensitivity_part
from adaptive.oc.software_content import software_part
from adaptive.oc.source import Makers, Source
from adaptive.oc.specification import specification_part
from adaptive.oc.summary import complete_summary
from adaptive.oc.tables import build_tables
from adaptive.oc.trust import trust_part
from adaptive.oc.truth_content import truth_part
from adaptive.oc.zips import zip_part
from adaptive.scenario.truth import Scenario

PARTS: dict[str, Callable[[Source, dict[str, pd.DataFrame]], dict]] = {
    "dossier": dossier_part,
    "specification": specification_part,
    "dgm": dgm_part,
    "coverage": coverage_part,
    "bayes": bayes_part,
    "decisions": decision_part,
    "convergence": convergence_part,
    "results_notes": notes_part,
    "horizon": horizon_part,
    "zip": zip_part,
    "null_space": null_part,
    "sensitivity": sensitivity_part,
    "truth_check": truth_part,
    "answers": answers_part,
    "commands": commands_part,
    "examples": examples_part,
    "software": software_part,
    "trust": trust_part,
}
"""Name of a part of the content, and what makes it; its ``tables`` join the others."""


def build_content(
    paths: Iterable[Path | str],
    build: Build | None = None,
    *,
    scenario: Callable[[Mapping[str, Any]], Scenario] | None = None,
    folder: Path | None = None,
    dossier: Mapping[str, Any] | None = None,
    draft: bool = False,
) -> dict:
    """Return the content of a report on every result at or below ``paths``.

    Parameters
    ----------
    paths
        Folders of results.
    build, scenario
        Make a design and a scenario of a configuration; without them what needs them is left out.
    folder
        Folder of the study, in which evidence of other commands lies.
    dossier
        What the authors of the study wrote, checked.
    draft
        Whether altered files are read and told in ``content["trust"]`` instead of refused.

    Raises
    ------
    BadInput
        If a result is incomplete or unreadable, or altered and no draft is asked for; if results do not
        belong to one study, or if a design cannot be paired with the benchmark.
    """
    altered: list[str] = []
    results = in_order(load_results(paths, altered if draft else None))
    source = Source(results, folder, Makers(build, scenario), dossier or {}, draft, tuple(altered))
    return content_of(source)


def content_of(source: Source) -> dict:
    """Return the content of a report: what every study has, then the parts in their order."""
    content = _common(source)
    for name, make in PARTS.items():
        part = make(source, content["tables"])
        content["tables"] |= part.pop("tables", {})
        content[name] = part
    asked = source.dossier.get("questions", [])
    add_searches(content["answers"]["answers"], asked, content["null_space"]["searches"])
    content["summary"] = complete_summary(content["summary"], content, source.results)
    return content


def _common(source: Source) -> dict:
    """Return what every study has."""
    results = source.results
    audit = audit_content(source)
    models = model_content(results, source.makers.design)
    tables = build_tables(results) | audit["tables"] | models["tables"]
    tables["noninferiority"] = noninferiority_table(results)
    benchmark = benchmark_of(results)
    parameters = parameter_table(results, source.dossier.get("parameters", []))
    designs = list(dict.fromkeys(result.design for result in results))
    return {
        "meta": meta(results, designs, benchmark) | {"draft": source.draft},
        "labels": label_content(),
        "summary": report_text.summary(results, tables, benchmark),
        "headline": report_text.headline(tables, results),
        "warnings": [*report_text.warnings(results, tables, parameters, benchmark), *audit["messages"]],
        "audit": audit,
        "model_notes": models["notes"],
        "designs": design_table(results),
        "scenarios": scenario_table(results),
        "scenario_settings": differences(_configs(results, by_scenario=True)),
        "design_settings": differences(_configs(results, by_scenario=False)),
        "parameters": parameters,
        "tables": tables,
        "configs": [
            {"design": r.design, "scenario": r.scenario, "text": r.config_text, "sha256": config_hash(r)}
            for r in results
        ],
        "provenance": provenance_table(results),
        "files": file_table(results),
    }


def in_order(results: Sequence[CellResult]) -> list[CellResult]:
    """Return results with the benchmark design first and, of the scenarios, those with most nulls first."""
    benchmark = results[0].manifest.get("benchmark")

    def rank(result: CellResult):
        benefits = int((~result.truth.is_null & result.offered).sum())
        return benefits, result.scenario, result.design != benchmark, result.design

    # A scenario keeps one rank over designs even where designs offer different cells.
    first = {}
    for result in sorted(results, key=rank):
        first.setdefault(result.scenario, len(first))
    return sorted(results, key=lambda r: (first[r.scenario], r.design != benchmark, r.design))


def meta(results: Sequence[CellResult], designs: Sequence[str], benchmark: str | None) -> dict:
    """Return names, the title and the numbers of trials."""
    first = results[0]
    adaptations = adaptations_of(results)
    return {
        "study": first.manifest["study"],
        "title": f"Operating characteristics of a Bayesian adaptive trial: {first.manifest['study']}",
        "subtitle": "Adaptive design with " + report_text.joined(adaptations) if adaptations else "",
        "designs": list(designs),
        "scenarios": list(dict.fromkeys(result.scenario for result in results)),
        "subgroups": list(first.subgroups),
        "arms": list(first.arms),
        "benchmark": benchmark,
        "n_min": min(result.n_trials for result in results),
        "n_max": max(result.n_trials for result in results),
        "command": sorted({command_of(r) for r in results} - {""}),
    }


def adaptations_of(results: Sequence[CellResult]) -> list[str]:
    """Name what the designs adapt, as the manifests tell it."""
    designs = [result.manifest["design"] for result in results]
    kinds = {str(rule.get("kind", "")).lower() for design in designs for rule in design.get("rules", [])}
    several = any(int(design.get("n_looks") or 1) > 1 for design in designs)
    found = []
    if any(design.get("responds") for design in designs):
        found.append("response-adaptive randomisation")
    if any(design.get("awaits") for design in designs):
        found.append("an end of accrual when success is expected")
    if any("Arms that come and go" in design.get("timing", {}) for design in designs):
        found.append("arms that enter or leave")
    found += [
        f"stopping for {name}"
        for name in ("efficacy", "futility", "harm")
        if several and any(name in kind for kind in kinds)
    ]
    if several and len(results[0].subgroups) > 1:
        found.append("closure of arms within subgroups")
    return found


def label_content() -> dict:
    """Return metric labels with units and definitions, those with advice applied included."""
    metrics = {
        name: {"label": label, "unit": unit, "definition": definition}
        for name, (label, unit, definition) in labels.METRICS.items()
    }
    for name in labels.CLAIMS:
        plain = metrics[name]
        metrics[name + ADVISED] = plain | {
            "label": plain["label"] + labels.ADVICE_SUFFIX,
            "definition": plain["definition"] + "; a claim counts only if no earlier look advised to stop",
        }
    return {"metrics": metrics, "states": labels.STATES, "reasons": labels.REASONS}


def rule_text(rule: dict) -> str:
    """Return one decision rule in words."""
    kind = str(rule.get("kind", "rule"))
    return f"{kind}: {_condition(rule)}, {'binding' if rule.get('binding', True) else 'non-binding'}"


def _condition(rule: dict) -> str:
    """Return what a rule asks, its parts joined by their word, and the cells in which it acts."""
    if parts := rule.get("parts"):
        several = len(parts) > 1
        wide = [several and (len(part["asks"]) > 1 or "scope" in part) for part in parts]
        texts = [f"({_condition(p)})" if w else _condition(p) for p, w in zip(parts, wide, strict=True)]
    else:
        texts = [_ask_text(ask) for ask in rule.get("asks", [])]
    condition = f" {rule.get('joined', 'and')} ".join(texts)
    return condition + (f", {rule['scope']}" if rule.get("scope") else "")


def _ask_text(ask: dict) -> str:
    """Return one comparison of a rule in words."""
    shown = ["not applied" if t is None or t != t else f"{t:g}" for t in ask["threshold"]]
    at_looks = shown[0] if len(set(shown)) == 1 else "[" + ", ".join(shown) + "] by look"
    events = f", from {ask['min_events']:g} events" if ask["min_events"] else ""
    return f"{ask['quantity'].replace('>=', '≥')} {ask['sign']} {at_looks}{events}"


def design_table(results: Sequence[CellResult]) -> pd.DataFrame:
    """Return the designs side by side: a row per property, a column per design."""
    columns = {}
    for result in results:
        design = result.manifest["design"]
        rules = [rule_text(rule) for rule in design.get("rules", [])]
        columns.setdefault(
            result.design,
            {
                "Arms, control first": ", ".join(result.arms),
                "Subgroups": ", ".join(result.subgroups),
                "Endpoint": _plain(design.get("endpoint")),
                "Looks": _plain(design.get("n_looks")),
                "Largest number of patients": _plain(design.get("max_patients")),
                "Calendar limit, months": _plain(design.get("max_months")),
                "Allocation": _plain(design.get("allocation")),
                **design.get("timing", {}),
                "Rules": "\n".join(rules) or "none",
                "Analysis model": _plain(design.get("model")),
                "Posterior engine": _plain(design.get("engine")),
            },
        )
    frame = pd.DataFrame(columns)
    return frame.rename_axis("property").reset_index()


def _plain(value: object) -> str:
    """Return a described part as text."""
    if isinstance(value, dict):
        kind = str(value.get("kind", ""))
        rest = ", ".join(f"{key} {_plain(item)}" for key, item in value.items() if key != "kind")
        return f"{kind} ({rest})" if kind and rest else kind or rest
    if isinstance(value, list | tuple):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    return "\N{EN DASH}" if value is None else plain_words(str(value))


def plain_words(name: str) -> str:
    """Return the name of a part of the program or of an endpoint in words."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", " ", name).replace("_", " ")
    return words if words == name or "_" in name else words[:1] + words[1:].lower()


def scenario_table(results: Sequence[CellResult]) -> pd.DataFrame:
    """Return the true values of every scenario: a row per scenario and subgroup, columns by arm."""
    rows, seen = [], set()
    for result in results:
        if result.scenario in seen:
            continue
        seen.add(result.scenario)
        for s, subgroup in enumerate(result.subgroups):
            effects = {
                f"hazard ratio, {arm}": _effect(
                    float(result.truth.log_hr[s, b]), bool(result.truth.is_null[s, b])
                )
                for b, arm in enumerate(result.arms[1:])
            }
            place = {"scenario": result.scenario, "subgroup": subgroup}
            rows.append(place | effects | _incidence(result, s))
    return pd.DataFrame(rows)


def _effect(log_hr: float, is_null: bool) -> str:
    """Return a true hazard ratio as text, marked when the cell is null."""
    shown = f"{np.exp(log_hr):.3g}" if np.isfinite(log_hr) else "\N{EN DASH}"
    return f"{shown} (no benefit)" if is_null else shown


def _incidence(result: CellResult, s: int) -> dict:
    """Return the true cumulative incidences at the horizon, where they are stored."""
    content = result.truth.content
    horizon = content.get("horizon_months")
    at = f"incidence at {horizon:g} months" if horizon else "incidence at the horizon"
    try:
        return {f"{at}, {arm}": f"{float(content['cif'][s][a]):.3f}" for a, arm in enumerate(result.arms)}
    except (KeyError, IndexError, TypeError, ValueError):
        return {}


def _configs(results: Sequence[CellResult], *, by_scenario: bool) -> dict[str, dict]:
    """Return configurations to compare: the scenarios of one design, or the designs of one scenario."""
    first = results[0]
    if by_scenario:
        return {r.scenario: r.config for r in results if r.design == first.design}
    return {r.design: r.config for r in results if r.scenario == first.scenario}


def config_hash(result: CellResult) -> str:
    """Return the recorded hash of the configuration."""
    return str(result.manifest.get("config_sha256") or result.manifest["files"]["config.yaml"])


def provenance_table(results: Sequence[CellResult]) -> pd.DataFrame:
    """Return what made each result: versions, seed, precision, device, code and configuration."""
    rows = []
    on_demand = any(result.manifest.get("until") for result in results)
    for result in results:
        manifest = result.manifest
        code = manifest.get("code", {})
        rows.append(
            {
                "scenario": result.scenario,
                "design": result.design,
                "seed": str(manifest["seed"]),
                "precision": _plain(manifest.get("dtype")),
                "device": _plain(manifest.get("device")),
                "commit": _plain(code.get("commit")),
                "uncommitted changes": {True: "yes", False: "no"}.get(code.get("dirty"), "unknown"),
                **{name: _plain(version) for name, version in manifest.get("versions", {}).items()},
                "config SHA-256": config_hash(result),
                "command": command_of(result) or "\N{EN DASH}",
                **(
                    {"precision on demand": _plain(words(manifest.get("until")) or None)} if on_demand else {}
                ),
            }
        )
    return pd.DataFrame(rows)


def file_table(results: Sequence[CellResult]) -> pd.DataFrame:
    """Return the SHA-256 of every file that the report was made from; all were checked on reading."""
    rows = [
        {"scenario": result.scenario, "design": result.design, "file": name, "SHA-256": digest}
        for result in results
        for name, digest in sorted(result.manifest["files"].items())
    ]
    return pd.DataFrame(rows)
