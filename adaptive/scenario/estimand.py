"""True values of a scenario: what a design's estimates are compared with. Computed, never assumed.

The truth of an effect that changes over time depends on the follow-up, so every value states its
horizon. Nothing here is random and nothing here knows a design beyond the names of its endpoint.
"""

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import brentq

from adaptive.errors import BadInput, did_you_mean
from adaptive.scenario.generate import endpoint_channels
from adaptive.scenario.occupancy import Law, endpoint_law
from adaptive.scenario.truth import Scenario

NULL_TOLERANCE = 1e-9
_WIDEST = 50.0


class Truth(eqx.Module):
    """True values per subgroup and arm at one horizon.

    Attributes
    ----------
    horizon
        Months of follow-up.
    log_hr
        Large-sample limit of the Cox estimate of arm ``b + 1`` against control, shape ``(S, B)``.
    incidence
        Cumulative incidence of the endpoint at the horizon, shape ``(S, A)``.
    difference
        Incidence in arm ``b + 1`` minus control, shape ``(S, B)``.
    is_null
        Whether the arm has no benefit, so that a claim of benefit would be an error, ``(S, B)``.
    """

    horizon: float
    log_hr: Float[np.ndarray, "S B"]
    incidence: Float[np.ndarray, "S A"]
    difference: Float[np.ndarray, "S B"]
    is_null: Bool[np.ndarray, "S B"]


def _positive_horizon(horizon: float) -> None:
    if not (np.isfinite(horizon) and horizon > 0):
        raise BadInput(f"horizon: {horizon} months; give a finite number above 0")


def _limit(weight, risk_0, flow_0, risk_1, flow_1) -> float:
    """Solve the population score equation of the two-arm Cox model."""
    if not (flow_0 @ weight > 0 or flow_1 @ weight > 0):
        return 0.0
    if not (flow_0 @ weight > 0 and flow_1 @ weight > 0):
        return np.inf if flow_1 @ weight > 0 else -np.inf

    def score(beta):
        half = np.exp(0.5 * beta)
        pooled = np.maximum(risk_0 / half + risk_1 * half, 1e-300)
        return weight @ ((risk_0 * flow_1 / half - risk_1 * flow_0 * half) / pooled)

    return float(brentq(score, -_WIDEST, _WIDEST, xtol=1e-14, rtol=1e-14))


def _log_hr(law: Law) -> Float[np.ndarray, "S B"]:
    n_subgroups, n_arms = law.at_risk.shape[1:]
    result = np.empty((n_subgroups, n_arms - 1))
    for s, b in np.ndindex(result.shape):
        control, arm = (s, 0), (s, b + 1)
        result[s, b] = _limit(
            law.weight,
            *(law.at_risk[:, *control], law.flow[:, *control]),
            *(law.at_risk[:, *arm], law.flow[:, *arm]),
        )
    return result


def true_log_hr(
    scenario: Scenario, endpoint: tuple[str, ...], horizon: float, *, n_patients: int = 500
) -> Float[np.ndarray, "S B"]:
    """Return the large-sample limit of the two-arm Cox estimate, the least false log hazard ratio.

    With at-risk probabilities ``y`` and endpoint hazards ``h`` of arm and control (0) it is the root of
    ``integral_0^horizon y0 y (h - e^beta h0) / (y0 + e^beta y) dt = 0``. Under proportional hazards it is the
    log hazard ratio itself. Arms are compared 1:1 within a subgroup with everybody followed for
    ``horizon`` months unless a competing channel ends observation.

    Parameters
    ----------
    scenario
        The truth.
    endpoint
        Names of the endpoint's channels.
    horizon
        Months of follow-up.
    n_patients
        Arrivals over whose entry times a drift is averaged; without drift it does not matter.

    Returns
    -------
    Array of shape ``(S, B)``. Minus or plus infinity where only control or only the arm has events, 0 where
    neither has.

    Raises
    ------
    BadInput
        If the endpoint names an unknown channel or the horizon is not positive.

    References
    ----------
    Struthers and Kalbfleisch (1986), Biometrika 73, 363-369, doi:10.1093/biomet/73.2.363.
    """
    _positive_horizon(horizon)
    indices = endpoint_channels(scenario.channels, endpoint)
    return _log_hr(endpoint_law(scenario, indices, horizon, n_patients=n_patients))


def cumulative_incidence(
    scenario: Scenario,
    endpoint: tuple[str, ...],
    horizon: float,
    *,
    n_patients: int = 500,
    absent: tuple[str, ...] = (),
) -> Float[np.ndarray, "S A"]:
    """Return the probability of an endpoint event by ``horizon`` with the other channels competing.

    Parameters
    ----------
    scenario, endpoint, horizon, n_patients
        As in ``true_log_hr``.
    absent
        Names of channels to be switched off; name dropout here for the incidence without dropout.

    Raises
    ------
    BadInput
        If a channel is unknown or the horizon is not positive.
    """
    _positive_horizon(horizon)
    indices = endpoint_channels(scenario.channels, endpoint)
    have = ", ".join(scenario.channels)
    unknown = [
        f"absent: {name!r} is not an event channel of the scenario (it has {have})"
        + did_you_mean(name, scenario.channels)
        for name in absent
        if name not in scenario.channels
    ]
    if unknown:
        raise BadInput(unknown)
    off = tuple(scenario.channels.index(name) for name in absent)
    law = endpoint_law(scenario, indices, horizon, n_patients=n_patients, absent=off)
    return np.einsum("t,tsa->sa", law.weight, law.flow)


def _never_benefits(scenario: Scenario, indices: tuple[int, ...], horizon: float):
    """Return whether no endpoint channel has a hazard ratio below 1 before the horizon, shape ``(S, B)``."""
    hazards = scenario.hazards
    reached = np.asarray(hazards.cuts) < horizon
    log_hr = np.asarray(hazards.log_hr)[:, list(indices)][..., 1:, :]
    possible = (np.asarray(hazards.base)[:, list(indices)] > 0)[:, :, :, None, :]
    helps = (log_hr < -NULL_TOLERANCE) & possible & reached
    return ~helps.any(axis=(0, 1, 4))


def true_values(
    scenario: Scenario,
    endpoint: tuple[str, ...],
    horizon: float,
    *,
    n_patients: int = 500,
    absent: tuple[str, ...] = (),
) -> Truth:
    """Return all true values of a scenario at one horizon.

    A cell is null when no endpoint channel ever has a hazard ratio below 1 before the horizon *and* the true
    log hazard ratio is not below 0 (by more than 1e-9). Harm is null for a claim of benefit; an effect
    that begins after the horizon is null; one that helps first and harms later is not, whatever its
    average.

    Parameters
    ----------
    scenario, endpoint, horizon, n_patients
        As in ``true_log_hr``.
    absent
        Channels switched off for the incidence, as in ``cumulative_incidence``.
    """
    log_hr = true_log_hr(scenario, endpoint, horizon, n_patients=n_patients)
    incidence = cumulative_incidence(scenario, endpoint, horizon, n_patients=n_patients, absent=absent)
    indices = endpoint_channels(scenario.channels, endpoint)
    return Truth(
        horizon=float(horizon),
        log_hr=log_hr,
        incidence=incidence,
        difference=incidence[:, 1:] - incidence[:, :1],
        is_null=_never_benefits(scenario, indices, horizon) & (log_hr >= -NULL_TOLERANCE),
    )
