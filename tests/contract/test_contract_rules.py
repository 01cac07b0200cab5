"""What every rule promises, ten rows by hand, and how verdicts are merged."""

from itertools import product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import CellStatus, HealthCode, StopReason
from adaptive.config.build_rules import VERDICTS
from adaptive.config.check_rules import walk
from adaptive.config.schema import SCHEMAS
from adaptive.design.decide import decide
from adaptive.design.measure import HazardRatioBelow
from adaptive.design.rules import (
    AbstractRule,
    AbstractThresholdRule,
    EfficacyRule,
    FutilityRule,
    HarmRule,
)
from adaptive.design.rules_combined import AnyOfRules, InOrder
from adaptive.design.rules_measured import MeasuredRule
from adaptive.design.rules_scope import AcrossArms, AcrossSubgroups, OnlyIn
from adaptive.errors import BadInput
from adaptive.measures.log_rank import LogRank
from adaptive.measures.ratios import HazardRatioAbove
from tests.strategy_examples import N_LOOKS, RULES, evidence, progress
from tests.toy import toy_design

OPEN, EFFICACY, FUTILITY, HARM, COMPLETED = (
    int(CellStatus[name]) for name in ("OPEN", "EFFICACY", "FUTILITY", "HARM", "COMPLETED")
)


@pytest.fixture(params=RULES, name="rule")
def each_rule(request):
    return RULES[request.param]


CELLS = np.ones((2, 2), int)
N_TRIALS = 60


def fires(rule: AbstractRule, p_below, *, events=20.0, look=0):
    """Return where a rule on one measure fires, of arms in one subgroup."""
    seen = evidence(p_below=[[p_below]], p_best=[np.full(len(p_below) + 1, 1.0)], events=events)
    return rule.fires(jnp.asarray([[p_below]]), seen, progress([[1] * len(p_below)], look=look))[0]


def fires_in(rule: AbstractRule, statistics, *, look=0, events=20.0, status=CELLS):
    """Return where a rule fires in two subgroups with two arms; ``statistics`` are ``(M, 2, 2)``."""
    seen = evidence(p_below=statistics, p_best=np.full((2, 3), 1 / 3), events=events)
    return rule.fires(jnp.asarray(statistics), seen, progress(status, look=look))


@eqx.filter_jit
def fires_many(rule: AbstractRule, statistics, status, events, look):
    """Return where a rule fires in many trials; all but the rule and the look have an axis of them."""
    seen = evidence(p_below=statistics[0], p_best=np.full((2, 3), 1 / 3))
    before = eqx.tree_at(lambda p: p.look, progress(CELLS), look)

    def one(each, state, count):
        mine = eqx.tree_at(lambda p: p.status, before, state)
        return rule.fires(each, eqx.tree_at(lambda e: e.events, seen, count), mine)

    return jax.vmap(one)(statistics, status, events)


def all_fires(rule, statistics, *, status=CELLS, events=20.0, look=0):
    n = statistics.shape[0]
    shapes = ((jnp.int32(status), (n, 2, 2)), (jnp.asarray(events, float), (n, 2, 3)))
    given = [jnp.broadcast_to(x, shape) for x, shape in shapes]
    return np.asarray(fires_many(rule, jnp.asarray(statistics), *given, jnp.int32(look)))


def numbers(rule: AbstractRule, seed=3):
    """Return measures of many trials, often near 0 and 1, ``(R, M, 2, 2)``."""
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.beta(0.2, 0.2, size=(N_TRIALS, len(rule.measures), 2, 2)))


def simple(rule: AbstractRule) -> list[AbstractThresholdRule]:
    return [part for part in walk(rule) if isinstance(part, AbstractThresholdRule)]


def with_threshold(rule: AbstractRule, level: float) -> AbstractRule:
    """Return the rule with one threshold in all its parts, at all looks."""
    given = [jnp.full(N_LOOKS, level) for _ in simple(rule)]
    return eqx.tree_at(lambda r: [part.threshold for part in simple(r)], rule, given)


def concrete(kind: type) -> list[type]:
    """Return the final classes below an abstract one."""
    below = [child for child in kind.__subclasses__() if child.__module__.startswith("adaptive.")]
    return [kind] if not below else [each for child in below for each in concrete(child)]


def test_every_registered_rule_is_examined():
    assert {VERDICTS[kind] for kind in SCHEMAS["rule"]} == {rule.verdict for rule in RULES.values()}
    assert {type(rule) for rule in RULES.values()} == set(concrete(AbstractRule))


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
    silent = with_threshold(rule, np.nan)
    assert not np.any(all_fires(silent, numbers(rule)))
    assert not silent.applied(progress(CELLS))


def test_a_missing_number_never_fires(rule):
    assert not np.any(fires_in(rule, np.full((len(rule.measures), 2, 2), np.nan)))


def test_closed_cells_are_not_asked_for_the_others(rule):
    """What is measured of a closed cell changes nothing in the open ones."""
    status = np.array([[1, 2], [1, 1]])
    given = numbers(rule)
    other = given.at[:, :, 0, 1].set(1.0 - given[:, :, 0, 1])
    now, then = (all_fires(rule, each, status=status) for each in (given, other))
    np.testing.assert_array_equal(now[:, status == 1], then[:, status == 1])


def test_shapes_jit_and_vmap(rule):
    given = numbers(rule)[:12]

    def run(statistics):
        return fires_in(rule, statistics, look=1)

    eager, jitted = (np.stack([f(each) for each in given]) for f in (run, jax.jit(run)))
    assert eager.shape == (12, 2, 2) and eager.dtype == bool
    np.testing.assert_array_equal(jitted, eager)
    np.testing.assert_array_equal(all_fires(rule, given, look=1), eager)


def test_a_threshold_sweep_compiles_once_and_is_monotone(rule):
    traces = []

    @eqx.filter_jit
    def run(strategy, statistics):
        traces.append(1)
        return jax.vmap(lambda each: fires_in(strategy, each))(statistics).sum()

    given = numbers(rule)
    counts = [int(run(with_threshold(rule, level), given)) for level in np.linspace(0.01, 0.99, 9)]
    assert len(traces) == 1
    rising = simple(rule)[0].sign == "<"
    assert np.all((1 if rising else -1) * np.diff(counts) >= 0) and len(set(counts)) > 1


def by_hand(rule, statistics, events, look, is_open):
    """Return where a rule fires by what it asks, cell by cell in plain Python."""
    if isinstance(rule, OnlyIn):
        return by_hand(rule.rule, statistics, events, look, is_open) & np.asarray(rule.cells)
    if isinstance(rule, AcrossSubgroups | AcrossArms):
        inner = by_hand(rule.rule, statistics, events, look, is_open)
        mine = is_open & np.broadcast_to(rule.rule.reach, is_open.shape)
        result = np.zeros_like(inner)
        for s, b in zip(*np.nonzero(mine), strict=True):
            row = (slice(None), b) if isinstance(rule, AcrossSubgroups) else (s, slice(None))
            votes = inner[row][mine[row]]
            result[s, b] = votes.all() if rule.how == "all" else votes.any()
        return result
    holds = []
    for ask, value in zip(rule.asks(look), statistics, strict=True):
        value = 1 - value if ask.complement else value
        beyond = value > ask.threshold if ask.sign == ">" else value < ask.threshold
        holds.append(beyond & (events >= ask.min_events))
    if isinstance(rule, InOrder):
        applied = [not np.isnan(ask.threshold) for ask in rule.asks(look)]
        return holds[applied.index(True)]
    return np.any(holds, axis=0) if rule.joined == "or" else np.all(holds, axis=0)


@pytest.mark.parametrize("look", range(N_LOOKS))
def test_what_a_rule_asks_is_what_it_does(rule, look):
    rng = np.random.default_rng(look)
    assert len(rule.asks(look)) == len(rule.measures)
    given = np.asarray(numbers(rule, seed=look))
    events = rng.integers(0, 12, size=(N_TRIALS, 2, 3)).astype(float)
    status = rng.choice([1, 1, 1, 3], size=(N_TRIALS, 2, 2))
    found = all_fires(rule, given, status=status, events=events, look=look)
    for values, counts, state, fired in zip(given, events, status, found, strict=True):
        expected = by_hand(rule, values, counts[:, 1:] + counts[:, :1], look, state == 1)
        np.testing.assert_array_equal(fired[state == 1], expected[state == 1])
    assert found.any() or all(np.isnan(ask.threshold) for ask in rule.asks(look))


@pytest.mark.parametrize("bug", ["swapped sign", "any for all"])
def test_the_hand_count_sees_planted_bugs(bug):
    honest = RULES["across_subgroups"] if bug == "any for all" else RULES["measured_futility"]
    wrong = (
        AcrossSubgroups(honest.rule, "any")
        if bug == "any for all"
        else MeasuredRule(HazardRatioBelow(0.8), honest.threshold, CellStatus.FUTILITY, "below")
    )
    with pytest.raises(AssertionError):
        given = np.asarray(numbers(honest))
        for values, fired in zip(given, all_fires(wrong, given), strict=True):
            np.testing.assert_array_equal(
                fired, by_hand(honest, values, np.full((2, 2), 40.0), 0, CELLS == 1)
            )


def test_a_measure_on_the_wrong_side_is_refused():
    """Lesson L2: a futility rule on a statistic whose sign is the other way stops good arms."""
    for measure, side in ((LogRank(), "above"), (HazardRatioAbove(1.0), "below")):
        with pytest.raises(BadInput, match="side"):
            MeasuredRule(measure, [0.3], CellStatus.FUTILITY, side)
    with pytest.raises(BadInput, match="verdict"):
        MeasuredRule(LogRank(), [0.3], CellStatus.COMPLETED, "above")


def test_parts_of_different_verdicts_are_refused():
    with pytest.raises(BadInput, match="one verdict"):
        AnyOfRules((RULES["efficacy"], RULES["harm"]))


def test_equal_subgroups_and_arms_are_exchangeable(rule):
    """Lesson L3: permuting what is measured permutes what fires; a scope's cells go along."""
    masks = [part for part in walk(rule) if isinstance(part, OnlyIn)]
    cells = lambda r: [part.cells for part in walk(r) if isinstance(part, OnlyIn)]  # noqa: E731
    for turn in (lambda x: x[..., ::-1, :], lambda x: x[..., ::-1]):
        turned = eqx.tree_at(cells, rule, [turn(c) for c in cells(rule)]) if masks else rule
        given = numbers(rule)
        np.testing.assert_array_equal(all_fires(turned, turn(given)), turn(all_fires(rule, given)))


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
