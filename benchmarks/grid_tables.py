"""The forty event tables of the accuracy grid: what each is for, and the small trial that makes it.

A table is what a real look would reduce to: patients enter uniformly over the accrual, have exponential event
times within each interval of a piecewise-constant hazard, and are followed to the cut-off, so that events and
person-months belong together. Nothing here may compute a posterior.
"""

from dataclasses import dataclass, field

import numpy as np

STANDARD = {"mu_scale": 1.0, "tau_scale": 0.5, "baseline_shape": 0.1, "baseline_rate": 1.0}
SEED = 20260703


@dataclass(frozen=True)
class Plan:
    """One table: its shape, about how many events, and what is odd about it.

    ``effects`` gives the true log hazard ratio per subgroup (cycled), ``shares`` the size of the subgroups,
    ``empty`` the (subgroup,) or (subgroup, arm) without patients, ``no_events`` the (subgroup, arm) whose
    patients have no event yet, ``hazards`` the range of control hazards a month.
    """

    name: str
    subgroups: int
    experimental: int
    intervals: int
    events: int
    effects: tuple = (-0.5, -0.2, 0.0)
    shares: tuple = ()
    empty: tuple = ()
    no_events: tuple = ()
    hazards: tuple = (0.008, 0.03)
    model: str = "partial_pooling"
    prior: dict = field(default_factory=dict)


DISCORDANT = (-1.2, 0.8)
UNEQUAL = (0.62, 0.2, 0.09, 0.05, 0.03, 0.01, 0.01, 0.01)
VAGUE = {"mu_scale": 2.0, "tau_scale": 1.0}
TIGHT = {"mu_scale": 0.5, "tau_scale": 0.2}
INFORMED = {"baseline_shape": 0.5, "baseline_rate": 20.0}

PLANS = (
    Plan("S1 B1, 8 events", 1, 1, 4, 8, hazards=(0.005, 0.006)),
    Plan("S1 B1, 30 events", 1, 1, 4, 30),
    Plan("S2 B1, 10 events", 2, 1, 4, 10),
    Plan("S4 B1, 25 events", 4, 1, 4, 25),
    Plan("S4 B1, 60 events", 4, 1, 4, 60, prior=VAGUE),
    Plan("S8 B1, 40 events", 8, 1, 6, 40),
    Plan("S8 B1, 90 events, discordant", 8, 1, 6, 90, effects=DISCORDANT),
    Plan("S4 B1, arm without events", 4, 1, 4, 20, no_events=((1, 1), (3, 0))),
    Plan("S4 B1, 150 events", 4, 1, 4, 150),
    Plan("S4 B1, 300 events, discordant", 4, 1, 4, 300, effects=DISCORDANT),
    Plan("S8 B1, 400 events, unequal", 8, 1, 6, 400, shares=UNEQUAL, effects=(-0.4, 0.3)),
    Plan("S8 B1, 600 events, tight prior", 8, 1, 6, 600, prior=TIGHT),
    Plan("S1 B1, 1500 events", 1, 1, 4, 1500, hazards=(0.05, 0.08)),
    Plan("S2 B1, 2000 events", 2, 1, 4, 2000, hazards=(0.04, 0.08)),
    Plan("S1 B2, 12 events", 1, 2, 4, 12),
    Plan("S2 B2, 15 events", 2, 2, 2, 15),
    Plan("S4 B2, 12 events", 4, 2, 4, 12, hazards=(0.005, 0.01)),
    Plan("S4 B2, 40 events", 4, 2, 4, 40),
    Plan("S4 B2, 80 events, arms without events", 4, 2, 4, 80, no_events=((0, 1), (2, 0), (3, 2))),
    Plan("S4 B2, 60 events, empty subgroup", 4, 2, 4, 60, empty=((1,),)),
    Plan("S8 B2, 95 events", 8, 2, 6, 95, prior=INFORMED),
    Plan("S4 B2, no pooling, 50 events", 4, 2, 4, 50, model="no_pooling"),
    Plan("S4 B2, 110 events", 4, 2, 4, 110),
    Plan("S4 B2, 200 events, discordant", 4, 2, 4, 200, effects=DISCORDANT),
    Plan("S5 B2, 250 events, unequal, arm not offered", 5, 2, 3, 250, shares=UNEQUAL[:5], empty=((1, 2),)),
    Plan("S4 B2, 400 events", 4, 2, 4, 400),
    Plan("S8 B2, 1000 events", 8, 2, 6, 1000, effects=(-0.6, -0.1, 0.2)),
    Plan("S1 B2, 1500 events", 1, 2, 4, 1500, hazards=(0.04, 0.07)),
    Plan("S4 B2, 2000 events, discordant", 4, 2, 1, 2000, effects=DISCORDANT, hazards=(0.03, 0.08)),
    Plan("S1 B3, 45 events", 1, 3, 4, 45),
    Plan("S2 B3, 20 events", 2, 3, 3, 20),
    Plan("S4 B3, 60 events", 4, 3, 4, 60),
    Plan("S4 B3, full pooling, 40 events", 4, 3, 2, 40, model="full_pooling"),
    Plan("S4 B3, 300 events, discordant", 4, 3, 4, 300, effects=DISCORDANT),
    Plan("S3 B3, 800 events, arm not offered", 3, 3, 2, 800, empty=((2, 3),)),
    Plan("S2 B4, 30 events", 2, 4, 4, 30),
    Plan("S4 B4, 70 events", 4, 4, 4, 70),
    Plan("S4 B4, 200 events", 4, 4, 4, 200),
    Plan("S3 B4, no pooling, 120 events", 3, 4, 3, 120, model="no_pooling", prior=VAGUE),
    Plan("S1 B4, 1200 events", 1, 4, 4, 1200, hazards=(0.02, 0.05)),
)


def prior_of(plan: Plan) -> dict:
    """Prior numbers of a plan: those of the shipped configuration unless it says otherwise."""
    return {**STANDARD, **plan.prior}


def make_table(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Events and person-months of a plan, each of shape (S, A, J); the same at every call.

    Trials are made one after the other, larger or smaller, until one has 95% to 100% of the planned events.
    """
    rng = np.random.default_rng([SEED, *plan.name.encode()])
    base = rng.uniform(*plan.hazards, (plan.subgroups, plan.intervals))
    patients = plan.events / (1.0 - np.exp(-base.mean() * 3.0 * (plan.intervals + 1)))
    for _ in range(1000):
        events, exposure = _one_trial(rng, plan, base, patients)
        if 0.95 * plan.events <= events.sum() <= plan.events:
            return events, np.round(exposure, 2)
        patients *= (plan.events / max(events.sum(), 1.0)) ** 0.5
    raise RuntimeError(f"no trial of {plan.name!r} has the planned number of events")


def _one_trial(rng, plan: Plan, base: np.ndarray, total: float) -> tuple[np.ndarray, np.ndarray]:
    """Events and person-months of one trial of about ``total`` patients."""
    patients = _patients(plan, total)
    cuts, months = 6.0 * np.arange(plan.intervals), 6.0 * (plan.intervals + 1)
    events, exposure = np.zeros((2, *patients.shape, plan.intervals))
    for s, a in np.ndindex(patients.shape):
        effect = plan.effects[(s + a - 1) % len(plan.effects)] if a else 0.0
        drawn = _follow(rng, patients[s, a], base[s] * np.exp(effect), cuts, months)
        while (s, a) in plan.no_events and drawn[0].sum() > 0:
            drawn = _follow(rng, max(patients[s, a] // 4, 2), base[s] * np.exp(effect), cuts, months)
        events[s, a], exposure[s, a] = drawn
    return events, exposure


def _patients(plan: Plan, total: float) -> np.ndarray:
    """Patients per subgroup and arm."""
    shares = np.array(plan.shares or [1.0] * plan.subgroups)
    each = np.maximum(np.round(total * shares / shares.sum() / (plan.experimental + 1)), 1).astype(int)
    patients = np.repeat(each[:, None], plan.experimental + 1, axis=1)
    for index in plan.empty:
        patients[index] = 0
    return patients


def _follow(rng, n: int, hazard: np.ndarray, cuts: np.ndarray, months: float):
    """Events and person-months per interval of ``n`` patients of one arm, entering uniformly."""
    horizon = months - rng.uniform(0.0, months, n)
    target = rng.exponential(size=n)
    width = np.append(np.diff(cuts), np.inf)
    cumulative = np.concatenate([[0.0], np.cumsum(hazard[:-1] * width[:-1])])
    interval = np.searchsorted(cumulative, target, side="right") - 1
    time = cuts[interval] + (target - cumulative[interval]) / hazard[interval]
    seen = np.minimum(time, horizon)
    exposure = np.clip(seen[:, None] - cuts, 0.0, width).sum(axis=0)
    at = np.searchsorted(cuts, seen[time <= horizon], side="left") - 1
    return np.bincount(at, minlength=len(cuts)).astype(float), exposure
