"""Parts of the results on claims: type I error, power, non-inferiority. Computes nothing."""

import pandas as pd

from adaptive.report.arranged import cells, side_by_side
from adaptive.report.blocks import Block, Items, Text
from adaptive.report.figures import power_figure, type_i_error_figure
from adaptive.report.pivot import Table, pivot
from adaptive.report.section import CELLS, Section, compared, judged, noninferior, of_metrics, section

ERROR_READING = (
    "Each number is an estimate with its Monte Carlo standard error in parentheses, rounded by that error; "
    "where no or every trial counts, 95% Wilson limits in brackets replace it."
)
ELSEWHERE = (
    "claims are of non-inferiority, false only where the true hazard ratio is at the margin or above; these "
    "errors are in the part on non-inferiority, and none of the numbers below is theirs."
)
ALSO_RIGHT = (
    "claims are of non-inferiority, so a claim may be right where there is no benefit too; the part on "
    "non-inferiority has their probability."
)
ADVICE_READING = (
    "With advice followed, a claim counts only if no earlier look advised giving the cell up. The trials "
    "are not run anew: allocation and the other cells are as they were with the advice ignored. A dash: the "
    "design has no non-binding rule, or the number does not apply."
)


def type_i_error_section(content: dict) -> Section:
    """Return type I error over the trial, per arm, per subgroup and per cell."""
    others = noninferior(content)
    claims = judged(content["tables"]["claims"], content)
    advised = claims.metric.str.endswith("_advice_applied").any()
    lead = [
        "A false claim is a claim of benefit for an arm in a subgroup where it has none. Claims are "
        "one-sided: only a claim of benefit counts, never one of harm. Values are estimated over the "
        "declared scenarios only, and the denominator is every finished trial.",
        *([f"{', '.join(others)}: {ELSEWHERE}"] if others else []),
        ERROR_READING,
        *([ADVICE_READING] if advised else []),
    ]
    return section(
        "type-i-error",
        "Type I error",
        lead,
        _binding(content),
        type_i_error_figure(content | {"tables": content["tables"] | {"claims": claims}}),
        compared(
            of_metrics(claims, "fwer"),
            content,
            "metric",
            name="family_wise_error",
            caption="Family-wise: probability of at least one false claim in the trial.",
        ),
        *_margins(claims, content, "error", "false"),
        cells(
            of_metrics(claims, "type_i_error"),
            content,
            name="type_i_error",
            caption="Per cell: probability of a false claim for the arm in the subgroup.",
        ),
        covers=("H1",),
    )


def _binding(content: dict) -> Block | None:
    """Return what the error rates assume about futility."""
    notes = content.get("results_notes", {}).get("binding", [])
    return Items("", notes) if len(notes) > 1 else Text(notes[0]) if notes else None


def _margins(claims: pd.DataFrame, content: dict, kind: str, sort: str) -> list[Table | None]:
    """Return tables of any claim of a sort per arm and per subgroup; absent where there is one of either."""
    return [
        side_by_side(
            of_metrics(claims, f"{place}_{kind}"),
            content,
            place,
            "metric",
            name=f"{place}_{kind}",
            caption=f"Per {place}: probability of at least one {sort} claim {words}.",
        )
        for place, words in (
            ("arm", "for the arm in any subgroup"),
            ("subgroup", "in the subgroup for any arm"),
        )
    ]


def power_section(content: dict) -> Section:
    """Return power over the trial, per arm, per subgroup and per cell."""
    claims = judged(content["tables"]["claims"], content)
    others = noninferior(content)
    return section(
        "power",
        "Power",
        [
            "A true claim is a claim of benefit for an arm in a subgroup where it has one. Marginal power is "
            "that of one cell; disjunctive power that of any true claim, conjunctive of all of them; exactly "
            "the right claims are all true ones and no false one. The denominator is every finished trial.",
            *([f"{', '.join(others)}: {ALSO_RIGHT}"] if others else []),
        ],
        power_figure(content),
        side_by_side(
            of_metrics(claims, "disjunctive_power", "conjunctive_power", "correct_set"),
            content,
            "metric",
            name="power_of_trial",
            caption="Over the trial: probability of any, of every, and of exactly the right claims.",
        ),
        *_margins(claims, content, "power", "true"),
        cells(
            of_metrics(claims, "power"),
            content,
            name="power",
            caption="Marginal power: probability of a true claim for the arm in the subgroup.",
        ),
        covers=("H2",),
    )


def noninferiority_section(content: dict) -> Section:
    """Return claims of non-inferiority at, beyond and within the margin, or why there are none."""
    frame = content["tables"].get("noninferiority", pd.DataFrame(columns=["metric"]))
    per_cell = frame[frame.metric != "ni_fwer"]
    return section(
        "non-inferiority",
        "Non-inferiority",
        _noninferiority_lead(content.get("results_notes", {})),
        compared(
            frame[frame.metric == "ni_fwer"],
            content,
            name="noninferiority_trial",
            caption="Over the trial: probability of at least one claim of non-inferiority in a cell whose "
            "true hazard ratio is at the margin or above.",
        )
        if len(frame)
        else None,
        pivot(
            per_cell.assign(metric=per_cell.metric.map({"ni_error": "beyond", "ni_power": "within"})),
            name="noninferiority",
            caption="Probability of a claim of non-inferiority, by where the true hazard ratio lies.",
            keys={**CELLS, "design": "Design"},
            columns="metric",
            titles={"beyond": "At or beyond the margin (error)", "within": "Within the margin"},
        ),
        covers=("H11",),
    )


def _noninferiority_lead(notes: dict) -> list[str]:
    margins, on_risk = notes.get("margins", {}), notes.get("risk_margin", [])
    lead = []
    if margins:
        each = ", ".join(f"{name} {margin:g}" for name, margin in margins.items())
        lead = [
            f"Margins on the hazard ratio: {each}. A claim of non-inferiority is an error where the true "
            "hazard ratio is at the margin or above; a hazard ratio of 1, and those between it and the "
            "margin, are where it should be made. Cells without a true hazard ratio are left out."
        ]
    if on_risk:
        lead.append(
            f"{', '.join(on_risk)} claim non-inferiority on a risk difference; its error at the margin is "
            "that of scenarios whose true risk difference is the margin, which must be among those declared."
        )
    return lead or [
        "Not applicable: no rule of any design claims non-inferiority. Every claim is one of superiority."
    ]
