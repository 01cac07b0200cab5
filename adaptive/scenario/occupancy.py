"""Deterministic law of a scenario: who is at risk, and how fast endpoint events come, at every time.

With hazards that depend on the state and on the months since randomisation, a patient's course is a
Markov chain with a piecewise-constant generator. Its law is computed, by uniformisation, and not
simulated. NumPy in double precision whatever the precision of the simulation.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.stats import poisson

from adaptive.scenario.calendar import entry_times, interpolate, log_drift
from adaptive.scenario.truth import Scenario

_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)
_LONGEST_PIECE = 6.0
_MOST_JUMPS = 4.0


class Law(eqx.Module):
    """Law of the time to the first endpoint event on a quadrature grid of ``T`` times up to a horizon.

    Attributes
    ----------
    time, weight
        Nodes in months, and weights of their integral, shape ``(T,)``.
    at_risk
        Probability of being observed and free of the endpoint, shape ``(T, S, A)``.
    flow
        Endpoint events per month, ``at_risk`` times the endpoint's hazard, shape ``(T, S, A)``.
    """

    time: Float[np.ndarray, " T"]
    weight: Float[np.ndarray, " T"]
    at_risk: Float[np.ndarray, "T S A"]
    flow: Float[np.ndarray, "T S A"]


def entry_grid(
    scenario: Scenario, n_patients: int, n_points: int = 64
) -> tuple[Float[np.ndarray, " X"], Float[np.ndarray, "X S"]]:
    """Return entry months and, per subgroup, their weights for the first ``n_patients`` arrivals.

    Entry months are evenly spread over the expected arrivals; one point is enough without drift. Weights
    follow the subgroup mix at entry and sum to 1; a subgroup that never arrives gets equal ones.
    """
    drifts = np.ptp(np.asarray(scenario.drift.log_multiplier), axis=0).any()
    n_points = n_points if drifts else 1
    arrivals = (np.arange(n_points) + 0.5) / n_points * n_patients
    entry = entry_times(scenario.accrual, jnp.asarray(arrivals, scenario.accrual.rate.dtype))
    mix = np.asarray(interpolate(entry, scenario.population.knots, scenario.population.mix), float)
    mix = np.where(mix.sum(axis=0) > 0, mix, 1.0)
    return np.asarray(entry, float), mix / mix.sum(axis=0)


def _rates(scenario: Scenario, entry: Float[np.ndarray, " X"]) -> Float[np.ndarray, "M X S A H C"]:
    hazards = scenario.hazards
    base, log_hr = np.asarray(hazards.base, float), np.asarray(hazards.log_hr, float)
    rates = np.transpose(base[:, :, :, None, :] * np.exp(log_hr), (4, 2, 3, 0, 1))
    drift = np.asarray(log_drift(scenario.drift, jnp.asarray(entry, scenario.drift.knots.dtype)), float)
    return rates[:, None] * np.exp(drift)[None, :, None, None, None, :]


def _pieces(cuts: Float[np.ndarray, " M"], fastest: Float[np.ndarray, " M"], horizon: float):
    """Yield interval index and length of pieces up to the horizon, short enough for the quadrature."""
    stops = np.minimum(np.append(cuts[1:], np.inf), horizon)
    for m in np.flatnonzero(stops > cuts):
        width = stops[m] - cuts[m]
        n_pieces = int(np.ceil(max(width / _LONGEST_PIECE, width * fastest[m] / _MOST_JUMPS)))
        for i in range(n_pieces):
            yield m, cuts[m] + i * width / n_pieces, width / n_pieces


def _generator(rates, next_state, n_episodes: int, ends: set[int]):
    """Return the generator on episode x state, rows summing to minus the rate of leaving observation."""
    n_states, n_channels = next_state.shape
    size = n_episodes * n_states
    generator = np.zeros((*rates.shape[:-2], size, size))
    for k in range(size):
        episode, state = divmod(k, n_states)
        generator[..., k, k] = -rates[..., state, :].sum(axis=-1)
        for c in range(n_channels):
            then = next_state[state, c]
            if c not in ends and then >= 0 and episode + 1 < n_episodes:
                generator[..., k, (episode + 1) * n_states + then] += rates[..., state, c]
    return generator


def _spread(occupied, generator, fastest: float, times: Float[np.ndarray, " T"]):
    """Return occupancy after ``times``: a Poisson mixture of powers of the jump chain (uniformisation)."""
    mean = fastest * times
    n_terms = int(mean.max() + 8.0 * np.sqrt(mean.max()) + 30.0)
    jump = np.eye(generator.shape[-1]) + generator / max(fastest, 1e-300)
    powers = [occupied]
    for _ in range(n_terms - 1):
        powers.append(np.einsum("...k,...kl->...l", powers[-1], jump))
    return np.tensordot(poisson.pmf(np.arange(n_terms)[None, :], mean[:, None]), np.stack(powers), axes=1)


def endpoint_law(
    scenario: Scenario,
    endpoint: tuple[int, ...],
    horizon: float,
    *,
    n_patients: int = 500,
    absent: tuple[int, ...] = (),
) -> Law:
    """Compute the law of the time to the first endpoint event in every subgroup and arm.

    Parameters
    ----------
    scenario
        The truth.
    endpoint
        Indices of the endpoint's channels.
    horizon
        Months of follow-up.
    n_patients
        Arrivals over whose entry times a drift is averaged.
    absent
        Indices of channels to be switched off.

    Notes
    -----
    Quadrature is 16-point Gauss-Legendre on pieces with at most four expected jumps; its error is
    below 1e-12.
    """
    entry, share = entry_grid(scenario, n_patients)
    rates = _rates(scenario, entry)
    rates[..., list(absent)] = 0.0
    next_state = np.asarray(scenario.hazards.next_state)
    leaving = rates.sum(axis=-1)
    fastest = leaving.max(axis=tuple(range(1, leaving.ndim)))
    occupied = np.zeros((*rates.shape[1:4], scenario.n_episodes * rates.shape[4]))
    occupied[..., 0] = 1.0
    parts = []
    for m, begin, width in _pieces(np.asarray(scenario.hazards.cuts, float), fastest, horizon):
        generator = _generator(rates[m], next_state, scenario.n_episodes, set(endpoint))
        nodes = 0.5 * width * (1.0 + _NODES)
        path = _spread(occupied, generator, fastest[m], np.append(nodes, width))
        occupied = path[-1]
        hazard = np.tile(rates[m][..., list(endpoint)].sum(axis=-1), scenario.n_episodes)
        at_risk = np.einsum("txsak,xs->tsa", path[:-1], share)
        flow = np.einsum("txsak,xsak,xs->tsa", path[:-1], hazard, share)
        parts.append((begin + nodes, 0.5 * width * _NODE_WEIGHTS, at_risk, flow))
    return Law(*(np.concatenate(column) for column in zip(*parts, strict=True)))
