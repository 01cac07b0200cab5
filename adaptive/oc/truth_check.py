"""The true values of a scenario estimated from very many simulated patients, to check the computed ones.

Patients come from the generator that virtual trials use, are randomised equally and are followed to the
horizon unless a competing channel ends observation. Nothing here reads how the true values were computed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from scipy import special, stats

from adaptive.rng import trial_key
from adaptive.scenario.generate import outcomes
from adaptive.scenario.truth import Scenario
from adaptive.simulate.nature import own_arm
from adaptive.simulate.world import draw_world

ARRIVALS = 500
"""Arrivals per simulated world: the computed true values average a drift over as many."""
WORLDS = 64
"""Worlds simulated together; bounds the memory, and a patient is the same whatever it is."""
LEAST_EVENTS = 10
"""Events in each arm below which the robust error of a Cox estimate is not used."""
SPARSE = 50
"""Expected patients with the endpoint, or without, below which a share is not taken as normal."""
NOT_FINITE = "the true value is not finite"
NO_PATIENT = "no patient was simulated there"
FEW_EVENTS = f"fewer than {LEAST_EVENTS} events in one of the two arms"
CERTAIN = "a true value of 0 or 1 has no sampling error; the sample agrees"
IMPOSSIBLE = "the sample is impossible under the true value"
"""Why an estimate has no z; the last one is a difference."""
_STEPS = 40
_SMALL = 1e-10


@dataclass(frozen=True)
class Sample:
    """Patients of one scenario, each observed under one arm; 11 bytes a patient.

    Attributes
    ----------
    subgroup, arm
        Indices, shape ``(N,)``.
    time, event
        Months to the endpoint or to the end of observation, at most the horizon, and which, ``(N,)``.
    """

    subgroup: Int[np.ndarray, " N"]
    arm: Int[np.ndarray, " N"]
    time: Float[np.ndarray, " N"]
    event: Bool[np.ndarray, " N"]


def without(scenario: Scenario, absent: Sequence[str]) -> Scenario:
    """Return the scenario with channels switched off."""
    base = scenario.hazards.base
    for name in absent:
        base = base.at[:, scenario.channels.index(name)].set(0.0)
    return eqx.tree_at(lambda s: s.hazards.base, scenario, base)


def sample(
    scenario: Scenario, endpoint: tuple[str, ...], horizon: float, n_patients: int, seed: int
) -> Sample:
    """Simulate at least ``n_patients`` patients, whole worlds of ``ARRIVALS`` at a time.

    Parameters
    ----------
    scenario, endpoint
        The truth, and the channels that count.
    horizon
        Months of follow-up.
    n_patients
        Patients over all subgroups and arms.
    seed
        Root seed; world ``w`` has the address of trial ``w``.
    """
    # Scenarios that differ in their name alone share one compiled program.
    scenario = replace(scenario, name="large sample")
    chunks = list(_chunks(scenario, endpoint, horizon, -(-n_patients // ARRIVALS), seed))
    return Sample(*(np.concatenate(column) for column in zip(*chunks, strict=True)))


def _chunks(
    scenario: Scenario, endpoint: tuple[str, ...], horizon: float, n_worlds: int, seed: int
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield subgroup, arm, time and event of the patients of a few worlds."""
    for first in range(0, n_worlds, WORLDS):
        numbers = np.arange(first, first + WORLDS, dtype=np.uint32)
        found = _worlds(scenario, endpoint, jnp.asarray(horizon), jnp.uint32(seed), numbers)
        kept = min(WORLDS, n_worlds - first)
        subgroup, arm, time, event = (np.asarray(x)[:kept].reshape(-1) for x in found)
        yield subgroup.astype(np.int8), arm.astype(np.int8), time.astype(np.float64), event


@partial(jax.jit, static_argnums=1)
def _worlds(scenario: Scenario, endpoint: tuple[str, ...], horizon: Array, seed: Array, numbers: Array):
    return jax.vmap(lambda number: _world(scenario, endpoint, horizon, trial_key(seed, number)))(numbers)


def _world(scenario: Scenario, endpoint: tuple[str, ...], horizon: Array, key: PRNGKeyArray):
    world = draw_world(
        key,
        n_arrivals=ARRIVALS,
        n_episodes=scenario.n_episodes,
        n_channels=len(scenario.channels),
        dtype=scenario.hazards.base.dtype,
    )
    lived = outcomes(scenario, world, endpoint)
    n_arms = len(scenario.arms)
    arm = jnp.minimum((world.assignment * n_arms).astype(jnp.int32), n_arms - 1)
    time, event = own_arm(lived.time, arm), own_arm(lived.event, arm)
    return lived.subgroup, arm, jnp.minimum(time, horizon), event & (time <= horizon)


def cox(
    time: Float[np.ndarray, " N"], event: Bool[np.ndarray, " N"], treated: Bool[np.ndarray, " N"]
) -> tuple[float, float]:
    """Return the two-arm Cox log hazard ratio and its robust standard error; NaN without events in both arms.

    With ``n0, n1`` at risk at an event time and ``p = n1 e^b / (n0 + n1 e^b)``, ``b`` solves
    ``sum over events of (x - p) = 0``. The standard error is that of Lin and Wei, which holds where hazards
    are not proportional: ``sqrt(sum W^2) / I`` with ``I = sum p (1 - p)`` and, per patient,
    ``W = d (x - p(t)) - sum over events at or before t of e^(b x) (x - p) / (n0 + n1 e^b)``.

    References
    ----------
    Lin and Wei (1989), Journal of the American Statistical Association 84, 1074-1078,
    doi:10.1080/01621459.1989.10478874.
    """
    if not (event[treated].any() and event[~treated].any()):
        return np.nan, np.nan
    order = np.argsort(time, kind="stable")
    time, event, x = time[order], event[order], treated[order].astype(float)
    first = np.searchsorted(time, time, side="left")
    n1 = np.cumsum(x[::-1])[::-1][first]
    n0 = np.cumsum((1 - x)[::-1])[::-1][first]
    beta = 0.0
    for _ in range(_STEPS):
        p = n1 * np.exp(beta) / (n0 + n1 * np.exp(beta))
        score, information = (x - p)[event].sum(), (p * (1 - p))[event].sum()
        step = np.clip(score / information, -1.0, 1.0)
        beta += step
        if abs(step) < _SMALL:
            break
    p = n1 * np.exp(beta) / (n0 + n1 * np.exp(beta))
    information = (p * (1 - p))[event].sum()
    pooled = np.where(event, 1.0 / (n0 + n1 * np.exp(beta)), 0.0)
    last = np.searchsorted(time, time, side="right") - 1
    sums, weighted = np.cumsum(pooled)[last], np.cumsum(pooled * p)[last]
    residual = event * (x - p) - np.exp(beta * x) * (x * sums - weighted)
    return float(beta), float(np.sqrt((residual**2).sum()) / information)


def hazard_ratio_rows(drawn: Sample, subgroups: Sequence[str], arms: Sequence[str]) -> list[dict]:
    """Return the log hazard ratio of every experimental arm against control, per subgroup."""
    rows = []
    for s, subgroup in enumerate(subgroups):
        for b, arm in enumerate(arms[1:], 1):
            own = (drawn.subgroup == s) & ((drawn.arm == 0) | (drawn.arm == b))
            event, treated = drawn.event[own], drawn.arm[own] == b
            enough = min(event[treated].sum(), event[~treated].sum()) >= LEAST_EVENTS
            estimate, error = cox(drawn.time[own], event, treated) if enough else (np.nan, np.nan)
            place = {"quantity": "log_hr", "subgroup": subgroup, "arm": arm}
            rows.append(place | _numbers(estimate, error, int(own.sum()), int(event.sum())))
    return rows


def incidence_rows(drawn: Sample, subgroups: Sequence[str], arms: Sequence[str]) -> list[dict]:
    """Return the share of patients with the endpoint by the horizon, per subgroup and arm.

    Its standard error is that under the true value it is compared with, which is not known here.
    """
    rows = []
    for s, subgroup in enumerate(subgroups):
        for a, arm in enumerate(arms):
            own = (drawn.subgroup == s) & (drawn.arm == a)
            n, m = int(own.sum()), int(drawn.event[own].sum())
            place = {"quantity": "cif", "subgroup": subgroup, "arm": arm}
            rows.append(place | _numbers(m / n if n else np.nan, np.nan, n, m))
    return rows


def _numbers(estimate: float, error: float, n: int, m: int) -> dict:
    return {"estimate": estimate, "mcse": error, "n": n, "m": m}


def limit(n_comparisons: int, gamma: float) -> float:
    """Return the largest ``|z|`` by chance: two-sided, Bonferroni over the comparisons, ``gamma`` in all."""
    return float(special.ndtri(1 - gamma / (2 * max(n_comparisons, 1))))


def compared(rows: Sequence[dict], stored: dict) -> list[dict]:
    """Return every row with its stored true value and ``z``, or with the ``reason`` why it has none.

    ``z = (estimate - stored) / mcse``. The standard error of a share is that which the stored value implies,
    ``sqrt(p (1 - p) / n)``: it exists where no patient of the sample, or every one, has the endpoint. Where
    fewer than ``SPARSE`` are expected with it, or without, ``z`` is the normal deviate of the exact binomial
    tail instead.

    Parameters
    ----------
    rows
        Of ``hazard_ratio_rows`` and ``incidence_rows``.
    stored
        The content of ``truth.json``; values that are infinite are null there.
    """
    names = {"log_hr": stored["arms"][1:], "cif": stored["arms"]}
    found = []
    for row in rows:
        s = stored["subgroups"].index(row["subgroup"])
        value = stored[row["quantity"]][s][names[row["quantity"]].index(row["arm"])]
        found.append(_compared(row, value))
    return found


def _compared(row: dict, value: float | None) -> dict:
    error = row["mcse"]
    if row["quantity"] == "cif" and value is not None and row["n"]:
        error = float(np.sqrt(max(value * (1 - value), 0.0) / row["n"]))
    reason = _reason(row["estimate"], error, value, row)
    z = None if reason or value is None else _z(row, value, error)
    return row | {"mcse": error, "stored": value, "z": z, "reason": reason}


def _z(row: dict, value: float, error: float) -> float:
    if row["quantity"] == "cif" and row["n"] * min(value, 1 - value) < SPARSE:
        return _exact_z(row["m"], row["n"], value)
    return (row["estimate"] - value) / error


def _exact_z(m: int, n: int, p: float) -> float:
    """Return the normal deviate of the smaller binomial tail of ``m``; 0 where both exceed a half."""
    low, high = stats.binom.cdf(m, n, p), stats.binom.sf(m - 1, n, p)
    deviate = float(special.ndtri(max(min(low, high, 0.5), np.finfo(float).tiny)))
    return deviate if low < high else -deviate


def _reason(estimate: float, error: float, value: float | None, row: dict) -> str:
    """Return why an estimate has no ``z``; empty if it has one."""
    if value is None:
        return NOT_FINITE
    if not row["n"]:
        return NO_PATIENT
    if not (np.isfinite(estimate) and np.isfinite(error)):
        return FEW_EVENTS
    if error > 0:
        return ""
    return CERTAIN if estimate == value else IMPOSSIBLE


def differs(row: dict, largest: float) -> bool:
    """Return whether a row of ``compared`` is further off than ``largest``, or contradicts its true value."""
    return row["reason"] == IMPOSSIBLE if row["z"] is None else bool(abs(row["z"]) > largest)
