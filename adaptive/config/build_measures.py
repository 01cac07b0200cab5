"""Builds measures from configuration values. A new kind needs a schema, a line in ``_BUILDERS``, an example.

What a measure needs of the design's values is checked here, with the full key; nothing here builds a rule.
"""

from collections.abc import Callable
from typing import Any

from adaptive.config import build_predictive as predicting
from adaptive.config.checks import Faults
from adaptive.config.read import read_kind
from adaptive.config.schema import SCHEMAS
from adaptive.config.schema_design import DesignValues
from adaptive.design.measure import AbstractMeasure, HazardRatioBelow
from adaptive.measures.best import ArmIsBest
from adaptive.measures.cox import Cox
from adaptive.measures.log_rank import LogRank
from adaptive.measures.pooled import PooledEffect
from adaptive.measures.ratios import HazardRatioAbove, HazardRatioBetween
from adaptive.measures.risk import RiskDifferenceBelow

Builder = Callable[[Any, DesignValues | None, str, Faults], AbstractMeasure | None]


def build_measure(
    data: Any, design_values: DesignValues | None, key: str, faults: Faults
) -> AbstractMeasure | None:
    """Return the measure, or ``None`` after writing down every fault.

    Parameters
    ----------
    data
        Values with a ``kind``.
    design_values
        The protocol's values, or ``None`` if they are faulty.
    key, faults
        Full key of ``data``; where faults are written.
    """
    values = read_kind(SCHEMAS["measure"], data, key, faults)
    return None if values is None else _BUILDERS[values.kind](values, design_values, key, faults)


def _below(values, design, key: str, faults: Faults) -> AbstractMeasure:
    return HazardRatioBelow(values.margin)


def _above(values, design, key: str, faults: Faults) -> AbstractMeasure:
    return HazardRatioAbove(values.margin)


def _equivalence(values, design, key: str, faults: Faults) -> AbstractMeasure:
    return HazardRatioBetween(values.lower, values.upper)


def _risk_difference(values, design, key: str, faults: Faults) -> AbstractMeasure | None:
    if design is not None:
        longest = min(design.horizon_months, design.max_months)
        if values.months > longest:
            name = "horizon_months" if longest == design.horizon_months else "max_months"
            faults.append(
                f"{key}.months: {values.months:g} is not allowed; give a time of at most design.{name}, "
                f"{longest:g}, up to which the design follows patients"
            )
            return None
    return RiskDifferenceBelow(values.margin, values.months)


def _best(values, design, key: str, faults: Faults) -> AbstractMeasure:
    return ArmIsBest()


def _pooled(values, design, key: str, faults: Faults) -> AbstractMeasure:
    return PooledEffect()


def _log_rank(values, design, key: str, faults: Faults) -> AbstractMeasure:
    return LogRank(values.margin, values.stratified)


def _cox(values, design, key: str, faults: Faults) -> AbstractMeasure:
    return Cox(values.margin, values.ties == "efron", values.stratified)


def _holding(build) -> Builder:
    """Return the builder of a measure that holds other measures."""
    return lambda values, design, key, faults: build(values, design, key, faults, build_measure)


_BUILDERS: dict[str, Builder] = {
    "hazard_ratio_below": _below,
    "hazard_ratio_above": _above,
    "equivalence": _equivalence,
    "non_inferiority": _below,
    "risk_difference_below": _risk_difference,
    "non_inferiority_risk": _risk_difference,
    "best": _best,
    "pooled_effect": _pooled,
    "log_rank": _log_rank,
    "cox": _cox,
    "two_sided": _holding(predicting.two_sided),
    "predictive": _holding(predicting.predictive),
    "predictive_information": _holding(predicting.predictive_information),
    "confirmatory_success": _holding(predicting.confirmatory_success),
}
