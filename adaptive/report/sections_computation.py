"""Parts of the report on how posteriors are computed, how fits went, and the checks of the software.

Computes nothing but shares of counts.
"""

import pandas as pd

from adaptive.report.blocks import Items, Text
from adaptive.report.pivot import plain
from adaptive.report.section import Section, section

INTERIM = "real interim analyses"
FAILED = (
    "A fit that fails its checks fires no rule, leaves every cell open and sets the allocation back to the "
    "starting ratio; a virtual trial that could not be simulated at all is in no denominator, and the table "
    "of failures scores it as a false claim in its worst case."
)


def computation_section(content: dict) -> Section | None:
    """Return how each posterior is computed, and how often a fit failed."""
    spec = content.get("specification", {})
    engines = spec.get("engines")
    if engines is None or engines.empty:
        return None
    failures = content["tables"]["failures"]
    looks, bad = int(failures.looks_held.sum()), int(failures.unhealthy_looks.sum())
    text = (
        f"Of {looks:,} fits, one for each look held over all virtual trials, {bad:,} failed their checks "
        f"({_share(bad, looks)})."
    )
    return section(
        "computation",
        "How each posterior is computed",
        [],
        plain(
            pd.concat([engines[["item", "design", "text"]], _interim(content)], ignore_index=True),
            name="engines",
            caption="Method and settings in force. Of real interim analyses: as shipped; those of one "
            "analysis are in its decision record.",
            titles={"item": "Item", "design": "Design", "text": "Value"},
            collapse=False,
            made_by="configuration",
        ),
        Text(_precisions(content)),
        Text(text + " " + FAILED),
        short="Computation",
        covers=("F1", "F2"),
    )


def _interim(content: dict) -> pd.DataFrame:
    """Return method and settings of real interim analyses, as rows of the table of engines."""
    rows = [(item, INTERIM, text) for item, text in content.get("interim", [])]
    return pd.DataFrame(rows, columns=["item", "design", "text"])


def _share(bad: int, looks: int) -> str:
    """Return a share of fits with a bound where none failed."""
    if not looks:
        return "none held"
    if not bad:
        return f"with none in {looks:,}, the 95% upper limit is about {_rare(3 / looks)}"
    return f"{100 * bad / looks:.2g}%"


def _rare(share: float) -> str:
    """Return a small share without an exponent of ten."""
    return f"{share:.1g}" if share >= 1e-4 else f"{float(f'{1e6 * share:.1g}'):g} in a million"


def _precisions(content: dict) -> str:
    """Return the number type of the simulations."""
    kinds = ", ".join(dict.fromkeys(str(kind) for kind in content["provenance"]["precision"]))
    return (
        f"Trials were simulated in {kinds}; an engine with a precision of its own computes in that. Seeds, "
        "streams and versions are in chapter 7."
    )


def validation_section(content: dict) -> Section:
    """Return where the checks of the software lie that no report can hold."""
    del content
    return section(
        "validation",
        "Checks that do not depend on this study",
        [],
        Items(
            "The validation pack (docs/validation.md) lists every check with the test that runs it:",
            [
                "simulation-based calibration of the models with NUTS (F5)",
                "the fast engine against brute force that shares no code with it, and against NUTS",
                "conjugate and closed-form cases, the log-rank and Cox tests against R and scipy, "
                "group-sequential designs against gsDesign, response-adaptive rules against published "
                "numbers (F6)",
                "every metric of this report and its Monte Carlo error against bootstrap and closed forms",
            ],
        ),
        short="Validation",
        covers=("F5", "F6"),
    )
