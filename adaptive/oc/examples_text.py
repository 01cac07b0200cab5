"""What happened in a trial, in sentences made from its numbers.

Every number is one of the course or of the trial's own counts; nothing is computed but ratios of rates and
exponentials. No sentence says why something happened where the numbers do not show it.
"""

from collections.abc import Iterator
from math import exp

import numpy as np
from scipy import special

from adaptive.montecarlo import Estimate, round_by_se
from adaptive.oc.examples_curves import crude, look_of, pair_of
from adaptive.oc.examples_kinds import Found, Kind
from adaptive.oc.examples_pairs import Pair
from adaptive.oc.report_text import joined

OUTCOME = {
    "EFFICACY": "benefit was claimed for {}",
    "FUTILITY": "{} closed for futility",
    "HARM": "{} closed for harm",
    "COMPLETED": "no rule fired for {}",
    "LEFT": "the arm's own last look came and no rule fired for {}",
    "AWAITING": "accrual ended because success was expected for {}",
}
REASONS = {
    "HARM": "every arm was closed, some for harm",
    "EFFICACY": "every arm was closed, some for efficacy",
    "FUTILITY": "every arm was closed for futility",
    "FINAL_LOOK": "the final look was held",
    "TIME_LIMIT": "the calendar limit was reached and the final look was held",
}


def why(kind: Kind, found: Found) -> str:
    """Return how the trial was found, and how many of the result's trials are like it."""
    said = f"A trial in which {found.tier.words}"
    share = f"{counted(found.share)} of {where(found)} are such"
    picked = "shown is the one whose duration is nearest their median"
    several = f"; {picked}" if found.share.m > 1 else ""
    nearest = " No stored trial is exactly of the kind looked for; this is the nearest that exists."
    return f"{said}: {share}{several}.{nearest if found.tier.near else ''}"


def where(found: Found) -> str:
    """Return which design and scenario a trial is from, and under which setting if that was varied."""
    varied = f" (sensitivity analysis, {found.setting})" if found.setting else ""
    return f"design {found.result.design} in scenario {found.result.scenario}{varied}"


def counted(share: Estimate) -> str:
    """Return ``m of n trials (p%, MCSE e percentage points)``."""
    shown, error = round_by_se(100 * share.estimate, 100 * share.mcse)
    return f"{share.m:,} of {share.n:,} trials ({shown}%, MCSE {error} percentage points)"


def paired(pair: Pair, plain: Found, adjusted: Found) -> str:
    """Return what a pair has in common, how it was chosen, and how often only one of them is wrong."""
    chosen = ""
    if pair.among > 1:
        chosen = (
            f" Of the {pair.among} pairs of results that differ in this alone, the one with the largest "
            "share of such trials is shown."
        )
    return (
        "The same arriving patients, with the same outcome under each arm, in two designs that differ in the "
        f"analysis model alone: {where(plain)}, which compares patients whenever they entered, and "
        f"{where(adjusted)}, which tells periods of entry apart. Trials in which only the former made a "
        f"false claim: {counted(pair.corrected)}.{chosen} The reverse, a false claim by the latter alone: "
        f"{counted(pair.reverse)}. {compared(pair.difference)}"
    )


def one_analysis(n_pairs: int) -> str:
    """Return why the example of drift has no counterpart under another analysis of the same trial."""
    said = "The example of drift shows one analysis of its trial, not what another would have said of it:"
    if not n_pairs:
        return (
            f"{said} no two results with a drift, an allocation that follows the data and an arm without "
            "benefit differ only in whether the model tells periods of entry apart."
        )
    return (
        f"{said} in {n_pairs} pair{'s' if n_pairs > 1 else ''} of results that differ only in whether the "
        "model tells periods of entry apart, no trial has a false claim without periods alone."
    )


def compared(difference: Estimate) -> str:
    """Return how the probability of any false claim differs with periods of entry in the model."""
    shown, error = round_by_se(100 * difference.estimate, 100 * difference.mcse)
    clear = abs(difference.estimate) > 2 * difference.mcse
    word = "fewer" if difference.estimate < 0 else "more"
    said = f"with them there are {word} false claims here" if clear else "no clear difference"
    return (
        "Over all these trials the probability of any false claim with periods minus without is "
        f"{shown} percentage points (MCSE {error}): {said}."
    )


def story(course: dict) -> list[str]:
    """Return what every look decided, and how the trial ended; looks without a decision are left out."""
    told = [look_sentence(look) for look in course["looks"]]
    return [*(sentence for sentence in told if sentence), _ending(course)]


def look_sentence(look: dict) -> str:
    """Return one sentence on a look that decided something, or an empty string."""
    parts = []
    for outcome in OUTCOME:
        cells = [cell for cell in look["cells"] if _outcome(look, cell) == outcome]
        if cells:
            parts.append(OUTCOME[outcome].format(joined([_decided(cell) for cell in cells])))
    advised = [cell for cell in look["cells"] if cell.get("advice", "NONE") != "NONE"]
    if advised:
        names = joined([f"{place(cell)} ({cell['advice'].lower()})" for cell in advised])
        parts.append(f"a rule that only advises fired for {names}")
    if not parts:
        return ""
    head = f"Look {look['look']}{', the final one' if look['is_final'] else ''}, month {look['month']:.1f}"
    return f"{head}, {look['patients']} patients, {look['events']} events: {'; '.join(parts)}."


def _outcome(look: dict, cell: dict) -> str | None:
    """Return the verdict on a cell; of an arm that leaves before the final look, that it left."""
    verdict = cell.get("verdict")
    return "LEFT" if verdict == "COMPLETED" and not look["is_final"] else verdict


def opened(course: dict) -> list[dict]:
    """Return the cells that the trial opened, as they ended."""
    return [cell for cell in course["end"]["cells"] if cell["status"] != "NEVER_OPENED"]


def place(cell: dict) -> str:
    """Return the name of a cell."""
    return f"{cell['arm']} in {cell['subgroup']}"


def _decided(cell: dict) -> str:
    """Return a cell with the comparison that decided it."""
    wanted = "expected success" if cell["verdict"] == "AWAITING" else cell["verdict"].lower()
    fired = [rule for rule in cell["rules"] if rule["fired"] and rule["binding"] and rule["kind"] == wanted]
    if not fired:
        return place(cell)
    said = [against(ask) for ask in fired[0]["asks"] if ask["threshold"] is not None]
    return f"{place(cell)} ({joined(said)})"


def against(ask: dict) -> str:
    """Return a value beside its threshold, such as ``P(HR < 1) = 0.9973 > 0.99``."""
    return f"{ask['words']} = {ask['shown']} {_relation(ask)} {ask['threshold']:g}"


def _relation(ask: dict) -> str:
    """Return the true relation between value and threshold."""
    value, level = ask["value"], ask["threshold"]
    if value is None:
        return "beside"
    return ">" if value > level else "<" if value < level else "="


def _ending(course: dict) -> str:
    end = course["end"]
    looks = f"{end['looks_held']} look{'s' if end['looks_held'] > 1 else ''}"
    return (
        f"The trial ended in month {end['months']:.1f} after {looks}, with {end['patients']} patients and "
        f"{end['events']} events: {_reason(course)}."
    )


def _reason(course: dict) -> str:
    """Return why the trial ended; with ``FUTILITY`` some arms may have left at their own last look."""
    reason = course["end"]["reason"]
    left = any(cell["status"] == "COMPLETED" for cell in course["end"]["cells"])
    if reason == "FUTILITY" and left:
        return "every arm was closed for futility or had its own last look"
    return REASONS.get(reason, reason.lower())


def ratio(log_hr: float | None) -> str:
    """Return a hazard ratio."""
    return "none" if log_hr is None else f"{exp(log_hr):.2f}"


def named(final: dict) -> str:
    """Return a cell at the start of a sentence, with its true hazard ratio."""
    name = place(final)
    return f"{name[:1].upper()}{name[1:]} (true HR {ratio(final['true_log_hr'])})"


def decided(course: dict, final: dict) -> tuple[dict, dict, dict]:
    """Return the look that decided a cell, with its control and the cell itself."""
    look = look_of(course, final["decided_look"])
    return look, *pair_of(look, final["subgroup"], final["arm"])


def own_words(control: dict, cell: dict) -> str:
    """Return the own data of a cell: events and person-months of both arms, and the crude hazard ratio."""
    estimate, error = crude(control, cell)
    data = (
        f"{cell['events']} events in {cell['exposure']:.0f} person-months against {control['events']} in "
        f"{control['exposure']:.0f} of {control['arm']}"
    )
    if estimate is None:
        return data
    probability = float(special.ndtr(-estimate / error))
    return f"{data}, a crude hazard ratio of {exp(estimate):.2f} (alone, P(HR < 1) about {probability:.3f})"


def closest(course: dict) -> tuple[dict, dict] | None:
    """Return the cell nearest to a claim at its last look, and the comparison, on the scale of odds."""
    best: tuple[float, dict, dict] | None = None
    for cell in course["looks"][-1]["cells"]:
        for ask in _claims(cell):
            distance = abs(_logit(ask["value"]) - _logit(ask["threshold"]))
            if best is None or distance < best[0]:
                best = distance, cell, ask
    return None if best is None else best[1:]


def _claims(cell: dict) -> Iterator[dict]:
    for rule in cell.get("rules", []):
        if rule["kind"] == "efficacy" and len(rule["asks"]) == 1:
            yield from (ask for ask in rule["asks"] if None not in (ask["value"], ask["threshold"]))


def _logit(p: float) -> float:
    return float(special.logit(np.clip(p, 1e-9, 1 - 1e-9)))
