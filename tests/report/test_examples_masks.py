"""Kinds of example trials: each mask against a loop over trials and cells, written from its words."""

import numpy as np
import pytest
from scipy import optimize, stats

from adaptive.codes import CellStatus
from adaptive.oc import examples_masks as masks
from adaptive.oc.examples_kinds import KINDS, Kind, Tier, find, over_trials, typical
from adaptive.oc.load import load_results
from tests.report.synthetic import fake_arrays, write_result

MIXED = ((0.0, -0.4), (-0.5, 0.2))
NULL = ((0.0, 0.0), (0.0, 0.0))
EFFICACY, FUTILITY, HARM, COMPLETED, NEVER = (
    int(CellStatus[n]) for n in ("EFFICACY", "FUTILITY", "HARM", "COMPLETED", "NEVER_OPENED")
)


def arrays_of(log_hr, seed, n=400):
    """Return trials whose cells were decided at various looks, some for harm."""
    arrays = fake_arrays(n, log_hr=log_hr, claim=0.35, futile=0.4, seed=seed)
    rng = np.random.default_rng(seed)
    harmed = (arrays["status"] == FUTILITY) & (rng.random(arrays["status"].shape) < 0.2)
    arrays["status"] = np.where(harmed, HARM, arrays["status"])
    last = np.broadcast_to(arrays["last_look"][:, None, None], arrays["status"].shape)
    arrays["decided_look"] = np.where(arrays["status"] == COMPLETED, last, rng.integers(0, last + 1))
    arrays["patients"][::7] *= 600 // arrays["patients"][::7].sum(axis=(1, 2), keepdims=True) + 1
    return arrays


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("masks")
    for scenario, log_hr, seed in (("null", NULL, 1), ("mixed", MIXED, 2)):
        for design in ("fixed", "adaptive"):
            allocation = "FixedAllocation" if design == "fixed" else "ThallWathenAllocation"
            write_result(
                root, design, scenario, arrays_of(log_hr, seed), log_hr=log_hr, allocation=allocation
            )
    return {(r.design, r.scenario): r for r in load_results([root])}


@pytest.fixture(scope="module")
def mixed(results):
    return results["adaptive", "mixed"]


def cells(result, i):
    """Yield place, status, look of the decision and whether it is null, of every cell of a trial."""
    for s in range(len(result.subgroups)):
        for b in range(len(result.arms) - 1):
            yield (s, b), result.status[i, s, b], result.decided_look[i, s, b], result.truth.is_null[s, b]


def test_claims_in_one_subgroup(mixed):
    found = masks.one_subgroup(mixed, masks.closed(mixed, CellStatus.FUTILITY, CellStatus.HARM))
    assert 0 < found.sum() < found.size
    for i in range(mixed.n_trials):
        claims = [(place, null) for place, status, _, null in cells(mixed, i) if status == EFFICACY]
        where = {s for (s, _), _ in claims}
        others = [status for (s, _), status, _, _ in cells(mixed, i) if s not in where]
        wanted = len(where) == 1 and not any(null for _, null in claims)
        assert found[i] == (wanted and all(status in (FUTILITY, HARM) for status in others))


def test_a_cell_that_some_trials_never_opened_is_no_condition_there(tmp_path):
    arrays = arrays_of(NULL, 4)
    arrays["status"][::2, 1, 1], arrays["decided_look"][::2, 1, 1] = NEVER, -1
    write_result(tmp_path, "d", "s", arrays, log_hr=NULL, is_null=[[False, True], [True, True]])
    (result,) = load_results([tmp_path])
    assert result.offered.all()
    over = masks.closed(result, CellStatus.FUTILITY, CellStatus.HARM)
    every, one = masks.every_cell(result, over), masks.one_subgroup(result, over)
    for i in range(result.n_trials):
        there = [(s, status) for (s, _), status, _, _ in cells(result, i) if status != NEVER]
        assert every[i] == all(status in (FUTILITY, HARM) for _, status in there)
        claims = [place for place, status, _, _ in cells(result, i) if status == EFFICACY]
        elsewhere = [status for s, status in there if s != 0]
        assert one[i] == (claims == [(0, 0)] and all(status in (FUTILITY, HARM) for status in elsewhere))
    unopened = result.status[:, 1, 1] == NEVER
    assert every[unopened].any() and one[unopened].any() and one[~unopened].any()


def test_most_closed_elsewhere_leaves_out_the_subgroup_of_the_claim(mixed):
    tier = next(kind for kind in KINDS if kind.name == "one-subgroup").tiers[1]
    shut = []
    for i in range(mixed.n_trials):
        where = {s for (s, _), status, _, _ in cells(mixed, i) if status == EFFICACY}
        false = any(status == EFFICACY and null for _, status, _, null in cells(mixed, i))
        others = [status for (s, _), status, _, _ in cells(mixed, i) if s not in where]
        shut.append(sum(s in (FUTILITY, HARM) for s in others) if len(where) == 1 and not false else -1)
    wanted = (np.array(shut) == max(shut)) & (max(shut) > 0)
    np.testing.assert_array_equal(tier.find(mixed), wanted)
    assert wanted.any()


def test_first_look_futility_early_claims_and_false_claims(mixed):
    futile, early, false = (
        f(mixed) for f in (masks.first_look_futile, masks.early_claims, masks.false_claims)
    )
    last = mixed.manifest["design"]["n_looks"] - 1
    assert futile.any() and early.any() and false.any()
    for i in range(mixed.n_trials):
        for place, status, look, null in cells(mixed, i):
            assert futile[i][place] == (status == FUTILITY and look == 0)
            assert early[i][place] == (status == EFFICACY and not null and look < last)
            assert false[i][place] == (status == EFFICACY and null)


def test_most_closures_at_the_first_look(mixed):
    counts = [sum(s == FUTILITY and k == 0 for _, s, k, _ in cells(mixed, i)) for i in range(mixed.n_trials)]
    np.testing.assert_array_equal(masks.most_first_look_futile(mixed), np.array(counts) == max(counts))


def test_largest_size_without_a_claim(mixed):
    found = masks.full_without_claim(mixed)
    assert found.sum() > 0
    for i in range(mixed.n_trials):
        claimed = any(status == EFFICACY for _, status, _, _ in cells(mixed, i))
        full = mixed.trials["patients"][i] >= 600 and mixed.trials["reason"][i] in (4, 5)
        assert found[i] == (full and not claimed)


def test_own_log_hr_is_the_maximum_of_the_likelihood_and_its_curvature():
    events, exposure = np.array([[12.0, 7.0, 0.0]]), np.array([[100.0, 90.0, 30.0]])
    ratio, error = masks.own_log_hr(events, exposure)

    def loss(x, extra=0.0):
        rates = np.exp([x[0], x[0] + x[1]])
        return -stats.poisson.logpmf(events[0, :2], rates * exposure[0, :2]).sum() + extra

    best = optimize.minimize(loss, [-2.0, 0.0], tol=1e-12, method="Nelder-Mead", options={"maxiter": 4000})
    assert ratio[0, 0] == pytest.approx(best.x[1], abs=1e-5)
    step = 1e-3
    profile = [
        optimize.minimize_scalar(lambda a, b=b: loss([a, b]), bracket=(-3, -1), tol=1e-13).fun
        for b in (best.x[1] - step, best.x[1], best.x[1] + step)
    ]
    curvature = (profile[0] - 2 * profile[1] + profile[2]) / step**2
    assert error[0, 0] == pytest.approx(curvature**-0.5, rel=1e-3)
    assert ratio[0, 1] == pytest.approx(np.log((0.5 / 30) / (12.5 / 100)))
    assert error[0, 1] == pytest.approx(np.sqrt(1 / 0.5 + 1 / 12.5))


def test_no_exposure_has_no_own_estimate():
    ratio, error = masks.own_log_hr(np.array([[3.0, 0.0]]), np.array([[30.0, 0.0]]))
    assert np.isnan(ratio).all() and np.isnan(error).all()


def test_discordance_is_the_difference_from_the_other_subgroups(mixed):
    z = masks.discordance(mixed)
    assert np.isfinite(z).sum() > 100
    for i in range(0, mixed.n_trials, 9):
        for s, b in np.ndindex(2, 2):
            d, t = mixed.events[i], mixed.exposure[i]
            own = [np.log(d[g, b + 1] * t[g, 0] / d[g, 0] / t[g, b + 1]) for g in (s, 1 - s)]
            variance = [1 / d[g, b + 1] + 1 / d[g, 0] for g in (s, 1 - s)]
            if d[:, [0, b + 1]].min() == 0:
                continue
            expected = (own[0] - own[1]) / np.sqrt(sum(variance))
            few = d[s, 0] + d[s, b + 1] < masks.FEW_EVENTS
            assert np.isnan(z[i, s, b]) if few else z[i, s, b] == pytest.approx(expected)


def test_weak_claims_are_false_late_and_weak_in_their_own_data(mixed):
    found = masks.weak_claims(mixed)
    assert found.any()
    ratio, error = masks.own_log_hr(mixed.events, mixed.exposure)
    for i, s, b in np.argwhere(found):
        assert mixed.truth.is_null[s, b] and mixed.status[i, s, b] == EFFICACY
        assert mixed.decided_look[i, s, b] == mixed.trials["last_look"][i]
        assert stats.norm.cdf(-ratio[i, s, b] / error[i, s, b]) < masks.WEAK


def test_misled_is_the_largest_arm_without_benefit(mixed):
    found = masks.misled(mixed)
    for i in range(mixed.n_trials):
        for (s, b), _, _, null in cells(mixed, i):
            others = np.delete(mixed.patients[i, s], b + 1)
            assert found[i, s, b] == (null and mixed.patients[i, s, b + 1] > others.max())


def test_the_trial_shown_is_of_its_kind_and_of_the_median_duration(results):
    for kind in KINDS:
        found = find(kind, list(results.values()))
        if found is None:
            continue
        mask = over_trials(found.tier.find(found.result))
        row = int(np.flatnonzero(found.result.trials["trial"] == found.trial)[0])
        assert mask[row] and kind.where(found.result)
        assert (found.share.m, found.share.n) == (mask.sum(), mask.size)
        months = found.result.trials["months"]
        distance = np.abs(months - np.median(months[mask]))
        assert distance[row] == distance[mask].min()
        exact = kind.tiers.index(found.tier)
        assert not any(
            over_trials(t.find(r)).any()
            for t in kind.tiers[:exact]
            for r in results.values()
            if kind.where(r)
        )


def test_at_least_five_kinds_are_found_in_the_fake_study(results):
    found = {kind.name for kind in KINDS if find(kind, list(results.values())) is not None}
    assert {
        "one-subgroup",
        "first-look-futility",
        "false-positive",
        "inconclusive",
        "weak-own-data",
    } <= found


def test_designs_that_adapt_go_first_and_the_largest_share_decides(results):
    marks = {("fixed", "null"): 0.9, ("adaptive", "null"): 0.1, ("adaptive", "mixed"): 0.2}

    def mask(result):
        return np.arange(result.n_trials) < marks.get((result.design, result.scenario), 0) * result.n_trials

    found = find(Kind("k", "K", 0, (Tier("w", mask),)), list(results.values()))
    assert (found.result.design, found.result.scenario) == ("adaptive", "mixed")


def test_planted_bug_a_trial_of_no_kind_is_not_shown(results):
    nothing = Kind("k", "K", 0, (Tier("w", lambda r: np.zeros(r.n_trials, bool)),))
    assert find(nothing, list(results.values())) is None


def test_of_equally_near_trials_the_first_is_taken(mixed):
    mask = np.zeros(mixed.n_trials, bool)
    mask[[5, 9]] = True
    assert typical(mixed, mask) in (5, 9)
    mixed.trials["months"][[5, 9]] = 20.0
    assert typical(mixed, mask) == 5
