"""Descriptions of a design and of a scenario's truth as plain data, for manifests and tables.

Says what is there; judges nothing and computes no operating characteristic.
"""

from typing import Any

import numpy as np

from adaptive.design.protocol import Design
from adaptive.io.frames import Labels
from adaptive.io.hashing import finite_or_null
from adaptive.scenario.estimand import true_values
from adaptive.scenario.truth import Scenario


def labels_of(design: Design) -> Labels:
    """Return the names that turn a design's records into tables."""
    margins = tuple(float(rule.margin) for rule in design.rules)
    return Labels(subgroups=design.subgroups, arms=design.arms, margins=margins)


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
            "rules": [_describe_rule(rule) for rule in design.rules],
            "allocation": type(design.allocation).__name__,
            "model": type(design.analysis.model).__name__,
            "engine": type(design.analysis.engine).__name__,
        }
    )


def _describe_rule(rule) -> dict[str, Any]:
    return {
        "kind": rule.verdict.name.lower(),
        "margin": float(rule.margin),
        "threshold": np.asarray(rule.threshold).tolist(),
        "min_events": float(rule.min_events),
        "binding": rule.binding,
    }


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
