"""Builds measures that predict from configuration values; measures inside them are built elsewhere."""

from collections.abc import Callable
from typing import Any

import numpy as np

from adaptive.config.checks import Faults
from adaptive.config.read import read
from adaptive.config.schema_design import DesignValues
from adaptive.config.schema_predictive import FinalTest as FinalValues
from adaptive.design.measure import AbstractMeasure
from adaptive.errors import BadInput
from adaptive.measures.final import FinalTest, TwoSided
from adaptive.measures.graduation import ConfirmatorySuccess
from adaptive.measures.imputation import Assumed
from adaptive.measures.predictive import PredictiveProbability
from adaptive.measures.predictive_information import PredictiveInformation

BuildMeasure = Callable[[Any, DesignValues | None, str, Faults], AbstractMeasure | None]
_PREDICTS = (PredictiveProbability, PredictiveInformation, ConfirmatorySuccess)


def two_sided(
    values: Any, design: DesignValues | None, key: str, faults: Faults, build: BuildMeasure
) -> AbstractMeasure | None:
    """Return the two-sided form of a measure; ``build`` builds the measure inside."""
    measure = build(values.measure, design, f"{key}.measure", faults)
    if isinstance(measure, TwoSided):
        faults.add(f"{key}.measure.kind", "two_sided", "give a one-sided measure, such as log_rank")
        return None
    return None if measure is None else TwoSided(measure)


def predictive(
    values: Any, design: DesignValues | None, key: str, faults: Faults, build: BuildMeasure
) -> AbstractMeasure | None:
    """Return the predictive probability by imputation."""
    if design is not None and design.periods is not None:
        faults.add(
            f"{key}.kind",
            "predictive",
            "patients' futures need one baseline hazard, and the model has one per period of entry; give "
            "design.periods=null, or a measure that does not predict by imputation",
        )
        return None
    final = _final(values.final, design, f"{key}.final", faults, build)
    if final is None:
        return None
    return PredictiveProbability(
        final, _assumed(values), values.level, values.sample, values.imputations, values.bound
    )


def predictive_information(
    values: Any, design: DesignValues | None, key: str, faults: Faults, build: BuildMeasure
) -> AbstractMeasure | None:
    """Return the predictive probability from the information fraction."""
    final = _final(values.final, design, f"{key}.final", faults, build)
    if final is None:
        return None
    events = None if values.events is None else np.asarray(values.events, float)
    try:
        return PredictiveInformation(final, _assumed(values), events, values.sample)
    except BadInput as fault:
        faults.append(f"{key}.final.measure: {fault}")
        return None


def confirmatory_success(
    values: Any, design: DesignValues | None, key: str, faults: Faults, build: BuildMeasure
) -> AbstractMeasure | None:
    """Return the probability of success in a later trial, whose size is given as events or as patients."""
    by_patients = values.patients is not None and values.event_share is not None
    if (values.events is not None) == by_patients or (values.patients is None) != (
        values.event_share is None
    ):
        given = {name: getattr(values, name) for name in ("events", "patients", "event_share")}
        faults.add(
            key, given, "give 'events', or 'patients' with 'event_share', the share of them with an event"
        )
        return None
    events = values.patients * values.event_share if by_patients else values.events
    return ConfirmatorySuccess(np.asarray(events, float), values.level, values.share)


def _final(
    data: Any, design: DesignValues | None, key: str, faults: Faults, build: BuildMeasure
) -> FinalTest | None:
    values = read(FinalValues, data, key, faults)
    if values is None:
        return None
    measure = build(values.measure, design, f"{key}.measure", faults)
    if isinstance(measure, _PREDICTS):
        faults.add(
            f"{key}.measure.kind", values.measure["kind"], "the final look predicts nothing; give a test"
        )
        return None
    return None if measure is None else FinalTest(measure, values.threshold)


def _assumed(values: Any) -> Assumed:
    follow_up = np.inf if values.follow_up is None else values.follow_up
    dropout = None if values.dropout is None else np.asarray(values.dropout, float)
    return Assumed(values.entry_rate, follow_up, dropout)
