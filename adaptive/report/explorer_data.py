"""What the explorer of virtual trials shows at each look, as plain data.

The texts are those of the tables of ``sections_examples``; numbers are there only to place marks by.
"""

from adaptive.report.examples_words import (
    ENDS,
    decision,
    interval,
    probability,
    rule_text,
    rule_title,
)


def explorer_data(items: list[dict], scale: tuple[float, float]) -> dict:
    """Return the cases of the explorer.

    Parameters
    ----------
    items
        Examples of the content.
    scale
        Limits of the log hazard ratio to draw within, the same for all.

    Returns
    -------
    ``scale`` and ``cases``; a case has the ``id`` of its section and ``looks``, a look ``number``, ``title``,
    ``text`` (sentences), ``rules`` (titles) and ``rows``, one per subgroup and arm.
    """
    cases = [
        {
            "id": f"example-{item['id']}",
            "looks": [_look(look, _truth(item)) for look in item["looks"]],
        }
        for item in items
    ]
    return {"scale": [round(limit, 4) for limit in scale], "cases": cases}


def _truth(item: dict) -> dict[tuple[str, str], float | None]:
    return {(cell["subgroup"], cell["arm"]): cell["true_log_hr"] for cell in item["end"]["cells"]}


def _look(look: dict, truth: dict) -> dict:
    """Return one look."""
    judged = [cell for cell in look["cells"] if cell.get("due")]
    titles = [rule_title(rule) for rule in judged[0]["rules"]] if judged else []
    final = ", the final look" if look["is_final"] else ""
    health = "" if look["health"] == "OK" else " The fit is not usable: no rule is applied at this look."
    return {
        "number": look["look"],
        "title": f"Look {look['look']} of {look['of']}{final}: month {look['month']:.1f}, "
        f"{look['patients']} patients, {look['events']} events",
        "text": _said(look) + health + " " + _goes_on(look),
        "rules": titles,
        "rows": [
            _row(cell, truth.get((cell["subgroup"], cell["arm"])), len(titles)) for cell in look["cells"]
        ],
    }


def _said(look: dict) -> str:
    """Return what the look decided, without its number and size, which are in its title."""
    said = look["said"].partition(": ")[2]
    return said[:1].upper() + said[1:] if said else "No rule fired for any arm."


def _goes_on(look: dict) -> str:
    left = any(cell.get("status") == "COMPLETED" for cell in look["cells"])
    if look["ends"] == "FUTILITY" and left:
        return "The trial ends: every arm is closed for futility or had its own last look."
    return ENDS.get(look["ends"], "The trial ends.") if look["ends"] else "The trial goes on."


def _row(cell: dict, true: float | None, n_rules: int) -> dict:
    """Return one arm in one subgroup; control has counts and allocation only."""
    row = {
        "subgroup": cell["subgroup"],
        "arm": cell["arm"],
        "patients": str(cell["patients"]),
        "events": str(cell["events"]),
        "exposure": f"{cell['exposure']:.0f}",
        "best": probability(cell["p_best"], 3),
        "allocation": round(cell["allocation"], 4),
        "next": probability(cell["allocation"], 3) if cell["allocation"] else "none",
    }
    if "status" not in cell:
        return row | {"control": True}
    return row | {
        "hr": interval(cell),
        "marks": [_rounded(cell[name]) for name in ("lower", "mean", "upper")],
        "truth": _rounded(true),
        "rules": [rule_text(rule) for rule in cell["rules"]] or [""] * n_rules,
        "fired": [rule["fired"] for rule in cell["rules"]] or [False] * n_rules,
        "decision": decision(cell),
        "open": cell["due"],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
