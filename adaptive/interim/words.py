"""The recommendation of a look in plain words, made from the record of the decision and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

CLOSINGS = {
    "EFFICACY": "declare efficacy of {arm} in {subgroup} and end its accrual there",
    "FUTILITY": "stop {arm} in {subgroup} for futility",
    "HARM": "stop {arm} in {subgroup} for harm",
    "AWAITING": "end accrual to {arm} in {subgroup}, as success is expected; its final look decides",
    "COMPLETED": "{arm} in {subgroup} reached its final analysis without a claim",
}
ENDINGS = {
    "HARM": "every comparison is closed, at least one for harm",
    "EFFICACY": "every comparison is closed, at least one for efficacy",
    "FUTILITY": "every comparison is closed for futility",
    "FINAL_LOOK": "this was the planned final look",
    "TIME_LIMIT": "the calendar limit was reached",
}
ADVICE = {
    "EFFICACY": "efficacy",
    "FUTILITY": "futility",
    "HARM": "harm",
    "AWAITING": "an end of accrual for expected success",
}


def recommendation(
    cells: Sequence[Mapping[str, Any]], stop_reason: str, withheld_because: Sequence[str]
) -> dict[str, Any]:
    """Return ``code`` (NONE, STOP, CHANGE or CONTINUE), ``text`` and ``details`` (one sentence each).

    Parameters
    ----------
    cells
        Records with ``arm``, ``subgroup``, ``verdict`` and ``advice``.
    stop_reason
        Name of the ``StopReason``.
    withheld_because
        Gates that failed; any of them withholds the recommendation.
    """
    if withheld_because:
        return {
            "code": "NONE",
            "text": "NONE: diagnostics failed. The posterior may be wrong, so no rule was applied and "
            "nothing changes. Repeat the analysis with more draws, or a higher "
            "target acceptance if transitions diverged, before acting.",
            "details": [f"Failed: {reason}." for reason in withheld_because],
        }
    closings = [_sentence(CLOSINGS[cell["verdict"]], cell) for cell in cells if cell["verdict"]]
    advice = [
        _sentence(f"non-binding advice of {ADVICE[cell['advice']]} for {{arm}} in {{subgroup}}", cell)
        for cell in cells
        if cell["advice"]
    ]
    code, text = _headline(closings, stop_reason)
    return {"code": code, "text": text, "details": closings + advice + _close_calls(cells)}


def _close_calls(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"Close call: the {rule['rule']} rule for {cell['arm']} in {cell['subgroup']} has "
        f"{rule['quantity']} = {rule['value']:.5f} (Monte Carlo error {rule['mcse']:.5f}) at a threshold of "
        f"{rule['threshold']:g}; another seed might decide otherwise."
        for cell in cells
        for rule in cell["rules"]
        if rule["close"]
    ]


def _headline(closings: Sequence[str], stop_reason: str) -> tuple[str, str]:
    if stop_reason != "RUNNING":
        return "STOP", f"STOP the trial: {ENDINGS[stop_reason]}."
    if closings:
        return "CHANGE", "CONTINUE the trial with these changes."
    return "CONTINUE", "CONTINUE the trial as it is: no stopping rule was met."


def _sentence(template: str, cell: Mapping[str, Any]) -> str:
    text = template.format(arm=cell["arm"], subgroup=cell["subgroup"])
    return f"{text[:1].upper()}{text[1:]}."
