"""A rule as lines to read, one per measure: where each stands among the parts, what joins it, in which cells.

Only tells how a rule is put together; thresholds and quantities come from ``AbstractRule.asks``.
"""

from typing import NamedTuple

from adaptive.design.rules import AbstractRule


class RuleLine(NamedTuple):
    """One measure of a rule.

    Attributes
    ----------
    part
        Place among the parts and, behind points, among the parts of these, from 1; empty in a rule of one
        measure: in ``(a and b) or c`` the measures have 1.1, 1.2 and 2.
    joined
        Word between the measure and the line before it; empty in the first.
    scope
        Words on the cells, those of the rule and of the parts that hold the measure, from the outside in;
        empty if each cell is by itself.
    """

    part: str
    joined: str
    scope: str


def rule_lines(rule: AbstractRule) -> tuple[RuleLine, ...]:
    """Return a line per measure of a rule, in the order of ``measures``."""
    each = [rule_lines(part) for part in rule.parts] or [(RuleLine("", "", ""),) for _ in rule.measures]
    numbers = [str(number) for number in range(1, len(each) + 1)] if len(each) > 1 else [""]
    lines = [
        RuleLine(
            part=".".join(filter(None, (number, line.part))),
            joined=line.joined if place or group == 0 else rule.joined,
            scope="; ".join(filter(None, (rule.scope, line.scope))),
        )
        for group, (number, inside) in enumerate(zip(numbers, each, strict=True))
        for place, line in enumerate(inside)
    ]
    return tuple(lines)
