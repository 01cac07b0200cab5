"""Read a dossier: what the authors of a study wrote about it, and what they declared.

Plain YAML with a closed set of entries, all optional. A dossier changes no number of the simulation; the
report prints its text as text. ``docs/report.md`` explains every entry.
"""

import hashlib
from pathlib import Path
from typing import Any

import yaml

from adaptive.errors import BadInput, did_you_mean
from adaptive.oc.dossier_fields import Choice, Day, Number, Record, Several, Weights, Words
from adaptive.oc.labels import METRICS

DOSSIER = "dossier.yaml"
"""Name of the file in the folder of a study."""
LARGEST = 2**20
TEXT, TEXTS, NAMES = Words(), Several(Words()), Several(Words())

EVENT = Record(
    {"event": TEXT, "strategy": TEXT, "handling": TEXT}, required=("event", "strategy", "handling")
)
ESTIMAND = Record(
    {
        **dict.fromkeys(("name", "endpoint", "population", "treatment", "variable", "summary"), TEXT),
        "events": Several(EVENT),
    },
    required=("name", "endpoint", "population", "treatment", "variable", "summary", "events"),
)
QUESTION = Record(
    {
        **dict.fromkeys(("id", "question", "metric", "level", "subgroup", "arm", "against", "reading"), TEXT),
        **dict.fromkeys(("scenarios", "designs", "also"), NAMES),
        "change_from": TEXT,
        "yes_if": Choice(("below", "above")),
    },
    required=("id", "question", "metric"),
)
CHECK = Record(
    {
        "quantity": Choice(("event_free", "median")),
        "channel": TEXT,
        **dict.fromkeys(("scenario", "subgroup", "arm", "source"), TEXT),
        "months": Number(above=0),
        "published": Number(above=0),
        "tolerance": Number(above=0),
    },
    required=("quantity", "scenario", "subgroup", "arm", "published", "tolerance", "source"),
)
ENTRIES = Record(
    {
        "version": TEXT,
        "status": Choice(("draft", "frozen")),
        "frozen": Record({"date": Day(), "by": TEXT, "reason": TEXT}, required=("date", "by", "reason")),
        "rules_predate_data": TEXT,
        "conclusion": TEXT,
        "rationale": Record(dict.fromkeys(("adaptive", "bayesian", "simpler", "role"), TEXT)),
        "interaction": TEXTS,
        "estimands": Several(ESTIMAND),
        "questions": Several(QUESTION),
        "targets": Weights(),
        "design_prior": Weights(),
        "priors": Several(
            Record(
                dict.fromkeys(("parameter", "justification", "source", "tag"), TEXT),
                required=("parameter", "justification", "source", "tag"),
            )
        ),
        "parameters": Several(
            Record(
                dict.fromkeys(("parameter", "population", "uncertainty", "extraction"), TEXT),
                required=("parameter",),
            )
        ),
        "ranges": Several(
            Record(
                dict.fromkeys(("factor", "bounds", "justification"), TEXT),
                required=("factor", "bounds", "justification"),
            )
        ),
        "outside": TEXTS,
        "misspecification": TEXTS,
        "limitations": TEXTS,
        "checks": Several(CHECK),
        "history": Several(
            Record(
                {"date": Day(), **dict.fromkeys(("who", "what", "why"), TEXT)},
                required=("date", "who", "what", "why"),
            )
        ),
    }
)


class _Loader(yaml.SafeLoader):
    """Plain YAML that refuses a name given twice and references between entries."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases, with which a small file can stand for a huge one."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem="references (*name) are not allowed", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        """Refuse a name given twice."""
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for position, name in enumerate(names):
            if name in names[:position]:
                mark = node.value[position][0].start_mark
                raise yaml.MarkedYAMLError(problem=f"{name!r} is given twice", problem_mark=mark)
        return super().construct_mapping(node, deep)


def load_dossier(path: Path | str) -> dict[str, Any]:
    """Return a checked dossier with its hash.

    Parameters
    ----------
    path
        A YAML file in UTF-8.

    Returns
    -------
    The entries that came; texts without surrounding space, numbers as floats, days as text. ``sha256`` is the
    hash of the file.

    Raises
    ------
    BadInput
        With every fault: unknown entries with the nearest allowed name, missing and wrong values, questions
        on a metric that does not exist, identifiers given twice, a frozen dossier without its date.
    """
    path = Path(path)
    raw = _bytes(path)
    try:
        content = yaml.load(raw.decode("utf-8"), Loader=_Loader)
    except (UnicodeDecodeError, yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{path}: not a plain YAML file ({reason}); correct it") from error
    clean, faults = ENTRIES.read({} if content is None else content, "")
    faults += _between(clean)
    if faults:
        raise BadInput([f"{path}: {fault}" for fault in faults])
    return clean | {"sha256": hashlib.sha256(raw).hexdigest()}


def _bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error}); give a YAML file") from error
    if len(raw) > LARGEST:
        raise BadInput(f"{path}: {len(raw):,} bytes; a dossier has at most {LARGEST:,}")
    return raw


def _between(clean: dict[str, Any]) -> list[str]:
    """Return faults that concern several entries."""
    faults = []
    if clean.get("status") == "frozen" and "frozen" not in clean:
        faults.append("frozen: is missing; a frozen dossier says when, by whom and why (date, by, reason)")
    for name, key in (("questions", "id"), ("estimands", "name"), ("parameters", "parameter")):
        ids = [entry.get(key) for entry in clean.get(name, [])]
        for twice in sorted({str(each) for each in ids if ids.count(each) > 1}):
            faults.append(f"{name}: {key} {twice!r} occurs {ids.count(twice)} times; give each its own")
    named = []
    for i, question in enumerate(clean.get("questions", [])):
        named.append((f"questions[{i}].metric", question.get("metric", "")))
        named += [(f"questions[{i}].also", name.partition(":")[0]) for name in question.get("also", [])]
        faults += [
            f"questions[{i}].against: is missing; {key} is about a paired difference, so name the benchmark"
            for key in ("yes_if", "change_from")
            if key in question and "against" not in question
        ]
    named += [(f"targets.{metric}", metric) for metric in clean.get("targets", {})]
    faults += [fault for where, metric in named for fault in _metric(where, metric)]
    for i, check in enumerate(clean.get("checks", [])):
        if check.get("quantity") == "event_free" and "months" not in check:
            faults.append(f"checks[{i}].months: is missing; say at how many months")
        if check.get("quantity") == "median" and "months" in check:
            faults.append(f"checks[{i}].months: a median is not at some months; remove it")
    return faults


def _metric(where: str, metric: str) -> list[str]:
    """Return a fault if there is no such metric; those with advice applied exist too."""
    if not metric or metric.removesuffix("_advice_applied") in METRICS:
        return []
    near = did_you_mean(metric, list(METRICS))
    return [f"{where}: there is no metric {metric!r}; docs/report.md says where they are listed{near}"]
