"""What to see in each kind of example: the decision beside own data, truth and later looks, in sentences."""

from collections.abc import Callable

from adaptive.oc.examples_curves import crude, look_of, pair_of
from adaptive.oc.examples_text import against, closest, decided, named, opened, own_words, place, ratio
from adaptive.oc.load import CellResult
from adaptive.oc.report_text import joined

Remark = Callable[[CellResult, dict], list[str]]
ENDED = {
    "FUTILITY": "was closed for futility",
    "HARM": "was closed for harm",
    "NEVER_OPENED": "was never opened",
}


def _claims(course: dict, *, null: bool | None = None) -> list[dict]:
    """Return the claims of a trial, of null cells, of others, or all."""
    cells = [cell for cell in course["end"]["cells"] if cell["status"] == "EFFICACY"]
    return [cell for cell in cells if null is None or cell["is_null"] == null]


def _early(result: CellResult, course: dict) -> list[str]:
    claims = _claims(course)
    over = sum(cell["mean"] < cell["true_log_hr"] for cell in claims)
    return [
        f"At the looks that decided, {over} of {len(claims)} estimates were more favourable than the truth. "
        "Estimates that lead to a claim tend to be; by how much on average is in the section on estimation, "
        "conditional on success."
    ]


def _one(result: CellResult, course: dict) -> list[str]:
    works = [cell for cell in opened(course) if not cell["is_null"]]
    missed = [cell for cell in works if cell["status"] != "EFFICACY"]
    if not missed:
        return ["Every arm that works was claimed, and no other."]
    names = joined([f"{place(cell)} (true HR {ratio(cell['true_log_hr'])})" for cell in missed])
    return [f"Not claimed although there is a benefit: {names}."]


def _futile(result: CellResult, course: dict) -> list[str]:
    closed = [c for c in course["end"]["cells"] if c["status"] == "FUTILITY" and c["decided_look"] == 1]
    wrong = [cell for cell in closed if not cell["is_null"]]
    total = sum(cell.get("due", False) for cell in course["looks"][0]["cells"])
    said = f"The first look closed {len(closed)} of {total} arms in subgroups for futility"
    if not wrong:
        return [said + "; none of these has a benefit."]
    names = joined([f"{place(cell)} (true HR {ratio(cell['true_log_hr'])})" for cell in wrong])
    return [f"{said}, and wrongly so {names}."]


def _inconclusive(result: CellResult, course: dict) -> list[str]:
    nearest = closest(course)
    cells = opened(course)
    works = sum(not cell["is_null"] for cell in cells)
    said = f"{works} of {len(cells)} arms in subgroups have a true benefit, and none was claimed."
    if nearest is None:
        return [said]
    cell, ask = nearest
    true = next(c for c in course["end"]["cells"] if place(c) == place(cell))["true_log_hr"]
    near = f"Nearest to a claim at the last look was {place(cell)}: {against(ask)}, true HR {ratio(true)}."
    return [f"{said} {near}"]


def _false(result: CellResult, course: dict) -> list[str]:
    """Return how each false claim came about: own data, the others, and what later data said."""
    return [sentence for final in _claims(course, null=True) for sentence in _how(course, final)]


def _how(course: dict, final: dict) -> list[str]:
    look, control, cell = decided(course, final)
    own, _ = crude(control, cell)
    said = [f"{named(final)}: when the claim was made, {own_words(control, cell)}."]
    others = [ratio(c["mean"]) for c in _others(look, final)] if course["borrows"] else []
    if own is not None:
        way = "less" if cell["mean"] > own else "more"
        put = f"The model put the hazard ratio at {ratio(cell['mean'])}, {way} favourable than the crude one"
        shown = f"; the same arm's estimates in the other subgroups were {joined(others)}" if others else ""
        said.append(f"{put}{shown}.")
    last = course["looks"][-1]
    if last["look"] > look["look"]:
        after = pair_of(last, final["subgroup"], final["arm"])[1]
        if after["mean"] is not None:
            said.append(
                f"Patients already randomised stay in follow-up: at look {last['look']} the estimate was "
                f"{ratio(after['mean'])}."
            )
    return [" ".join(said)]


def _others(look: dict, final: dict) -> list[dict]:
    """Return the same arm in the other subgroups at a look, where it was opened and has an estimate."""
    return [
        cell
        for cell in look["cells"]
        if cell["arm"] == final["arm"]
        and cell["subgroup"] != final["subgroup"]
        and cell["status"] not in ("PENDING", "NEVER_OPENED")
        and cell["mean"] is not None
    ]


def _drift(result: CellResult, course: dict) -> list[str]:
    final = max(
        (cell for cell in opened(course) if cell["is_null"]),
        key=lambda cell: (cell["status"] == "EFFICACY", _patients(course, cell)),
    )
    shares = [pair_of(look, final["subgroup"], final["arm"])[1]["allocation"] for look in course["looks"]]
    path = ", ".join(f"{share:.2f}" for share in shares if share > 0)
    last = course["looks"][-1]
    total = sum(cell["patients"] for cell in last["cells"] if cell["subgroup"] == final["subgroup"])
    name = f"{final['arm']} in {final['subgroup']} (true HR {ratio(final['true_log_hr'])})"
    said = [
        f"By the last look {_patients(course, final)} of {total} patients of {final['subgroup']} were on "
        f"{name}; its allocation after successive looks was {path or 'zero'}."
    ]
    if not (result.config.get("design") or {}).get("periods"):
        said.append(
            "The analysis model compares all patients of an arm with all of control, whenever they entered. "
            "Where allocation changes while hazards change, the arms differ in when their patients entered, "
            "and part of the estimate can be the drift."
        )
    return said + (_false(result, course) if _claims(course, null=True) else [])


def _patients(course: dict, final: dict) -> int:
    return pair_of(course["looks"][-1], final["subgroup"], final["arm"])[1]["patients"]


def _overrun(result: CellResult, course: dict) -> list[str]:
    said = []
    for cell in _claims(course):
        mean, p = cell["overrun_log_hr_mean"], cell["overrun_p_below_1"]
        if mean is None or p is None:
            continue
        limits = f"{ratio(cell['overrun_log_hr_lower'])} to {ratio(cell['overrun_log_hr_upper'])}"
        said.append(
            f"{named(cell)}: HR {ratio(cell['mean'])} when decided ({ratio(cell['lower'])} to "
            f"{ratio(cell['upper'])}), {ratio(mean)} ({limits}) with the overrun, P(HR < 1) = {p:.4f}. "
            "The verdict is that of the decision."
        )
    return said


def _discordant(result: CellResult, course: dict) -> list[str]:
    """Return own data, the others and the posterior of the most discordant cell."""
    from adaptive.oc.examples_masks import discordance

    row = int((result.trials["trial"] == course["trial"]).argmax())
    z = discordance(result)[row]
    flat = {(s, b): abs(z[s, b]) for s in range(z.shape[0]) for b in range(z.shape[1]) if z[s, b] == z[s, b]}
    s, b = max(flat, key=flat.__getitem__)
    subgroup, arm = result.subgroups[s], result.arms[b + 1]
    final = next(c for c in course["end"]["cells"] if (c["subgroup"], c["arm"]) == (subgroup, arm))
    look = course["looks"][-1]
    control, cell = pair_of(look, subgroup, arm)
    others = [ratio(c["mean"]) for c in _others(look, final)]
    beside = f", and the same arm in the other subgroups at {joined(others)}" if others else ""
    said = (
        f"At the last look {place(final)} (true HR {ratio(final['true_log_hr'])}) lies {abs(z[s, b]):.1f} "
        f"standard errors from the other subgroups together: {own_words(control, cell)}. The model put it at "
        f"{ratio(cell['mean'])}{beside}."
    )
    return [said, _pull(result, course)]


def _pull(result: CellResult, course: dict) -> str:
    """Return what the model does with a subgroup unlike the others."""
    kind = str((result.config.get("model") or {}).get("kind", ""))
    model = f"The model ({kind.replace('_', ' ') or 'as declared'})"
    if not course["borrows"]:
        return f"{model} shares no information on effects between subgroups: nothing pulls one to the others."
    if kind == "exnex":
        return f"{model} has a component that lets a subgroup detach from the others."
    if kind == "full_pooling":
        return f"{model} has one effect of an arm for all subgroups, also for one unlike the others."
    return (
        f"{model} has no component that lets a single subgroup detach: a discordant one is pulled towards "
        "the others by as much as the spread between subgroups allows."
    )


def _harm(result: CellResult, course: dict) -> list[str]:
    flagged = [cell for cell in course["end"]["cells"] if cell["status"] == "HARM"]
    return [
        f"{named(final)}: stopped at look {final['decided_look']} with {cell['patients']} patients on it; "
        f"{own_words(control, cell)}."
        for final in flagged
        for _, control, cell in [decided(course, final)]
    ]


REMARKS: dict[str, Remark] = {
    "early-success": _early,
    "one-subgroup": _one,
    "first-look-futility": _futile,
    "inconclusive": _inconclusive,
    "false-positive": _false,
    "drift": _drift,
    "overrun": _overrun,
    "discordant": _discordant,
    "harm": _harm,
    "weak-own-data": _false,
}
"""Kind -> what to see in it."""


def corrected(plain: dict, adjusted: dict) -> list[str]:
    """Return what the model with periods of entry said of each false claim that only the other made."""
    said = []
    for final in _claims(plain, null=True):
        look, _, cell = decided(plain, final)
        again = next(c for c in adjusted["end"]["cells"] if place(c) == place(final))
        beside = look_of(adjusted, look["look"])
        later = pair_of(beside, final["subgroup"], final["arm"])[1]
        if again["status"] == "EFFICACY" or later["mean"] is None:
            continue
        held = beside["look"] == look["look"]
        when = "" if held else f"at the trial's last look, look {beside['look']}, "
        said.append(
            f"{named(final)}: at look {look['look']} the estimate was {ratio(cell['mean'])} without and "
            f"{when}{ratio(later['mean'])} with periods of entry in the model; with them the arm "
            f"{_ended(adjusted, again)}."
        )
    return said


def _ended(course: dict, final: dict) -> str:
    """Return how an arm without a claim ended; one of a calendar may leave before the final look."""
    if final["status"] != "COMPLETED":
        return ENDED[final["status"]]
    last = course["looks"][-1]
    if last["is_final"] and final["decided_look"] == last["look"]:
        return "ended at the final look without a claim"
    return f"ended at its own last look, look {final['decided_look']}, without a claim"
