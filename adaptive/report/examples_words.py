"""How the numbers of a worked virtual trial are printed, the same in tables, figures and the explorer."""

from math import exp

from adaptive.report.pivot import ABSENT

MINUS = "\N{MINUS SIGN}"
STATES = {
    "EFFICACY": "efficacy claimed",
    "FUTILITY": "closed: futility",
    "HARM": "closed: harm",
    "COMPLETED": "ended, no claim",
    "AWAITING": "accrual ended, awaits final look",
    "OPEN": "open",
    "PENDING": "not yet open",
    "NEVER_OPENED": "not offered",
}
MARKS = {"EFFICACY": "E", "FUTILITY": "F", "HARM": "H", "COMPLETED": "N", "AWAITING": "A"}
ENDS = {
    "HARM": "The trial ends: every arm is closed, some for harm.",
    "EFFICACY": "The trial ends: every arm is closed, some for efficacy.",
    "FUTILITY": "The trial ends: every arm is closed for futility.",
    "FINAL_LOOK": "The trial ends: this was the final look.",
    "TIME_LIMIT": "The trial ends: the calendar limit forced the final look.",
}


def hazard_ratio(log_hr: float | None) -> str:
    """Return a hazard ratio in two decimals."""
    return ABSENT if log_hr is None else f"{exp(log_hr):.2f}"


def interval(cell: dict) -> str:
    """Return a hazard ratio with its 95% interval."""
    if cell.get("mean") is None:
        return ABSENT
    limits = " to ".join(hazard_ratio(cell[name]) for name in ("lower", "upper"))
    return f"{hazard_ratio(cell['mean'])} ({limits})"


def probability(value: float | None, digits: int = 2) -> str:
    """Return a probability."""
    return ABSENT if value is None else f"{value:.{digits}f}"


def rule_title(rule: dict) -> str:
    """Return the heading of a rule: what it decides, and on what."""
    kind = rule["kind"] + ("" if rule["binding"] else " (advice)")
    return f"{kind[:1].upper()}{kind[1:]}: " + _linked(rule["asks"], [ask["words"] for ask in rule["asks"]])


def rule_text(rule: dict) -> str:
    """Return the values of a rule beside its thresholds, and whether it fired."""
    if not rule["applied"]:
        return ABSENT
    said = _linked(rule["asks"], [_ask(ask) for ask in rule["asks"]])
    return f"{said} fires" if rule["fired"] else said


def _linked(asks: list[dict], texts: list[str]) -> str:
    """Return the texts of a rule's measures with the words between them, numbered where parts have parts."""
    nested = any("." in ask["part"] for ask in asks)
    numbers = [f"({ask['part']}) " if nested else "" for ask in asks]
    return " ".join(
        f"{ask['joined']} {number}{text}".strip()
        for ask, number, text in zip(asks, numbers, texts, strict=True)
    )


def _ask(ask: dict) -> str:
    """Return one comparison, such as ``0.9873 (> 0.99)``, with the events it has of those it needs."""
    if ask["threshold"] is None:
        return "not applied"
    short = ask["events"] < ask["min_events"]
    lacking = f"; {ask['events']:g}/{ask['min_events']:g}" if short else ""
    return f"{ask['shown']} ({ask['sign']} {ask['threshold']:g}{lacking})"


def decision(cell: dict) -> str:
    """Return what a look decided on a cell."""
    given = STATES.get(cell["verdict"], "goes on") if cell["verdict"] != "NONE" else "goes on"
    if not cell["due"]:
        given = STATES.get(cell["status"], cell["status"].lower())
    advised = f"; advice: {cell['advice'].lower()}" if cell["advice"] != "NONE" else ""
    return given + advised


def look_title(look: dict) -> str:
    """Return number and month of a look."""
    return f"{look['look']}, month {look['month']:.1f}"
