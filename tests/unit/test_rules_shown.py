"""A trial with a rule of every kind: simulated, replayed, analysed as real data, and described in words."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import CellStatus
from adaptive.design.decide import initial_progress, rule_slots
from adaptive.design.rules import AbstractRule
from adaptive.design.rules_scope import AbstractScoped
from adaptive.interim.analyse import analyse
from adaptive.interim.record import rule_rows
from adaptive.interim.request import Sampling
from adaptive.oc.describe import describe_design
from adaptive.oc.replay import replay, replay_tables
from adaptive.oc.report_content import rule_text
from adaptive.posterior.base import Overall
from adaptive.simulate.drivers import simulate
from tests.contract.test_contract_measures import patients
from tests.strategy_examples import RULES, progress
from tests.toy import ToyEngine, ToyPosterior, toy_design, toy_scenario

N_TRIALS = 64
BENEFIT, HARM = -1.5, 1.5


class MeanPosterior(ToyPosterior):
    """Independent normals with a mean effect: the precision-weighted mean over the subgroups."""

    def overall(self):
        weight = 1 / self.sd**2
        mean, sd = (self.mean * weight).sum(0) / weight.sum(0), 1 / jnp.sqrt(weight.sum(0))
        nan = jnp.asarray(jnp.nan, mean.dtype)
        return Overall(mean, sd, jax.scipy.stats.norm.cdf(-mean / sd), nan, nan)


class MeanEngine(ToyEngine):
    """The toy engine with a mean effect."""

    def fit(self, key, model, table):
        found = super().fit(key, model, table)
        return MeanPosterior(found.mean, found.sd, found.health)


def advisory(rule: AbstractRule) -> AbstractRule:
    """Return a rule that only advises."""
    if isinstance(rule, AbstractScoped):
        return replace(rule, rule=advisory(rule.rule))
    return replace(rule, binding=False)


def study(change=lambda rule: rule):
    plain = toy_design(adaptive=False, max_patients=240)
    rules = tuple(change(rule) for rule in RULES.values())
    return replace(plain, rules=rules, analysis=replace(plain.analysis, engine=MeanEngine()))


@pytest.fixture(scope="module")
def fired():
    """How often each rule fires at any look, in open cells, under a strong benefit and under harm."""
    design, found = study(advisory), {}
    for log_hr in (BENEFIT, HARM):
        scenario = toy_scenario(np.full((2, 2), log_hr), rate=12.0)
        looks = simulate(design, scenario, seed=3, trials=np.arange(N_TRIALS)).looks
        share = {}
        for name, (rule, rows) in zip(RULES, rule_slots(design), strict=True):
            hits = np.zeros((N_TRIALS, 2, 2), bool)
            for k in range(3):
                record = jax.tree.map(lambda x, k=k: jnp.asarray(x)[:, k], looks.evidence)
                before = progress(np.ones((2, 2), int), look=k)
                once = jax.vmap(lambda e, r=rule, at=rows, p=before: r.fires(e.statistics[at], e, p))
                hits |= np.asarray(once(record))
            share[name] = hits[..., 0].mean() if name == "only_in" else hits.mean()
        found[log_hr] = share
    return found


@pytest.mark.parametrize("name", [name for name in RULES if name != "equivalent"])
def test_good_arms_are_kept_and_bad_ones_are_not(fired, name):
    """Lesson L2: a sign error makes a good arm futile. Equivalence says nothing of the direction."""
    claims = RULES[name].verdict in (CellStatus.EFFICACY, CellStatus.AWAITING)
    often, seldom = (BENEFIT, HARM) if claims else (HARM, BENEFIT)
    least = 0.05 if name == "expected_success" else 0.3  # it is asked at the early looks only
    assert fired[seldom][name] < 0.05 and fired[often][name] > least


@pytest.mark.parametrize("name", [name for name in RULES if RULES[name].verdict == CellStatus.HARM])
def test_a_good_arm_is_called_harmful_less_often_than_futile(fired, name):
    assert fired[BENEFIT][name] <= fired[BENEFIT]["futility"]


def test_awaiting_cells_get_their_verdict_at_the_final_look():
    kept = ("expected_success", "in_order")
    design = replace(study(), rules=tuple(RULES[name] for name in kept))
    found = simulate(
        design, toy_scenario(np.full((2, 2), -0.9), rate=12.0), seed=4, trials=np.arange(N_TRIALS)
    )
    waited = found.result.awaiting_look >= 0
    assert waited.any() and not np.any(found.result.status == CellStatus.AWAITING)
    assert np.all(np.isin(found.result.status[waited], [CellStatus.EFFICACY, CellStatus.COMPLETED]))
    assert np.all(found.result.decided_look[waited] == 2)
    closed = found.looks.decision.status[:, 1] == CellStatus.AWAITING
    assert closed.any() and np.all(found.looks.decision.allocation[:, 1, :, 1:][closed] == 0)


def test_every_kind_is_replayed():
    design, scenario = study(advisory), toy_scenario(np.full((2, 2), -0.3), rate=12.0)
    text = replay(design, scenario, 5, 0)
    for words in (
        "efficacy rule (advice): 1 - p of the one-sided log-rank test = ",
        "expected success rule (advice): P(HR < 0.9) = ",
        "futility rule (advice), only in some cells: P(HR < 0.8) = ",
        "futility rule (advice), in all subgroups at once, when every open one meets it: ",
        "  or, where that is not applied, 1 - p of the one-sided Wald test in a Cox model = ",
        "  and 1 - p of the one-sided log-rank test = ",
    ):
        assert words in text, words
    looks = replay_tables(design, scenario, 5, 0).looks
    assert {"log_rank_1", "cox_1", "p_mean_below_1", "p_between_0.8_1.25"} <= set(looks.column_names)


def test_every_kind_is_in_the_record_of_an_interim_analysis():
    design = study(advisory)
    found = analyse(design, patients(-0.3), initial_progress(design), Sampling(engine="design"))
    rows = rule_rows(
        design, found.evidence, found.progress, found.errors, np.zeros(found.errors.shape, bool), usable=True
    )[0, 0]
    names = [row["rule"] for row in rows]
    assert "efficacy (part 2, and)" in names and "expected success" in names
    assert "harm, for all arms at once, when any open one meets it; only in some cells" in names
    assert all(isinstance(row["fired"], bool) and row["value"] is not None for row in rows)


def test_every_kind_is_described_in_words():
    texts = dict(zip(RULES, map(rule_text, describe_design(study())["rules"]), strict=True))
    assert texts["measured_harm"] == "harm: P(mean HR of all subgroups < 1) < 0.02, binding"
    assert texts["all_of"].startswith(
        "efficacy: P(HR < 1) > [0.99, 0.98, 0.975] by look, from 10 events and 1 - p"
    )
    assert " or P(HR < 1) < [not applied, 0.1, 0.2] by look" in texts["any_of"]
    assert "where that is not applied" in texts["in_order"]
    assert texts["across_subgroups"].endswith(
        "in all subgroups at once, when every open one meets it, binding"
    )
    assert all(text.count("(") == text.count(")") for text in texts.values())
