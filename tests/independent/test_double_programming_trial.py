"""A second, plain-Python program of a whole trial, written from the contract and not from the engine.

It loops over patients with lists and ``math`` and must reproduce every decision, time and count of the
simulator, given the same realised nature.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from adaptive.codes import CellStatus, StopReason
from adaptive.design.measure import HazardRatioBelow
from adaptive.design.protocol import ArmCalendar, Lags
from adaptive.design.rules import EfficacyRule, FutilityRule, HarmRule
from adaptive.design.rules_measured import MeasuredRule
from adaptive.simulate import step
from adaptive.simulate.drivers import simulate
from tests.toy import toy_design, toy_scenario

SEED = 20261120
TRIALS = 120


def draw_arm(probabilities, uniform):
    total = sum(probabilities)
    running = 0.0
    for arm, p in enumerate(probabilities):
        running += p
        if uniform < running / total:
            return arm
    raise AssertionError("a uniform draw below one always falls in some arm")


def enrol(nature, limits, allocation, already, since):
    """Patients in order: those up to ``since`` are fixed, later ones follow ``allocation``."""
    patients, per_subgroup = [], [0] * len(allocation)
    fixed = {p["index"]: p for p in already if p["entry"] <= since}
    for i, entry in enumerate(nature["entry"]):
        s = nature["subgroup"][i]
        if entry <= since and i not in fixed:
            continue
        if entry > since and sum(allocation[s]) == 0:
            continue
        if len(patients) >= limits["n"] or per_subgroup[s] >= limits["per"][s]:
            continue
        arm = fixed[i]["arm"] if i in fixed else draw_arm(allocation[s], nature["uniform"][i])
        per_subgroup[s] += 1
        patients.append(
            dict(index=i, entry=entry, s=s, arm=arm, t=nature["time"][i][arm], e=nature["event"][i][arm])
        )
    return patients


def cell_summary(patients, now, shape):
    events, exposure, count = (np.zeros(shape) for _ in range(3))
    for p in patients:
        if p["entry"] > now:
            continue
        s, a = p["s"], p["arm"]
        count[s, a] += 1
        if p["entry"] + p["t"] <= now:
            events[s, a] += p["e"]
            exposure[s, a] += p["t"]
        else:
            exposure[s, a] += now - p["entry"]
    return events, exposure, count


def thall_wathen(mean, sd, open_cells, count, rule):
    rows = []
    for s in range(len(mean)):
        arms = [any(open_cells[s]), *open_cells[s]]
        if not any(arms):
            rows.append([0.0] * len(arms))
            continue
        if sum(count[s]) < rule["burn_in"]:
            rows.append([float(o) / sum(arms) for o in arms])
            continue
        best = [1.0] + [math.exp(-m / d) for m, d in zip(mean[s], sd[s], strict=True)]
        best = [b / sum(best) for b in best]
        weights = [b ** rule["power"] if o else 0.0 for b, o in zip(best, arms, strict=True)]
        rows.append(bounded(weights, arms, rule["floor"], rule["cap"]))
    return rows


def bounded(weights, arms, floor, cap):
    """Find the scale on a fine grid of the sorted break points of the piecewise-linear sum."""
    n = sum(arms)
    floor, cap = min(floor, 1 / n), max(cap, 1 / n)
    breaks = sorted({b / w for w, o in zip(weights, arms, strict=True) if o for b in (floor, cap)})
    total = lambda k: sum(min(max(k * w, floor), cap) for w, o in zip(weights, arms, strict=True) if o)  # noqa: E731
    low = max([b for b in breaks if total(b) <= 1] or [0.0])
    high = min([b for b in breaks if total(b) >= 1] or [breaks[-1]])
    share = (1 - total(low)) / (total(high) - total(low)) if total(high) > total(low) else 0.0
    k = low + share * (high - low)
    return [min(max(k * w, floor), cap) if o else 0.0 for w, o in zip(weights, arms, strict=True)]


PLAIN = dict(data_lag=0.0, decision_lag=0.0, enters=(-1, -1), leaves=(-1, -1), awaits=None)
"""What a design may add: delays, arms that come and go, and waiting for the final look."""


def judged(mean, sd, k, awaits):
    def below(hr):
        return norm.cdf((math.log(hr) - mean) / sd)

    if 1 - below(1.0) > 0.98:
        return int(CellStatus.HARM)
    if below(1.0) > 0.975 and (awaits is None or k == 2):
        return int(CellStatus.EFFICACY)
    if k < 2 and below(0.8) < 0.1:
        return int(CellStatus.FUTILITY)
    if k < 2 and awaits is not None and below(1.0) > awaits:
        return int(CellStatus.AWAITING)
    return int(CellStatus.COMPLETED if k == 2 else CellStatus.OPEN)


def new_states(status, mean, sd, k, more):
    """States after look ``k``: verdicts, arms that leave, then arms that enter."""
    rows = [list(row) for row in status]
    for s in range(2):
        for b in range(2):
            waits = status[s][b] == CellStatus.AWAITING and k == 2
            if status[s][b] == CellStatus.OPEN or waits:
                rows[s][b] = judged(mean[s, b], sd[s, b], k, more["awaits"])
                if rows[s][b] == CellStatus.OPEN and 0 <= more["leaves"][b] <= k:
                    rows[s][b] = int(CellStatus.COMPLETED)
    nobody = not any(c == CellStatus.OPEN for row in rows for c in row)
    for row in rows:
        for b in range(2):
            if row[b] == CellStatus.PENDING and k == 2:
                row[b] = int(CellStatus.NEVER_OPENED)
            elif row[b] == CellStatus.PENDING and (more["enters"][b] <= k or nobody):
                row[b] = int(CellStatus.OPEN)
    return rows


def estimates(patients, now, shape):
    events, exposure, count = cell_summary(patients, now, shape)
    rate = (events + 0.5) / (exposure + 10.0)
    mean = np.log(rate[:, 1:]) - np.log(rate[:, :1])
    sd = np.sqrt(1 / (events[:, 1:] + 0.5) + 1 / (events[:, :1] + 0.5))
    return events, exposure, count, mean, sd


def run_trial(nature, design, **changes):
    more = {**PLAIN, **changes}
    shape, limits = (
        (2, 3),
        dict(n=int(design.limits.max_patients), per=[int(x) for x in design.limits.max_per_subgroup]),
    )
    rule = {k: float(getattr(design.allocation, k)) for k in ("power", "burn_in", "floor", "cap")}
    pending = [enters >= 0 for enters in more["enters"]]
    status = [[int(CellStatus.PENDING if p else CellStatus.OPEN) for p in pending] for _ in range(2)]
    starts = [1, *(0 if p else 1 for p in pending)]
    allocation = [[x / sum(starts) for x in starts] for _ in range(2)]
    patients, now, settled, decided = [], -1.0, -1.0, [[-1, -1], [-1, -1]]
    overrun = np.full((2, 2), np.nan)
    for k in range(3):
        patients = enrol(nature, limits, allocation, patients, settled)
        if k < 2:
            needed = [40, 80][k]
            if len(patients) < needed:
                continue
            planned = patients[needed - 1]["entry"] + [0.0, 1.0][k]
        else:
            planned = patients[-1]["entry"] + 6.0
        if k < 2 and (planned > 60.0 or planned <= now):
            continue
        now = max(min(planned, 60.0), now)
        lags = (0.0, 0.0) if k == 2 else (more["data_lag"], more["decision_lag"])
        cutoff, settled = max(now - lags[0], 0.0), now + lags[1]
        patients = [p for p in patients if p["entry"] <= settled]
        _, _, count, mean, sd = estimates(patients, cutoff, shape)
        after = new_states(status, mean, sd, k, more)
        events, exposure, total, late, _ = estimates(patients, settled, shape)
        for s in range(2):
            for b in range(2):
                open_before = status[s][b] in (CellStatus.OPEN, CellStatus.AWAITING)
                if open_before and after[s][b] not in (CellStatus.OPEN, CellStatus.AWAITING):
                    decided[s][b], overrun[s, b] = k, late[s, b]
        status = after
        still = [[c == CellStatus.OPEN for c in row] for row in status]
        allocation = thall_wathen(mean, sd, still, count, rule)
        going = (CellStatus.OPEN, CellStatus.AWAITING, CellStatus.PENDING)
        if not any(c in going for row in status for c in row):
            break
    flat = [c for row in status for c in row]
    if k == 2:
        reason = StopReason.TIME_LIMIT if planned > 60.0 else StopReason.FINAL_LOOK
    elif CellStatus.EFFICACY in flat:
        reason = StopReason.EFFICACY
    else:
        reason = StopReason.HARM if CellStatus.HARM in flat else StopReason.FUTILITY
    return dict(
        status=status,
        decided=decided,
        months=now,
        events=events,
        exposure=exposure,
        patients=total,
        reason=int(reason),
        overrun=overrun,
    )


def by_patient(values):
    """Put the patients' axis before that of the arms."""
    return np.moveaxis(np.asarray(values), -1, 1)


def simulated(design, scenario):
    return simulate(design, scenario, seed=SEED, trials=np.arange(TRIALS)).result


def natures_of(design, scenario):
    opened = eqx.filter_jit(jax.vmap(lambda t: step.open_trial(design, scenario, jnp.uint32(SEED), t)[0]))
    nature = opened(jnp.arange(TRIALS, dtype=jnp.uint32))
    fields = dict(entry="entry", subgroup="subgroup", time="time", event="event", uniform="assignment")
    columns = {name: by_patient(getattr(nature, field)).tolist() for name, field in fields.items()}
    return [{name: values[i] for name, values in columns.items()} for i in range(TRIALS)]


def waiting_rules(threshold):
    """Efficacy at the final look only; before, waiting for it where success is expected."""
    nan = np.nan
    return (
        EfficacyRule(margin=1.0, threshold=np.array([nan, nan, 0.975])),
        FutilityRule(margin=0.8, threshold=np.array([0.1, 0.1, nan])),
        HarmRule(margin=1.0, threshold=np.full(3, 0.98)),
        MeasuredRule(
            HazardRatioBelow(1.0), np.array([threshold, threshold, nan]), CellStatus.AWAITING, "above"
        ),
    )


@pytest.fixture(scope="module", params=["mixed", "slow accrual", "strong"])
def case(request):
    scenario = {
        "mixed": toy_scenario(((-0.6, 0.0), (0.5, -1.0))),
        "slow accrual": toy_scenario(((0.3, 0.0), (0.5, 1.2)), rate=1.5),
        "strong": toy_scenario(((1.5, -1.5), (1.5, -1.5)), rate=8.0),
    }[request.param]
    design = toy_design()
    return design, natures_of(design, scenario), simulated(design, scenario)


def compare(results, trial, expected):
    assert results.status[trial].tolist() == expected["status"], trial
    assert results.decided_look[trial].tolist() == expected["decided"], trial
    assert results.reason[trial] == expected["reason"], trial
    np.testing.assert_array_equal(results.patients[trial], expected["patients"])
    np.testing.assert_array_equal(results.events[trial], expected["events"])
    np.testing.assert_allclose(results.exposure[trial], expected["exposure"], rtol=1e-9)
    np.testing.assert_allclose(results.months[trial], expected["months"], rtol=1e-12)


def test_second_program_agrees(case):
    design, natures, results = case
    for trial, nature in enumerate(natures):
        compare(results, trial, run_trial(nature, design))


AWAITING = 0.9
OPTIONS = {
    "lags": (dict(lags=Lags(data=1.0, decision=2.5)), dict(data_lag=1.0, decision_lag=2.5)),
    "a decision that takes longer than the next look": (
        dict(lags=Lags(data=0.0, decision=9.0)),
        dict(decision_lag=9.0),
    ),
    "arms that come and go": (
        dict(calendar=ArmCalendar(first=np.array([-1, 0]), last=np.array([1, -1]))),
        dict(enters=(-1, 0), leaves=(1, -1)),
    ),
    "waiting for the final look": (dict(rules=waiting_rules(AWAITING)), dict(awaits=AWAITING)),
    "all of it": (
        dict(
            lags=Lags(data=0.5, decision=1.0),
            calendar=ArmCalendar(first=np.array([1, -1]), last=np.array([-1, -1])),
            rules=waiting_rules(AWAITING),
        ),
        dict(data_lag=0.5, decision_lag=1.0, enters=(1, -1), awaits=AWAITING),
    ),
}
"""What a design has more, for the simulator and for the second program."""


@pytest.fixture(scope="module", params=OPTIONS)
def optional_case(request):
    changes, more = OPTIONS[request.param]
    design, scenario = toy_design(**changes), toy_scenario(((-0.6, 0.0), (0.2, -1.0)))
    return design, natures_of(design, scenario), simulated(design, scenario), more


def test_second_program_agrees_on_delays_arms_that_come_and_go_and_waiting(optional_case):
    design, natures, results, more = optional_case
    for trial, nature in enumerate(natures):
        expected = run_trial(nature, design, **more)
        compare(results, trial, expected)
        if design.lags is not None:
            np.testing.assert_allclose(results.overrun.mean[trial], expected["overrun"], rtol=1e-9)


def test_the_plain_program_does_not_agree_with_them(optional_case):
    design, natures, results, _ = optional_case
    plain = [run_trial(nature, design) for nature in natures]
    differ = [results.status[t].tolist() != each["status"] for t, each in enumerate(plain)]
    differ |= np.array([(results.patients[t] != each["patients"]).any() for t, each in enumerate(plain)])
    assert differ.sum() > TRIALS // 4


def test_swapped_arms_are_noticed(case):
    design, natures, results = case
    swapped = 0
    for trial, nature in enumerate(natures):
        wrong = {
            **nature,
            "time": [t[::-1] for t in nature["time"]],
            "event": [e[::-1] for e in nature["event"]],
        }
        swapped += not np.array_equal(results.events[trial], run_trial(wrong, design)["events"])
    assert swapped > TRIALS // 2
