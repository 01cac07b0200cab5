"""Which kinds of comparator stand beside the designs of a study, and which are missing.

Kinds are those that regulators ask for: simpler conduct, and less or more borrowing between subgroups. Told
from the configurations that ran; nothing is compared here.
"""

from collections.abc import Sequence

from adaptive.oc.load import CellResult
from adaptive.oc.report_text import joined
from adaptive.oc.sensitivity_store import Index

BORROWING = {"no borrowing between subgroups": "no_pooling", "full borrowing": "full_pooling"}


def missing_comparators(results: Sequence[CellResult], index: Index | None) -> list[str]:
    """Return the kinds of comparator that no design of the results is, with what there is instead.

    Parameters
    ----------
    results
        Results of the study.
    index
        Its sensitivity analyses, where a model that borrows otherwise may have been simulated.
    """
    conduct = {result.design: result.manifest["design"] for result in results}.values()
    models = {(result.config.get("model") or {}).get("kind") for result in results}
    found = []
    if not any(design["n_looks"] == 1 for design in conduct):
        found.append("a single analysis at the end: not simulated")
    if not any(design["n_looks"] > 1 and not design["responds"] for design in conduct):
        found.append("interim looks at a fixed ratio (group-sequential): not simulated")
    if len(results[0].subgroups) > 1:
        found += [
            f"{words}: {_elsewhere(kind, index)}" for words, kind in BORROWING.items() if kind not in models
        ]
    return found


def _elsewhere(model: str, index: Index | None) -> str:
    """Return where a model was simulated among the sensitivity analyses."""
    for factor in index.factors if index is not None else ():
        if any(text == f"model={model}" for level in factor.levels for text in level.overrides):
            return (
                f"only in the sensitivity analysis {factor.title!r}, for {joined(factor.designs)} in "
                f"{joined(factor.scenarios)}"
            )
    return "not simulated"
