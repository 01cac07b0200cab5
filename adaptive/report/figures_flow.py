"""The decision flow of a design as a diagram, drawn from its rules. Draws; decides and computes nothing."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from textwrap import fill
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from adaptive.report.figure_style import INK, STYLE, WIDTH, Drawing, to_svg

ROW, GAP, PAD = 0.165, 0.26, 0.12
"""Height of a line of text, space between boxes and margin within one, in inches."""
LEFT, MIDDLE, RIGHT = (0.05, 4.75), (0.05, 4.75), (5.75, 3.6)
WRAP_LEFT, WRAP_RIGHT = 62, 46
ALONE = "each cell by itself"
"""The cells of a rule without a scope, as the table of rules has it."""
VERDICTS = {
    "harm": ("#D55E00", "cell closed: harm"),
    "efficacy": ("#0072B2", "cell closed: efficacy (a claim)"),
    "futility": ("#777777", "cell closed: futility"),
    "expected success": ("#009E73", "accrual to the cell ends; the final look decides"),
}


def flow_figure(name: str, designs: str, flow: Mapping[str, Any]) -> Drawing:
    """Return the diagram of one flow.

    Parameters
    ----------
    name
        Anchor.
    designs
        Names of the designs that share it.
    flow
        ``looks``, ``rules``, ``limits`` and ``delayed``, as the content has them, and ``responds``: whether
        allocation follows the posterior, by design where the designs differ.
    """
    steps = flow_steps(flow)
    question = f"What happens at a look of {designs}, and in which order?"
    caption = (
        "Read from top to bottom, at every look and for every open cell; a side box says what follows if the "
        "condition holds. Drawn from the configuration."
    )
    with rc_context(STYLE):
        canvas = _draw(steps)
    return Drawing(name, question, caption, to_svg(canvas, name, question, described(steps)))


def flow_steps(flow: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return the boxes from top to bottom: text, label of the way right, text to the right, colour."""
    final = len(flow["looks"])
    steps = [
        (_looks(flow["looks"]) + f"\nLimits: {flow['limits']}", "", "", INK),
        (
            "Does the fit of the model pass its checks?",
            "no",
            "no rule fires; after the final look open cells end completed, without a claim",
            INK,
        ),
    ]
    for rows in _merged(flow["rules"]):
        verdict, binding = rows[0]["verdict"], rows[0]["force"] == "binding"
        colour, then = VERDICTS.get(verdict, (INK, verdict))
        steps.append((_rule_text(rows), "yes", then if binding else f"advice only: {verdict}", colour))
    steps += [
        (
            f"Is this the final look ({final}), or the limit of months?",
            "yes",
            "open cells end completed, without a claim; the trial ends: final look, or calendar limit",
            INK,
        ),
        (
            "Is every cell closed?",
            "yes",
            "the trial ends: for efficacy if some cell closed for it, else for harm, else for futility",
            INK,
        ),
    ]
    after = _allocation(flow["responds"])
    delay = "; decisions act after their delay" if flow["delayed"] else ""
    steps.append((f"Randomise on among the open cells: {after}{delay}. On to the next look", "", "", INK))
    return steps


def _allocation(responds: bool | Mapping[str, bool]) -> str:
    """Return what becomes of the allocation, design by design where these differ."""
    words = {True: "new probabilities from the posterior", False: "the ratio stays"}
    if isinstance(responds, bool):
        return words[responds]
    said = []
    for own, text in words.items():
        names = [name for name, value in responds.items() if value == own]
        said += [f"{text} ({', '.join(names)})"] if names else []
    return "; ".join(said)


def _merged(rules: Sequence[Mapping[str, str]]) -> list[list[Mapping[str, str]]]:
    """Return the rows of each rule, in order: those whose places begin with the same number."""
    return [list(rows) for _, rows in groupby(rules, lambda row: row["order"].split(".")[0])]


def _rule_text(rows: Sequence[Mapping[str, str]]) -> str:
    """Return what a rule asks; with parts, a line for each, under its number where parts are nested."""
    nested = any(row["order"].count(".") > 1 for row in rows)
    scopes = {row["cells"] for row in rows}
    lines = [_asked(row, numbered=nested, scoped=len(scopes) > 1) for row in rows]
    force = "" if rows[0]["force"] == "binding" else " (non-binding)"
    shared = "" if len(scopes) > 1 or scopes == {ALONE} else f"\n({rows[0]['cells']})"
    begin = "\n" if nested else " "
    return f"{rows[0]['verdict'].capitalize()} rule{force}:{begin}" + "\n".join(lines) + shared


def _asked(row: Mapping[str, str], *, numbered: bool, scoped: bool) -> str:
    """Return what one part asks, with its own number of events and, where parts differ, its cells."""
    number = f"{row['order']}: " if numbered else ""
    events = f", with at least {row['events']} events of arm and control" if row["events"] != "0" else ""
    cells = f" ({row['cells']})" if scoped else ""
    return f"{number}{row['measure']} {row['side']} {row['thresholds']}{events}{cells}"


def _looks(looks: Sequence[str]) -> str:
    if len(looks) == 1:
        return f"One look, the final one: {looks[0]}"
    return "Look " + "; ".join(f"{number}:\N{NO-BREAK SPACE}{text}" for number, text in enumerate(looks, 1))


def described(steps: Sequence[tuple[str, str, str, str]]) -> str:
    """Return the diagram in words, for readers who do not see it."""
    said = []
    for number, (text, label, then, _) in enumerate(steps, 1):
        words = " ".join(text.split())
        said.append(f"{number}. {words}" + (f" If {label}: {then}." if label else ""))
    return " ".join(said)


def _draw(steps: Sequence[tuple[str, str, str, str]]) -> Canvas:
    """Return the canvas with a box per step, arrows down, and side boxes."""
    left = [_wrapped(text, WRAP_LEFT) for text, *_ in steps]
    right = [_wrapped(then, WRAP_RIGHT) for _, _, then, _ in steps]
    heights = [max(_height(a), _height(b)) for a, b in zip(left, right, strict=True)]
    total = sum(heights) + GAP * (len(steps) - 1) + 0.1
    canvas = Canvas(figsize=(WIDTH, total))
    axis = canvas.add_axes((0, 0, 1, 1))
    axis.set_xlim(0, WIDTH)
    axis.set_ylim(0, total)
    axis.set_axis_off()
    top = total - 0.05
    for number, (_, label, _, colour) in enumerate(steps):
        middle = top - heights[number] / 2
        _box(axis, LEFT, middle, left[number], INK)
        if label:
            _box(axis, RIGHT, middle, right[number], colour)
            _arrow(axis, (sum(LEFT), middle), (RIGHT[0], middle), label)
        if number + 1 < len(steps):
            bottom = middle - _height(left[number]) / 2
            below = top - heights[number] - GAP - heights[number + 1] / 2 + _height(left[number + 1]) / 2
            _arrow(
                axis,
                (sum(LEFT) / 2, bottom),
                (sum(LEFT) / 2, below),
                "no" if label == "yes" else "yes" * bool(label),
            )
        top -= heights[number] + GAP
    return canvas


def _wrapped(text: str, width: int) -> str:
    return "\n".join(fill(line, width) for line in text.splitlines())


def _height(text: str) -> float:
    return ROW * (text.count("\n") + 1) + 2 * PAD


def _box(axis: Axes, place: tuple[float, float], middle: float, text: str, colour: str) -> None:
    """Draw a box around text, left-aligned, its border in the colour of the verdict."""
    height = _height(text)
    axis.add_patch(
        FancyBboxPatch(
            (place[0], middle - height / 2),
            place[1],
            height,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor="white",
            edgecolor=colour,
            linewidth=1.6 if colour != INK else 0.8,
        )
    )
    axis.text(place[0] + PAD, middle, text, va="center", ha="left", fontsize=9, color=INK, linespacing=1.25)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float], label: str) -> None:
    """Draw an arrow with its label beside it."""
    axis.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=9, linewidth=0.9, color="#555555")
    )
    if not label:
        return
    level = start[1] == end[1]
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    x, y = (x, y + 0.09) if level else (x + 0.08, y)
    axis.text(x, y, label, va="center", ha="center" if level else "left", fontsize=8.5, color=INK)
