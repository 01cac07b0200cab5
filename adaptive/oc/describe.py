"""Descriptions of a design and of a scenario's truth as plain data, for manifests and tables.

Says what is there; judges nothing and computes no operating characteristic.
"""

from typing import Any

import jax
import numpy as np

from adaptive.design.decide import measures_of
from adaptive.design.measure import AbstractMeasure
from adaptive.design.protocol import Design
from adaptive.design.rules import AbstractRule
from adaptive.io.frames import Labels
from adaptive.io.hashing import finite_or_null
from adaptive.oc.describe_parts import awaits, in_words, model_words, responds, timing_words
from adaptive.scenario.estimand import true_values
from adaptive.scenario.truth import Scenario


def labels_of(design: Design) -> Labels:
    """Return the names that turn a design's records into tables."""
    measures = tuple((m.name, _rounded(m)) for m in measures_of(design))
    return Labels(subgroups=design.subgroups, arms=design.arms, measures=measures)


def _rounded(measure: AbstractMeasure) -> float | tuple[float, ...] | None:
    """Return the number, or numbers, that a measure's name gives in six digits, or ``None``."""
    numbers = tuple(float(x) for leaf in jax.tree.leaves(measure) for x in np.ravel(leaf))
    return (numbers or (None,))[0] if len(numbers) < 2 else numbers


def describe_design(design: Design) -> dict[str, Any]:
    """Return a design as plain data; a threshold that is not applied at a look is ``None``."""
    return finite_or_null(
        {
            "name": design.name,
            "arms": design.arms,
            "subgroups": design.subgroups,
            "endpoint": design.endpoint,
            "n_looks": design.looks.n_looks,
            "max_patients": int(design.limits.max_patients),
            "max_months": float(design.limits.max_months),
            "rules": [_describe_rule(rule, design.looks.n_looks) for rule in design.rules],
            "allocation": in_words(design.allocation),
            "responds": responds(design.allocation),
            "awaits": awaits(design),
            "timing": timing_words(design),
            "model": model_words(design.analysis.model),
            "engine": type(design.analysis.engine).__name__,
        }
    )


def _describe_rule(rule: AbstractRule, n_looks: int) -> dict[str, Any]:
    return {"kind": rule.kind, **_described(rule, n_looks), "binding": rule.binding}


def _described(rule: AbstractRule, n_looks: int) -> dict[str, Any]:
    """Return what a rule asks; of one made of others also how they are joined, and in which cells it acts."""
    looks = list(zip(*(rule.asks(look) for look in range(n_looks)), strict=True))
    described = {
        "asks": [
            {
                "quantity": each[0].words,
                "sign": each[0].sign,
                "threshold": [at.threshold for at in each],
                "min_events": each[0].min_events,
            }
            for each in looks
        ]
    }
    if rule.parts:
        described |= {"joined": rule.joined, "parts": [_described(part, n_looks) for part in rule.parts]}
    return described | ({"scope": rule.scope} if rule.scope else {})


def describe_truth(
    design: Design, scenario: Scenario, horizon: float, absent: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the true values of a scenario at ``horizon`` months; infinite ones are ``None``.

    Parameters
    ----------
    design, scenario
        The protocol, for the endpoint, and the assumed truth.
    horizon
        Months of follow-up.
    absent
        Channels switched off for the cumulative incidence.

    Raises
    ------
    BadInput
        If the horizon is not positive or a channel is unknown.
    """
    truth = true_values(scenario, design.endpoint, horizon, absent=absent)
    return finite_or_null(
        {
            "subgroups": scenario.subgroups,
            "arms": scenario.arms,
            "endpoint": design.endpoint,
            "horizon_months": truth.horizon,
            "cif_without": absent,
            "log_hr": truth.log_hr,
            "cif": truth.incidence,
            "cif_difference": truth.difference,
            "is_null": truth.is_null,
        }
    )
