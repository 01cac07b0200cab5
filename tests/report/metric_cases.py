"""Every metric in plain NumPy from the raw arrays, each with a planted error that the same check must see.

``value(d, i)`` is the metric over the trials ``i`` of the study ``d``; ``planted`` is the same with a slip of
the kind that is made in earnest: another denominator, all trials instead of some, a sign, an index, a look, a
root that is missing, n for n - 1. ``single(d, i, design)`` is what a paired metric takes the difference of,
where designs share the noise that it depends on.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tests.report.metric_study import TRUTHS, K
from tests.report.synthetic import ARMS, SUBGROUPS

T = np.array(TRUTHS["mixed"])
NULL = T >= 0
CIF = 1 - np.exp(-0.5 * np.exp(np.concatenate([np.zeros((2, 1)), T], axis=1)))
CELL = {"subgroup": SUBGROUPS[1], "arm": ARMS[1]}


class Case(NamedTuple):
    """A metric, where its row stands, its value over some trials, and the same with an error."""

    table: str
    metric: str
    where: dict
    value: Callable
    planted: Callable
    single: Callable | None = None


def of(design="adaptive", scenario="mixed"):
    """Return a function that gives the arrays of one cell over some trials."""
    return lambda d, name, i: d[design, scenario][name][i]


at = of()


def claim(d, i, scenario="mixed", design="adaptive"):
    return d[design, scenario]["status"][i] == 2


def advised(d, i, design="adaptive"):
    """Claims left when advice is followed: none where an earlier look advised to stop."""
    get = of(design)
    gone = (get(d, "advice", i) == 3) & (get(d, "advice_look", i) < get(d, "decided_look", i))
    return claim(d, i, design=design) & ~gone


CLAIMED = {"": claim, "_advice_applied": advised}
FIRST = {"subgroup": SUBGROUPS[0], "arm": ARMS[1]}
CLAIMS = (
    ("fwer", lambda c: c[:, NULL].any(1), lambda c: c[:, NULL].mean(1), {}),
    ("disjunctive_power", lambda c: c[:, ~NULL].any(1), lambda c: c.any((1, 2)), {}),
    ("conjunctive_power", lambda c: c[:, ~NULL].all(1), lambda c: c[:, ~NULL].any(1), {}),
    ("correct_set", lambda c: (c == ~NULL).all((1, 2)), lambda c: c[:, ~NULL].all(1), {}),
    ("type_i_error", lambda c: c[:, 0, 0], lambda c: c[:, 0, 1], FIRST),
    ("power", lambda c: c[:, 1, 0], lambda c: c[:, 0, 1], CELL),
    ("arm_error", lambda c: c[:, 1, 1], lambda c: c[:, :, 1].any(1), {"arm": ARMS[2]}),
    ("arm_power", lambda c: c[:, 0, 1], lambda c: c[:, :, 1].any(1), {"arm": ARMS[2]}),
    ("subgroup_error", lambda c: c[:, 0, 0], lambda c: c[:, 0].any(1), {"subgroup": SUBGROUPS[0]}),
    ("subgroup_power", lambda c: c[:, 1, 0], lambda c: c[:, 1].any(1), {"subgroup": SUBGROUPS[1]}),
)
"""Metric, trials that count, the same with a slip, and the place; over the whole trial where none is said."""


def claims():
    """Claims over the trial, per arm, per subgroup and per cell."""
    for suffix, made in CLAIMED.items():
        for metric, wanted, slip, where in CLAIMS:
            value = lambda d, i, f=wanted, made=made: f(made(d, i)).mean()  # noqa: E731
            planted = lambda d, i, f=slip, made=made: f(made(d, i)).mean()  # noqa: E731
            yield Case("claims", metric + suffix, {"subgroup": "all", "arm": "all"} | where, value, planted)


def totals(d, i, name, design="adaptive"):
    """Return a size of the whole trial."""
    get = of(design)
    if name == "accrual_months":
        return 0.8 * get(d, "months", i)
    values = get(d, name, i)
    return values if name == "months" else values.sum((1, 2)).astype(float)


def sizes():
    """Patients, events and durations: mean, spread, a percentile."""
    for name in ("patients", "events", "months", "accrual_months"):
        value = lambda d, i, name=name: totals(d, i, name)  # noqa: E731
        for level, statistic, slip in (
            ("mean", np.mean, np.median),
            ("sd", lambda x: x.std(ddof=1), lambda x: x.std(ddof=1) ** 2),
            ("p75", lambda x: np.sort(x)[int(np.ceil(0.75 * x.size)) - 1], lambda x: np.sort(x)[x.size // 4]),
        ):
            yield Case(
                "size",
                name,
                {"level": level},
                lambda d, i, v=value, f=statistic: f(v(d, i)),
                lambda d, i, v=value, f=slip: f(v(d, i)),
            )


def stopping():
    """Stops at and by a look, and final states."""

    def share(wanted):
        return lambda d, i: wanted(at(d, "reason", i), at(d, "last_look", i)).mean()

    yield Case(
        "stopping",
        "stop",
        {"level": "FUTILITY", "look": 2},
        share(lambda r, k: (r == 3) & (k == 1)),
        share(lambda r, k: (r == 3) & (k == 2)),
    )
    yield Case(
        "stopping",
        "stopped_by",
        {"level": "EFFICACY", "look": 2},
        share(lambda r, k: (r == 2) & (k <= 1)),
        share(lambda r, k: (r == 2) & (k < 1)),
    )
    yield Case(
        "status",
        "status",
        {"level": "COMPLETED"} | CELL,
        lambda d, i: (at(d, "status", i)[:, 1, 0] == 5).mean(),
        lambda d, i: (at(d, "status", i)[:, 0, 1] == 5).mean(),
    )


def decided():
    """When a cell is decided and its subgroup closed, what is given up early, and on how few patients."""
    status = lambda d, i: at(d, "status", i)[:, 0, 0]  # noqa: E731
    look = lambda d, i: at(d, "decided_look", i)  # noqa: E731

    def futile(d, i, by=1):
        return ((status(d, i) == 3) & (look(d, i)[:, 0, 0] <= by)).mean()

    def spared(d, i, before=K - 1):
        return (np.isin(status(d, i), (3, 4)) & (look(d, i)[:, 0, 0] < before)).mean()

    def few(d, i, arms=(0, 1), verdicts=(2, 3, 4)):
        x = d["adaptive", "mixed"]["look_columns"]["patients"][i][:, :, 1]
        own = x[np.arange(x.shape[0]), look(d, i)[:, 1, 0]]
        told = np.isin(at(d, "status", i)[:, 1, 0], verdicts)
        return (own[told][:, list(arms)].min(1) < 10).mean()

    yield Case(
        "decided",
        "decided_by",
        {"level": "FUTILITY", "look": 2} | FIRST,
        futile,
        lambda d, i: futile(d, i, 0),
    )
    yield Case(
        "decided",
        "closed_by",
        {"look": 2, "subgroup": SUBGROUPS[1]},
        lambda d, i: (look(d, i)[:, 1] <= 1).all(1).mean(),
        lambda d, i: (look(d, i)[:, 1] < 1).all(1).mean(),
    )
    yield Case("decided", "given_up_early", FIRST, spared, lambda d, i: spared(d, i, K))
    yield Case("decided", "few_at_decision", CELL, few, lambda d, i: few(d, i, arms=(1,)))


def late():
    """Cells that await the final look, and claims with the overrun."""
    won = lambda d, i: claim(d, i)[:, 1, 0]  # noqa: E731
    moved = lambda d, i: (at(d, "overrun_log_hr_mean", i) - at(d, "log_hr_mean", i))[:, 1, 0]  # noqa: E731
    p = lambda d, i: at(d, "overrun_p_below_1", i)[:, 1, 0]  # noqa: E731
    upheld = lambda d, i: at(d, "overrun_log_hr_upper", i)[:, 1, 0] < 0  # noqa: E731
    waits = lambda d, i: at(d, "awaiting_look", i)[:, 1, 0] >= 0  # noqa: E731
    yield Case("late", "awaited", CELL, lambda d, i: waits(d, i).mean(), lambda d, i: (~waits(d, i)).mean())
    for metric, values in (("overrun_shift", moved), ("overrun_p_benefit", p), ("overrun_upheld", upheld)):
        given = lambda d, i, v=values: v(d, i)[won(d, i)].mean()  # noqa: E731
        yield Case("late", metric, CELL, given, lambda d, i, v=values: v(d, i).mean())


HERE = {"subgroup": SUBGROUPS[1]}
ALLOCATED = (
    ("patients_in", {"level": "mean"} | CELL, lambda x: x[:, 1, 1].mean(), lambda x: x[:, 1, 0].mean()),
    ("patients_in", {"level": "sd"} | CELL, lambda x: x[:, 1, 1].std(ddof=1), lambda x: x[:, 1, 1].std()),
    ("patients_inferior", HERE, lambda x: (x[:, 1, 0] + x[:, 1, 2]).mean(), lambda x: x[:, 1, 2].mean()),
    (
        "wrong_way",
        HERE,
        lambda x: (np.maximum(x[:, 1, 0], x[:, 1, 2]) > x[:, 1, 1]).mean(),
        lambda x: (np.maximum(x[:, 1, 0], x[:, 1, 2]) >= x[:, 1, 1]).mean(),
    ),
    (
        "wrong_way_experimental",
        HERE,
        lambda x: (x[:, 1, 2] > x[:, 1, 1]).mean(),
        lambda x: (x[:, 1, 2] < x[:, 1, 1]).mean(),
    ),
    ("few_patients", CELL, lambda x: (x[:, 1, 1] < 10).mean(), lambda x: (x[:, 1, 1] <= 10).mean()),
)


def allocation():
    """Patients per arm, on inferior arms, the wrong way, small arms, and randomisation probabilities."""
    for metric, where, value, slip in ALLOCATED:
        yield Case(
            "allocation",
            metric,
            where,
            lambda d, i, f=value: f(at(d, "patients", i)),
            lambda d, i, f=slip: f(at(d, "patients", i)),
        )

    def median(d, i, look=1):
        on = at(d, "last_look", i) >= look
        x = np.sort(at(d, "allocation", i)[on, look, 1, 1])
        return x[int(np.ceil(x.size / 2)) - 1]

    place = {"look": 2, "level": "p50"} | CELL
    yield Case("allocation", "allocation_after", place, median, lambda d, i: median(d, i, 0))


def courses():
    """What a look finds, patient benefit."""
    columns = lambda d, i, name: d["adaptive", "mixed"]["look_columns"][name][i].astype(float)  # noqa: E731
    on = lambda d, i: at(d, "last_look", i) >= 1  # noqa: E731
    place = {"look": 2, "subgroup": SUBGROUPS[1]}
    for name in ("patients", "events"):
        yield Case(
            "looks_expected",
            f"look_{name}",
            place,
            lambda d, i, name=name: columns(d, i, name)[on(d, i), 1, 1].sum(1).mean(),
            lambda d, i, name=name: columns(d, i, name)[:, 1, 1].sum(1).mean() * on(d, i).mean(),
        )
    yield Case(
        "looks_expected",
        "look_month",
        {"look": 2},
        lambda d, i: columns(d, i, "month")[on(d, i), 1, 0, 0].mean(),
        lambda d, i: columns(d, i, "month")[on(d, i), 0, 0, 0].mean(),
    )

    def fraction(d, i, look=1):
        both = at(d, "last_look", i) == K - 1
        x = columns(d, i, "events")[both].sum(3)[:, :, 1]
        return x[:, look].mean() / x[:, -1].mean()

    yield Case("looks_expected", "information_fraction", place, fraction, lambda d, i: fraction(d, i, 0))
    e, n = (lambda d, i, k=k: at(d, k, i)[:, 1].sum(1) for k in ("events", "patients"))
    yield Case(
        "benefit",
        "events_per_100",
        HERE,
        lambda d, i: 100 * e(d, i).sum() / n(d, i).sum(),
        lambda d, i: 100 * (e(d, i) / n(d, i)).mean(),
    )
    yield Case("benefit", "ideal_percentage", HERE, ideal, lambda d, i: ideal(d, i, flip=True))


def ideal(d, i, design="adaptive", flip=False):
    """Where the arm chosen stands between the worst and the best, per cent; ``flip`` from the best."""
    won = claim(d, i, design=design)[:, 1]
    best = np.where(won, of(design)(d, "log_hr_mean", i)[:, 1], np.inf).argmin(1) + 1
    incidence = CIF[1][np.where(won.any(1), best, 0)]
    part = (CIF[1].max() - incidence) / (CIF[1].max() - CIF[1].min())
    return 100 * (1 - part if flip else part).mean()


TRUE = T[1, 0]
STATISTICS = {
    "bias": (lambda m, s, lo, up: (m - TRUE).mean(), lambda m, s, lo, up: (TRUE - m).mean()),
    "relative_bias": (
        lambda m, s, lo, up: 100 * (m.mean() - TRUE) / TRUE,
        lambda m, s, lo, up: 100 * (m.mean() - TRUE) / abs(TRUE),
    ),
    "empirical_se": (lambda m, s, lo, up: m.std(ddof=1), lambda m, s, lo, up: m.std()),
    "posterior_sd": (lambda m, s, lo, up: s.mean(), lambda m, s, lo, up: (s**2).mean()),
    "relative_se_error": (
        lambda m, s, lo, up: 100 * (np.sqrt((s**2).mean()) / m.std(ddof=1) - 1),
        lambda m, s, lo, up: 100 * ((s**2).mean() / m.var(ddof=1) - 1),
    ),
    "mse": (lambda m, s, lo, up: ((m - TRUE) ** 2).mean(), lambda m, s, lo, up: m.var()),
    "rmse": (
        lambda m, s, lo, up: np.sqrt(((m - TRUE) ** 2).mean()),
        lambda m, s, lo, up: ((m - TRUE) ** 2).mean(),
    ),
    "width": (lambda m, s, lo, up: (up - lo).mean(), lambda m, s, lo, up: (up - m).mean()),
    "coverage": (
        lambda m, s, lo, up: ((lo <= TRUE) & (up >= TRUE)).mean(),
        lambda m, s, lo, up: (lo <= TRUE).mean(),
    ),
    "bias_eliminated_coverage": (
        lambda m, s, lo, up: ((lo <= m.mean()) & (m.mean() <= up)).mean(),
        lambda m, s, lo, up: ((lo <= TRUE) & (up >= TRUE)).mean(),
    ),
}


def estimates():
    """Bias, errors, widths and coverage over all trials."""

    def ofcell(d, i):
        return tuple(at(d, f"log_hr_{k}", i)[:, 1, 0] for k in ("mean", "sd", "lower", "upper"))

    for metric, (value, slip) in STATISTICS.items():
        yield Case(
            "estimation",
            metric,
            {"level": "overall"} | CELL,
            lambda d, i, f=value: f(*ofcell(d, i)),
            lambda d, i, f=slip: f(*ofcell(d, i)),
        )


def given_estimates():
    """Bias, width and RMSE given a claim or a stop for futility."""
    for level, code, (s, b) in (("claimed", 2, (1, 0)), ("futile", 3, (0, 0))):
        for metric in ("bias", "width", "rmse"):
            truth = T[s, b]
            f = {
                "bias": lambda m, w, t: (m - t).mean(),
                "width": lambda m, w, t: w.mean(),
                "rmse": lambda m, w, t: np.sqrt(((m - t) ** 2).mean()),
            }[metric]

            def given(d, i, f=f, code=code, s=s, b=b, t=truth, every=False):
                mask = (at(d, "status", i)[:, s, b] == code) | every
                w = at(d, "log_hr_upper", i) - at(d, "log_hr_lower", i)
                return f(at(d, "log_hr_mean", i)[mask, s, b], w[mask, s, b], t)

            where = {"level": level, "subgroup": SUBGROUPS[s], "arm": ARMS[b + 1]}
            everyone = lambda d, i, g=given: g(d, i, every=True)  # noqa: E731
            yield Case("estimation", metric, where, given, everyone)


FAMILIES = (claims, sizes, stopping, decided, late, allocation, courses, estimates, given_estimates)
CASES = [case for family in FAMILIES for case in family()]
