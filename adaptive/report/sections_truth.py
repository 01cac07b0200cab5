"""The check of true values by a large sample. Computes nothing."""

import pandas as pd

from adaptive.report.pivot import Table, plain
from adaptive.report.section import Section, section

COLUMNS = {
    "scenario": "Scenario",
    "quantity": "Quantity",
    "subgroup": "Subgroup",
    "arm": "Arm",
    "stored_text": "True value",
    "text": "Estimate (SE)",
    "z": "z",
    "n": "Patients",
    "m": "Events",
}


def truth_section(content: dict) -> Section | None:
    """Return the section, which says so where nothing was checked; ``None`` without that part.

    It answers the checklist only if no true value differs from the sample.
    """
    part = content.get("truth_check")
    if part is None:
        return None
    return section(
        "truth-check",
        "True values checked by a large sample",
        part["lead"],
        _table(content["tables"].get("truth_check")),
        short="Check of true values",
        covers=("B3",) if part["sound"] else (),
    )


def _table(frame: pd.DataFrame | None) -> Table | None:
    if frame is None or frame.empty:
        return None
    shown = frame.assign(z=[_z(*pair) for pair in zip(frame.z, frame.reason, strict=True)])
    shown = shown.assign(mark=["differs" if differs else "" for differs in shown.differs])
    return plain(
        shown[[*COLUMNS, "mark"]],
        name="truth_check",
        caption="Computed true values, and estimates from the large sample with their standard errors; "
        "z is their difference in standard errors.",
        stub=4,
        titles=COLUMNS,
        flag="mark",
        numeric=True,
        collapse=True,
        made_by="truth",
    )


def _z(z: float, reason: str) -> str:
    return f"not comparable: {reason}" if reason else f"{z:+.2f}".replace("-", "\N{MINUS SIGN}")
