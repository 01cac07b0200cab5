"""What every rule promises, ten rows by hand, and how verdicts are merged."""

from itertools import product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import CellStatus, HealthCode, StopReason
from adaptive.config.schema import SCHEMAS
from adaptive.design.decide import decide
from adaptive.design.rules import AbstractRule, EfficacyRule, FutilityRule, HarmRule
from tests.strategy_examples import N_LOOKS, RULES, evidence, progress
from tests.toy import toy_design

OPEN, EFFICACY, FUTILITY, HARM, COMPLETED = (
    int(CellStatus[name]) for name in ("OPEN", "EFFICACY", "FUTILITY", "HARM", "COMPLETED")
)


@pytest.fixture(params=RULES, name="rule")
def each_rule(request):
    return RULES[request.param]


def fires(rule: AbstractRule, p_below, *, events=20.0, look=0):
    seen = evidence(p_below=[[p_below]], p_best=[np.full(len(p_below) + 1, 1.0)], events=events)
    return rule.fires(jnp.asarray([[p_below]]), seen, progress([[1] * len(p_below)], look=look))[0]


def concrete(kind: type) -> list[type]:
    """Return the final classes below an abstract one."""
    below = kind.__subclasses__()
    return [kind] if not below else [each for child in below for each in concrete(child)]


def test_every_registered_rule_is_examined():
    assert set(RULES) == set(SCHEMAS["rule"])
    assert {type(rule) for rule in RULES.values()} == set(concrete(AbstractRule))
    assert all(rule.verdict == CellStatus[kind.upper()] for kind, rule in RULES.items())


@pytest.mark.parametrize(
    ("kind", "look", "p_below", "arm_events", "control_events", "expected"),
    [
        # Efficacy: P(HR < 1) strictly above .99, .98, .975 by look; at least 10 events in arm and control.
        ("efficacy", 0, 0.991, 4, 6, True),
        ("efficacy", 0, 0.99, 4, 6, False),
        ("efficacy", 0, 0.991, 4, 5, False),
        ("efficacy", 2, 0.976, 30, 30, True),
        # Futility: P(HR < .8) strictly below .05, .1, then not applied.
        ("futility", 0, 0.049, 10, 0, True),
        ("futility", 0, 0.05, 10, 0, False),
        ("futility", 1, 0.099, 5, 5, True),
        ("futility", 2, 0.0, 50, 50, False),
        # Harm: P(HR >= 1) strictly above .98; at least 5 events.
        ("harm", 1, 0.019, 5, 0, True),
        ("harm", 1, 0.021, 5, 0, False),
    ],
)
def test_ten_rows_by_hand(kind, look, p_below, arm_events, control_events, expected):
    given = fires(RULES[kind], [p_below], events=[[control_events, arm_events]], look=look)
    assert bool(given[0]) is expected


def test_events_are_counted_in_the_cells_own_subgroup_and_arm():
    seen = evidence(
        p_below=np.full((1, 2, 2), 0.999), p_best=np.full((2, 3), 1 / 3), events=[[4, 6, 5], [0, 10, 9]]
    )
    given = RULES["efficacy"].fires(jnp.full((1, 2, 2), 0.999), seen, progress(np.ones((2, 2), int)))
    np.testing.assert_array_equal(given, [[True, False], [True, False]])


def test_a_missing_threshold_never_fires(rule):
    silent = eqx.tree_at(lambda r: r.threshold, rule, jnp.full(N_LOOKS, jnp.nan))
    assert not np.any(fires(silent, [0.0, 0.5, 1.0]))


def test_a_missing_probability_never_fires(rule):
    assert not np.any(fires(rule, [np.nan, np.nan]))


def test_shapes_jit_and_vmap(rule):
    levels = jnp.asarray(np.random.default_rng(3).uniform(size=(50, 2, 2)))
    seen = evidence(p_below=levels[:1], p_best=np.full((2, 3), 1 / 3))

    def run(p_below):
        return rule.fires(p_below[None], seen, progress(np.ones((2, 2), int), look=1))

    eager = np.stack([run(level) for level in levels])
    assert eager.shape == (50, 2, 2) and eager.dtype == bool
    np.testing.assert_array_equal(np.stack([jax.jit(run)(level) for level in levels]), eager)
    np.testing.assert_array_equal(jax.vmap(run)(levels), eager)


def test_a_threshold_sweep_compiles_once_and_is_monotone(rule):
    traces = []

    @eqx.filter_jit
    def run(strategy):
        traces.append(1)
        return fires(strategy, [0.02, 0.5, 0.98])

    counts = []
    for level in np.linspace(0.01, 0.99, 9):
        swept = eqx.tree_at(lambda r: r.threshold, rule, jnp.full(N_LOOKS, level))
        counts.append(int(run(swept).sum()))
    assert len(traces) == 1
    direction = 1 if rule.verdict == CellStatus.FUTILITY else -1
    assert np.all(direction * np.diff(counts) >= 0) and len(set(counts)) > 1


def rules_that(harm: bool, efficacy: bool, futility: bool, *, binding=(True, True, True)):
    """Return three rules which fire, or not, whatever the data."""
    return (
        FutilityRule(margin=1.0, threshold=[2.0 if futility else -1.0], binding=binding[2]),
        HarmRule(margin=1.0, threshold=[-1.0 if harm else 2.0], binding=binding[0]),
        EfficacyRule(margin=1.0, threshold=[-1.0 if efficacy else 2.0], binding=binding[1]),
    )


def decided(rules, status=((1, 1), (1, 1)), *, is_final=False, code=HealthCode.OK):
    design = toy_design(rules=tuple(rules))
    seen = evidence(p_below=np.full((len(rules), 2, 2), 0.5), p_best=np.full((2, 3), 1 / 3), code=code)
    return decide(design, seen, progress(status, is_final=is_final))


@pytest.mark.parametrize(("harm", "efficacy", "futility"), list(product([False, True], repeat=3)))
def test_precedence_is_harm_then_efficacy_then_futility(harm, efficacy, futility):
    expected = HARM if harm else EFFICACY if efficacy else FUTILITY if futility else 0
    given = decided(rules_that(harm, efficacy, futility))
    assert np.all(given.verdict == expected)
    assert np.all(given.status == (expected or OPEN))
    assert np.all(given.advice == 0)


@pytest.mark.parametrize("binding", list(product([False, True], repeat=3)))
def test_advice_is_merged_apart_and_closes_nothing(binding):
    given = decided(rules_that(True, True, True, binding=binding))
    first = [code for code, binds in zip((HARM, EFFICACY, FUTILITY), binding, strict=True) if binds]
    advised = [code for code, binds in zip((HARM, EFFICACY, FUTILITY), binding, strict=True) if not binds]
    assert np.all(given.verdict == (first[0] if first else 0))
    assert np.all(given.advice == (advised[0] if advised else 0))
    assert np.all(given.status == (first[0] if first else OPEN))


def test_the_order_of_rules_does_not_matter():
    rules = rules_that(True, True, True)
    assert np.all(decided(rules).verdict == decided(rules[::-1]).verdict)


def test_closed_cells_keep_their_state():
    before = ((0, EFFICACY), (FUTILITY, HARM))
    given = decided(rules_that(False, True, False), before)
    np.testing.assert_array_equal(given.status, before)
    assert np.all(given.verdict == 0) and np.all(given.advice == 0)
    assert np.all(given.allocation == 0)


@pytest.mark.parametrize("code", [code for code in HealthCode if code != HealthCode.OK])
def test_no_rule_fires_on_a_bad_fit(code):
    given = decided(rules_that(True, True, True), code=code)
    assert np.all(given.verdict == 0) and np.all(given.status == OPEN)
    assert given.reason == StopReason.RUNNING
    last = decided(rules_that(True, True, True), code=code, is_final=True)
    assert np.all(last.verdict == COMPLETED) and last.reason == StopReason.FINAL_LOOK


@pytest.mark.parametrize(
    ("status", "is_final", "reason"),
    [
        (((OPEN, FUTILITY), (HARM, EFFICACY)), False, StopReason.RUNNING),
        (((FUTILITY, FUTILITY), (FUTILITY, 0)), False, StopReason.FUTILITY),
        (((FUTILITY, HARM), (FUTILITY, 0)), False, StopReason.HARM),
        (((EFFICACY, HARM), (FUTILITY, 0)), False, StopReason.EFFICACY),
        (((EFFICACY, HARM), (FUTILITY, 0)), True, StopReason.FINAL_LOOK),
        (((OPEN, FUTILITY), (HARM, EFFICACY)), True, StopReason.FINAL_LOOK),
    ],
)
def test_stop_reasons(status, is_final, reason):
    assert decided(rules_that(False, False, False), status, is_final=is_final).reason == reason


def test_the_final_look_completes_what_is_open_and_ends_accrual():
    given = decided(rules_that(False, False, False), ((OPEN, FUTILITY), (OPEN, 0)), is_final=True)
    np.testing.assert_array_equal(given.status, ((COMPLETED, FUTILITY), (COMPLETED, 0)))
    assert np.all(given.allocation == 0)
