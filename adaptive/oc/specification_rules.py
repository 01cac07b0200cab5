"""Decision rules as tables: what is asked when, which verdict wins, and which states can follow which.

Made from the rules that run and from the precedence of ``design.decide``.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from adaptive.codes import CellStatus
from adaptive.design.decide import PRECEDENCE
from adaptive.design.protocol import Design
from adaptive.design.rule_lines import rule_lines
from adaptive.design.rules import AbstractRule
from adaptive.design.rules_combined import AllOfRules
from adaptive.oc.labels import STATES

RULE_COLUMNS = (
    "order",
    "verdict",
    "measure",
    "side",
    "thresholds",
    "events",
    "cells",
    "force",
)
NEVER = "not applied"
ALONE = "each cell by itself"


def ordered_rules(design: Design) -> list[AbstractRule]:
    """Return the rules in the order in which they win; rules of one verdict as they are declared."""
    return sorted(design.rules, key=lambda rule: PRECEDENCE.index(rule.verdict))


def rule_table(design: Design) -> pd.DataFrame:
    """Return a row per measure of each rule, in order of precedence.

    ``order`` is the place of the rule; behind a point stands that of the part which asks the measure.
    """
    rows = []
    for order, rule in enumerate(ordered_rules(design), 1):
        looks = [rule.asks(look) for look in range(design.looks.n_looks)]
        for line, asks in zip(rule_lines(rule), zip(*looks, strict=True), strict=True):
            first = asks[0]
            rows.append(
                (
                    f"{order}.{line.part}".rstrip("."),
                    rule.kind,
                    f"{line.joined} {first.words.replace('>=', '≥')}".strip(),
                    "above" if first.sign == ">" else "below",
                    thresholds([ask.threshold for ask in asks]),
                    f"{first.min_events:g}",
                    line.scope or ALONE,
                    "binding" if rule.binding else "non-binding: advises only",
                )
            )
    return pd.DataFrame(rows, columns=list(RULE_COLUMNS))


def thresholds(values: Sequence[float]) -> str:
    """Return one threshold per look; equal ones once."""
    shown = [NEVER if np.isnan(value) else f"{value:g}" for value in values]
    if len(set(shown)) == 1:
        return f"{shown[0]} at every look" if len(shown) > 1 else shown[0]
    return "; ".join(f"look {look}: {text}" for look, text in enumerate(shown, 1))


def verdict_table(design: Design) -> pd.DataFrame:
    """Return the state of an open cell for every combination of binding rules that fire.

    A column per verdict that a binding rule can give, in order of precedence, then the state at an interim
    and at the final look.
    """
    given = {rule.verdict for rule in design.rules if rule.binding}
    kinds = [verdict for verdict in PRECEDENCE if verdict in given]
    rows = []
    for fired in product((True, False), repeat=len(kinds)):
        won = next((kind for kind, fires in zip(kinds, fired, strict=True) if fires), None)
        rows.append(
            [
                *("fires" if fires else "\N{EN DASH}" for fires in fired),
                "open" if won is None else STATES[won.name],
                _at_the_end(kinds, fired),
            ]
        )
    heads = [*(f"{kind.name.lower().replace('awaiting', 'expected success')} rule" for kind in kinds)]
    frame = pd.DataFrame(rows, columns=[*heads, "interim look", "final look"])
    return frame.replace(STATES["AWAITING"], "awaiting the final look")


def _at_the_end(kinds: Sequence[CellStatus], fired: Sequence[bool]) -> str:
    """Return the state that a cell has after the final look; there expected success does nothing."""
    closing = (k for k, fires in zip(kinds, fired, strict=True) if fires and k != CellStatus.AWAITING)
    return STATES[next(closing, CellStatus.COMPLETED).name]


def transition_table(design: Design) -> pd.DataFrame:
    """Return which state of a cell can follow which, by what, and which states nothing leads to."""
    final = design.looks.n_looks
    rows = []
    if design.calendar is not None and (np.asarray(design.calendar.first) >= 0).any():
        rows.append(("pending", "open", "the look after which its arm enters, or no other arm is open"))
        rows.append(("pending", "not offered", f"the final look ({final})"))
    for rule in ordered_rules(design):
        looks = _looks_of(rule, final, awaiting=rule.verdict == CellStatus.AWAITING)
        if rule.binding and looks:
            state = "awaiting the final look" if rule.verdict == CellStatus.AWAITING else rule.kind
            rows.append(("open", state, f"{rule.kind} rule at look {_listed(looks)}"))
    if any(row[1].startswith("awaiting") for row in rows):
        rows += [
            ("awaiting the final look", rule.kind, f"{rule.kind} rule at the final look ({final})")
            for rule in ordered_rules(design)
            if rule.binding and final in _looks_of(rule, final) and rule.verdict != CellStatus.AWAITING
        ]
        rows.append(("awaiting the final look", STATES["COMPLETED"], f"the final look ({final})"))
    rows.append(("open", STATES["COMPLETED"], f"no verdict at the final look ({final}){_own_last(design)}"))
    return pd.DataFrame(list(dict.fromkeys(rows)), columns=["from", "to", "by"])


def _own_last(design: Design) -> str:
    """Say that a cell may end earlier, where some arm has a last look of its own."""
    last = np.asarray([-1] if design.calendar is None else design.calendar.last)
    leaves = ((last >= 0) & (last < design.looks.n_looks - 1)).any()
    return ", or at the last look of its arm" if leaves else ""


def unreachable(design: Design) -> str:
    """Return a sentence on the states that no path of this design leads to."""
    reached = set(transition_table(design)["to"])
    names = {
        "efficacy": "efficacy",
        "futility": "futility",
        "harm": "harm",
        "awaiting the final look": "awaiting the final look",
    }
    absent = [words for state, words in names.items() if state not in reached]
    if design.calendar is None:
        absent.append("pending")
    if not absent:
        return "Every state can be reached."
    return (
        f"Not reachable, because no binding rule or calendar of this design leads there: "
        f"{', '.join(absent)}. A closed state is never left."
    )


def _looks_of(rule: AbstractRule, n_looks: int, *, awaiting: bool = False) -> list[int]:
    """Return the looks, from 1, at which some part of a rule has a threshold."""
    last = n_looks - 1 if awaiting else n_looks
    return [look + 1 for look in range(last) if _applied(rule, look)]


def _applied(rule: AbstractRule, look: int) -> bool:
    """Return whether a rule is applied at a look (from 0); one that needs all its parts only with all."""
    if rule.parts:
        each = [_applied(part, look) for part in rule.parts]
        return all(each) if isinstance(rule, AllOfRules) else any(each)
    return not all(np.isnan(ask.threshold) for ask in rule.asks(look))


def _listed(looks: Sequence[int]) -> str:
    """Return looks with runs as a range."""
    if len(looks) > 2 and looks[-1] - looks[0] == len(looks) - 1:
        return f"{looks[0]} to {looks[-1]}"
    return ", ".join(map(str, looks))


ORDER_OF_EVENTS = (
    "Patients who entered since the look before are randomised under the probabilities in force; the month "
    "of the look follows from its trigger.",
    "All patients and follow-up up to the data cut-off, closed cells included, are analysed with one model.",
    "If the fit fails its checks no rule fires in any cell.",
    "Every rule is judged in every open cell on the same posterior; where several binding rules fire for a "
    "cell, harm wins over efficacy, efficacy over futility, futility over expected success.",
    "Non-binding rules close nothing; the first advice of a cell is kept, by the same order.",
    "If a cell is still open or awaits the final look, the trial goes on, and the probabilities of "
    "randomisation for the cells still open follow as the rows on randomisation say.",
)
"""What happens at a look, in order."""

EDGES = (
    "Ties: a rule fires strictly beyond its threshold; equality never fires.",
    "A cell meets a rule only if arm and control together have the rule's number of events in the cell's own "
    "subgroup. A rule judged over several cells at once closes them together as its row says, a cell that "
    "does not meet it included where any one is enough.",
    "A quantity that does not exist (no events, say) fires nothing.",
    "A look is left out if its trigger cannot come before the limit of months, or comes no later than the "
    "look before; the final look is held at that limit at the latest, with the reason calendar limit.",
    "A closed cell is never opened again and its verdict never changes.",
    "At the final look, a cell without a verdict ends completed, without a claim; so do all open cells if "
    "that fit fails its checks.",
    "The trial ends early once every cell is closed: for efficacy if some cell closed for efficacy, else for "
    "harm if some closed for harm, else for futility.",
)
"""What a rule does at its edges."""

CLOSING = (
    "No further patient of that subgroup is randomised to the arm; those already on it are followed, and "
    "their data stay in every later analysis, where they inform the other subgroups through the model.",
    "Its probability goes to the arms still open in its subgroup, as the rows on randomisation say; control "
    "stays open with them.",
    "A subgroup in which every experimental arm is closed enrols nobody more, control included; later "
    "arrivals of that subgroup are turned away; others may use the places up to their own maxima.",
    "The estimate of a cell is that of the look that decided it.",
)
"""What closing a cell means."""
