"""The machine-readable contract of ``report.json``: the same keys for every study, empty if nothing is known.

Assembled from the content by name alone; a part of the content that is not there leaves its key empty.
``templates/report.schema.json`` is its JSON schema.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import date

import pandas as pd

from adaptive.report.made_by import commands_of

VERSION = 1
TIDY = {"scenario", "design", "metric", "estimate", "mcse", "lower", "upper", "n", "m"}
"""Columns of the frames whose rows are operating characteristics."""
OTHERS = ("convergence", "prior_predictive", "borrowing")
"""Tidy frames that are no operating characteristics."""
BAYESIAN = ("bayes", "posterior_calibration")
TARGETED = ("claims", "size", "allocation", "estimation")
LEVELS = ("", "mean", "overall")
"""Tables and levels with a target of precision: over all trials, no percentiles, nothing given a claim."""
DIFFERENCE = "difference"
"""Level of the rows of a sensitivity analysis that are differences from the base."""
NORMAL_95 = 1.959963984540054


def contract(content: dict, section_of: Mapping[str, str]) -> dict:
    """Return the keys of the contract.

    Parameters
    ----------
    content
        Content of the report.
    section_of
        Printed number of each section by name.
    """
    dossier = content.get("dossier") or {}
    return {
        "contract_version": VERSION,
        "estimands": plain_json(dossier.get("estimands", [])),
        "design": _design(content),
        "dgm": {
            "params": _parameters(content),
            "formulas": plain_json(content.get("dgm", {}).get("formulas", [])),
        },
        "model": _model(content, dossier),
        "scenarios": _scenarios(content),
        "oc": list(_characteristics(content)),
        "null_space": plain_json(content.get("null_space", {})) | {"points": _rows(content, "null_space")},
        "bayes_oc": [row for name in BAYESIAN for row in _rows(content, name)],
        "examples": plain_json(content.get("examples", {}).get("items", [])),
        "sensitivity": _sensitivity(content),
        "diagnostics": _diagnostics(content),
        "repro": _reproduction(content),
        "checklist": _checklist(content),
        "sections": dict(section_of),
        "trust": plain_json(content.get("trust", {})),
    }


def plain_json(value: object) -> object:
    """Return a value of the content as plain JSON: frames as lists of rows, a missing number as ``None``."""
    if isinstance(value, pd.DataFrame):
        return records(value)
    if isinstance(value, Mapping):
        return {str(name): plain_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if hasattr(value, "tolist"):
        return plain_json(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


def records(frame: pd.DataFrame) -> list[dict]:
    """Return rows as dictionaries of plain JSON values; a missing number becomes ``None``."""
    columns = [
        [None if missing else plain_json(value) for value, missing in zip(values, gaps, strict=True)]
        for values, gaps in ((frame[c].tolist(), frame[c].isna().tolist()) for c in frame.columns)
    ]
    names = [str(name) for name in frame.columns]
    return [dict(zip(names, line, strict=True)) for line in zip(*columns, strict=True)]


def _rows(content: dict, name: str) -> list[dict]:
    """Return the rows of one table, none if it does not exist."""
    frame = content["tables"].get(name)
    return [] if frame is None else records(frame)


def _characteristics(content: dict) -> Iterator[dict]:
    """Yield every operating characteristic with its error, denominator and target of precision."""
    targets = content.get("trust", {}).get("target_by_metric", {})
    for name, frame in content["tables"].items():
        if name in OTHERS or not TIDY.issubset(frame.columns):
            continue
        for row in records(frame):
            lower, upper = row.pop("lower"), row.pop("upper")
            aimed = name in TARGETED and row.get("level") in LEVELS and row["estimate"] is not None
            target = targets.get(row["metric"]) if aimed else None
            met = None if target is None else _reached(row["mcse"], lower, upper) <= target * (1 + 1e-9)
            yield {"table": name} | row | {"ci": [lower, upper], "target_mcse": target, "met": met}


def _reached(mcse: float | None, lower: float | None, upper: float | None) -> float:
    """Return the error to hold against a target; limits count because a share of 0 has an MCSE of 0."""
    if mcse is None or lower is None or upper is None:
        return math.inf
    return max(mcse, (upper - lower) / (2 * NORMAL_95))


def _design(content: dict) -> dict:
    """Return what the designs fix in advance."""
    meta, specified = content["meta"], content.get("specification", {})
    settings = (
        {row.pop("property"): row for row in records(content["designs"])} if "designs" in content else {}
    )
    return {
        "arms": list(meta.get("arms", [])),
        "subgroups": list(meta.get("subgroups", [])),
        "benchmark": meta.get("benchmark"),
        "designs": list(meta["designs"]),
        "rules": plain_json(specified.get("rules", [])),
        "looks": plain_json(specified.get("looks", [])),
        "settings": plain_json(settings),
        "specification": plain_json(specified.get("designs", [])),
    }


def _model(content: dict, dossier: Mapping) -> dict:
    """Return the priors, as the design states them or else as the authors do, and the likelihood."""
    specified = content.get("specification", {})
    priors = plain_json(specified.get("priors", []))
    return {
        "priors": priors or plain_json(dossier.get("priors", [])),
        "models": plain_json(specified.get("models", [])),
        "notes": content.get("model_notes", []),
    }


def _parameters(content: dict) -> list[dict]:
    """Return every assumed number with unit, source and evidence tag."""
    rows = records(content["parameters"]) if "parameters" in content else []
    return [{"name": row.pop("parameter", None)} | row for row in rows]


def _scenarios(content: dict) -> list[dict]:
    """Return every scenario with the hashes of its configurations, its truth and what sets it apart."""
    settings = records(content["scenario_settings"]) if "scenario_settings" in content else []
    truth = records(content["scenarios"]) if "scenarios" in content else []
    return [
        {
            "id": name,
            "hash": {c["design"]: c["sha256"] for c in content["configs"] if c["scenario"] == name},
            **_class(content, name),
            "params": {row["setting"]: row.get(name) for row in settings},
            "truth": [
                {k: v for k, v in row.items() if k != "scenario"} for row in truth if row["scenario"] == name
            ],
        }
        for name in content["meta"]["scenarios"]
    ]


def _class(content: dict, scenario: str) -> dict:
    """Return whether a scenario is null, and whether it departs from the model or has harm (stress)."""
    frame = content.get("dgm", {}).get("scenarios")
    if frame is not None and len(frame):
        declared = dict(zip(frame["scenario"], frame["class"], strict=True)).get(scenario, "")
        return {"class": "null" if declared.startswith("null") else "alt", "stress": "stress" in declared}
    claims = content["tables"].get("claims")
    if claims is None or not {"scenario", "metric"}.issubset(claims.columns):
        return {"class": None, "stress": None}
    benefit = ((claims.scenario == scenario) & (claims.metric == "power")).any()
    return {"class": "alt" if benefit else "null", "stress": None}


def _sensitivity(content: dict) -> list[dict]:
    """Return the paired difference of every level of every factor from its base."""
    kept = ("factor", "scenario", "design", "metric", "subgroup", "arm", "mcse", "n", "m")
    return [
        {name: row.get(name) for name in kept}
        | {"level": row.get("setting"), "delta": row["estimate"], "ci": [row["lower"], row["upper"]]}
        for row in _rows(content, "sensitivity")
        if row["level"] == DIFFERENCE
    ]


def _diagnostics(content: dict) -> dict:
    """Return what failed, and what the reference fits of the audit say about the engine."""
    audit = {name: records(frame) for name, frame in content.get("audit", {}).get("tables", {}).items()}
    failures = _rows(content, "failures")
    return {
        "failed": sum(int(row.get("failed") or 0) for row in failures),
        "failures": failures,
        "fits": audit.get("audit_fits", []),
        "bridge": audit.get("audit_flips", []),
    }


def _reproduction(content: dict) -> dict:
    """Return what made the results and how to make them again."""
    return {
        "commands": commands_of(content),
        "results": records(content["provenance"]),
        "files": records(content["files"]),
        "configs": [
            {name: config[name] for name in ("design", "scenario", "sha256")} for config in content["configs"]
        ],
    }


def _checklist(content: dict) -> list[dict]:
    """Return the rows of the compliance matrix."""
    return plain_json(content.get("checklist", []))
