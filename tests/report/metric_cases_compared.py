"""The cases of ``metric_cases`` that compare designs or average over scenarios."""

import numpy as np

from tests.report.metric_cases import (
    ALLOCATED,
    CELL,
    CLAIMED,
    CLAIMS,
    Case,
    T,
    at,
    claim,
    ideal,
    of,
    totals,
)
from tests.report.metric_study import PRIOR, TRUTHS
from tests.report.synthetic import ARMS, SUBGROUPS

W = {name: weight / sum(PRIOR.values()) for name, weight in PRIOR.items()}


def pairs():
    """Differences of the adaptive design from the fixed one on the same trials."""
    fixed = of("fixed")

    def cell(d, i, f, get):
        lower, upper, mean = (get(d, f"log_hr_{k}", i)[:, 1, 0] for k in ("lower", "upper", "mean"))
        return f(mean, lower, upper)

    t = T[1, 0]
    for metric, f in (
        ("bias", lambda m, lo, up: m.mean()),
        ("mse", lambda m, lo, up: ((m - t) ** 2).mean()),
        ("width", lambda m, lo, up: (up - lo).mean()),
        ("coverage", lambda m, lo, up: ((lo <= t) & (t <= up)).mean()),
    ):
        value = lambda d, i, f=f: cell(d, i, f, at) - cell(d, i, f, fixed)  # noqa: E731
        # The reversed difference would pass where it is near 0, so the planted one forgets the benchmark.
        yield Case("paired_estimation", metric, CELL, value, lambda d, i, f=f: cell(d, i, f, at))

    def precision(d, i, power=1.0):
        a, b = at(d, "log_hr_mean", i)[:, 1, 0].var(), fixed(d, "log_hr_mean", i)[:, 1, 0].var()
        return 100 * ((b / a) ** power - 1)

    of_errors = lambda d, i: precision(d, i, 0.5)  # noqa: E731
    yield Case("paired_estimation", "relative_precision", CELL, precision, of_errors)


def paired_case(metric, where, single, *, noise=True):
    """Return the case of a difference; ``noise`` says whether the designs share the noise of the metric.

    A reversed difference would pass where it is 0, so the planted slip forgets the benchmark.
    """
    value = lambda d, i: single(d, i, "adaptive") - single(d, i, "fixed")  # noqa: E731
    forgotten = lambda d, i: single(d, i, "adaptive")  # noqa: E731
    place = {"subgroup": "all", "arm": "all"} | where
    return Case("paired", metric, place, value, forgotten, single if noise else None)


WEAK = ("disjunctive_power", "arm_error")
"""Claims so common, or so rare, that sharing the noise hardly correlates them."""


def paired_outcomes():
    """Differences in claims, sizes, allocation and benefit."""
    for suffix, made in CLAIMED.items():
        for metric, wanted, _, where in CLAIMS:
            single = lambda d, i, k, f=wanted, m=made: f(m(d, i, design=k)).mean()  # noqa: E731
            yield paired_case(metric + suffix, where, single, noise=not suffix and metric not in WEAK)
    for name in ("patients", "events", "months", "accrual_months"):
        single = lambda d, i, k, name=name: totals(d, i, name, k).mean()  # noqa: E731
        yield paired_case(name, {}, single, noise="months" in name)
    for metric, where, value, _ in ALLOCATED:
        if metric not in ("patients_in", "few_patients"):
            single = lambda d, i, k, f=value: f(of(k)(d, "patients", i))  # noqa: E731
            yield paired_case(metric, where, single, noise=False)
    yield paired_case("ideal_percentage", {"subgroup": SUBGROUPS[1]}, ideal)


NULLS = {name: np.array(t) >= 0 for name, t in TRUTHS.items()}
EVERY = {"scenario": "design prior", "subgroup": "all", "arm": "all"}
HERE = {"scenario": "design prior"} | CELL


def weighted(f, over=tuple(W)):
    """Return the mean over scenarios of a function of the claims and of what is null."""
    total = sum(W[j] for j in over)
    return lambda d, i: sum(W[j] * f(claim(d, i, j), NULLS[j]).mean() for j in over) / total


def averages():
    """Assurance and average errors under the design prior."""
    false = lambda c, z: (c & z).any((1, 2))  # noqa: E731
    true = lambda c, z: (c & ~z).any((1, 2))  # noqa: E731
    anyone = lambda c, z: c.any((1, 2))  # noqa: E731
    right, made = (lambda c, z: (c & ~z)[:, 1, 0]), (lambda c, z: c[:, 1, 0])
    for metric, where, value, planted in (
        ("assurance", EVERY, weighted(true), weighted(anyone)),
        ("prior_claim", EVERY, weighted(anyone), weighted(true)),
        ("average_power", EVERY, weighted(true, ("mixed",)), weighted(true)),
        ("average_type_i_error", EVERY, weighted(false), weighted(false, ("null",))),
        ("assurance", HERE, weighted(right), weighted(made)),
        (
            "average_type_i_error",
            HERE,
            weighted(made, ("null",)),
            weighted(lambda c, z: (c & z)[:, 1, 0]),
        ),
    ):
        yield Case("bayes", metric, where, value, planted)


def predictive(code, wanted, cells, weigh=True):
    """Return the share of the cells in a state whose truth is as wanted."""

    def value(d, i):
        top = bottom = 0.0
        for j in W:
            event = (d["adaptive", j]["status"][i] == code)[:, cells[0], cells[1]]
            right = event & (NULLS[j][cells] == wanted)
            weight = W[j] if weigh else 1.0
            top += weight * right.mean(0).sum()
            bottom += weight * event.mean(0).sum()
        return top / bottom

    return value


def predictive_values():
    """Shares of claims and of futility stops that are right."""
    whole, one = (slice(None), slice(None)), (slice(1, 2), slice(0, 1))
    yield Case("bayes", "ppv", EVERY, predictive(2, False, whole), predictive(2, False, whole, False))
    yield Case("bayes", "npv", EVERY, predictive(3, True, whole), predictive(3, False, whole))
    yield Case("bayes", "ppv", HERE, predictive(2, False, one), predictive(2, False, one, False))


def calibration():
    """Posterior probabilities against the truth."""

    def binned(lower, upper, mean_of=False):
        def value(d, i):
            top = bottom = 0.0
            for j in W:
                p = d["adaptive", j]["look_columns"]["p_below_1"][i][:, 0, :, 1:]
                inside = (p >= lower) & (p < upper)
                top += W[j] * (np.where(inside, p, 0) if mean_of else inside & ~NULLS[j]).mean(0).sum()
                bottom += W[j] * inside.mean(0).sum()
            return top / bottom

        return value

    place = {"scenario": "design prior", "level": "0.8 to 0.9"}
    table = "posterior_calibration"
    yield Case(table, "calibration_share", place, binned(0.8, 0.9), binned(0.9, 0.95))
    yield Case(table, "calibration_mean", place, binned(0.8, 0.9, True), binned(0.7, 0.9, True))


def decisions():
    """Decisions by band of the truth."""

    def decided(code, wanted):
        def value(d, i):
            parts = [d["adaptive", j]["status"][i][:, wanted(np.array(TRUTHS[j]))] == code for j in W]
            return np.concatenate([p.mean(0) for p in parts]).mean()

        return value

    none, harm = (lambda t: t == 0), (lambda t: t > 0)
    go = {"scenario": "all", "level": "EFFICACY", "band": "none"}
    stop = {"scenario": "all", "level": "FUTILITY", "band": "harm"}
    yield Case("decisions", "decision", go, decided(2, none), decided(2, lambda t: t >= 0))
    yield Case("decisions", "decision", stop, decided(3, harm), decided(3, none))


def noninferiority():
    """Claims of the design that claims non-inferiority: the one cell beyond its margin, and the others."""
    place = {"design": "fixed", "subgroup": SUBGROUPS[1]}
    won = lambda d, i, s, b: claim(d, i, design="fixed")[:, s, b].mean()  # noqa: E731
    one = lambda d, i: won(d, i, 1, 1)  # noqa: E731
    null = lambda d, i: claim(d, i, design="fixed")[:, T >= 0].any(1).mean()  # noqa: E731
    table = "noninferiority"
    yield Case(table, "ni_fwer", {"design": "fixed", "subgroup": "all", "arm": "all"}, one, null)
    yield Case(table, "ni_error", place | {"arm": ARMS[2]}, one, lambda d, i: won(d, i, 1, 0))
    within = lambda d, i: won(d, i, 1, 0)  # noqa: E731
    yield Case(table, "ni_power", place | {"arm": ARMS[1]}, within, lambda d, i: won(d, i, 0, 1))


FAMILIES = (pairs, paired_outcomes, averages, predictive_values, calibration, decisions, noninferiority)
CASES = [case for family in FAMILIES for case in family()]
