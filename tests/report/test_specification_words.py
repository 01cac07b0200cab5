"""Looks, randomisation, delays and priors in words: each sentence is what the engine does."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.codes import CellStatus
from adaptive.config.build import build_design
from adaptive.config.compose import compose_one
from adaptive.design.allocation_adaptive import ResponseAdaptiveAllocation
from adaptive.design.allocation_timing import AtLooksAllocation
from adaptive.design.decide import at_look, decide, initial_progress
from adaptive.design.looks import CalendarLooks, EventLooks, Spaced
from adaptive.design.protocol import ArmCalendar, Lags
from adaptive.design.rules import FutilityRule
from adaptive.models.drifting import Drifting
from adaptive.models.hazards import GammaHazards
from adaptive.oc import specification_words
from adaptive.oc.load import CellResult
from adaptive.oc.specification import not_applicable
from adaptive.oc.specification_allocation import FAILED, randomisation_lines
from adaptive.oc.specification_model import informative
from adaptive.oc.specification_words import calendar_lines, delay_lines, trigger
from adaptive.report.blocks import Formula, Text
from adaptive.report.paper import printable
from adaptive.report.sections_spec import _formulas
from adaptive.simulate.step import look_at, open_trial
from tests.model_cases import model
from tests.strategy_examples import (
    ALLOCATIONS,
    CONTROLS,
    LOOKS,
    WEIGHTS,
    evidence,
    progress,
    response_adaptive,
)
from tests.toy import SUBGROUPS, toy_design, toy_scenario


@pytest.mark.parametrize("kind", LOOKS)
def test_every_look_plan_has_words(kind):
    plan = LOOKS[kind]
    words = [trigger(plan, look, SUBGROUPS) for look in range(plan.n_looks)]
    assert all(any(character.isdigit() for character in text) for text in words)
    assert "inf" not in "".join(words)


def test_a_look_plan_without_words_is_an_error(monkeypatch):
    monkeypatch.setattr(specification_words, "FollowUpLook", CalendarLooks)
    with pytest.raises(TypeError, match="no words for a look plan FollowUpLook"):
        trigger(LOOKS["then"], 2, SUBGROUPS)


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ((3.0, 9.0), "; at least 3 and at most 9 months after the last look held"),
        ((3.0, np.inf), "; at least 3 months after the last look held"),
        ((0.0, 9.0), "; at most 9 months after the last look held"),
        ((0.0, np.inf), ""),
    ],
)
def test_only_the_bounds_that_a_spaced_plan_has_are_named(gaps, words):
    plan = Spaced(EventLooks(counts=[7, 8]), *gaps)
    assert trigger(plan, 0, SUBGROUPS) == f"endpoint event 7 of the trial{words}"


@pytest.mark.parametrize("kind", ALLOCATIONS)
def test_the_report_prints_the_formula_of_every_allocation(kind):
    formula = ALLOCATIONS[kind].formula()
    blocks = _formulas([{"name": name, "formula": formula._asdict()} for name in ("one", "two")])
    assert isinstance(blocks[0], Text) and blocks[0].text.endswith("one, two")
    assert all(isinstance(block, Formula) for block in blocks[1:])
    assert tuple(block.text for block in blocks[1:]) == formula.equations
    assert tuple(blocks[-1].where) == formula.where


@pytest.mark.parametrize("kind", WEIGHTS)
def test_formulas_need_no_character_that_paper_lacks(kind):
    for control in CONTROLS.values():
        formula = AtLooksAllocation(
            response_adaptive(weights=WEIGHTS[kind], control=control), [True, False, True]
        ).formula()
        assert all(printable(line) == line for line in (*formula.equations, *formula.where))


def lines_of(allocation) -> dict[str, str]:
    return dict(randomisation_lines(toy_design(allocation=allocation)))


def test_an_allocation_that_changes_at_named_looks_says_nothing_else():
    every, named = lines_of(response_adaptive()), lines_of(ALLOCATIONS["at_looks"])
    assert every["Changes"].startswith("after every look,")
    assert "After the other looks" not in every
    assert named["Changes"].startswith("after look 1, 3,")
    assert "every look" not in "".join(named.values())
    assert "those in force are kept" in named[FAILED] and "kept" not in every[FAILED]
    assert lines_of(AtLooksAllocation(ALLOCATIONS["fixed"], [True, False, True]))["Changes"].startswith(
        "none"
    )
    nested = AtLooksAllocation(
        AtLooksAllocation(response_adaptive(), [True, False, True]), [False, True, True]
    )
    assert lines_of(nested)["Changes"].startswith("after look 3,")


def test_what_is_said_of_the_other_looks_is_what_happens():
    """At look 2 of 1 and 3: an arm closes and its cap breaks, an arm enters, a fit fails."""
    inside: ResponseAdaptiveAllocation = response_adaptive(cap=0.6)
    allocation = AtLooksAllocation(inside, [True, False, True])
    force = jnp.asarray([[0.2, 0.3, 0.5], [0.5, 0.5, 0.0]])

    def at(look, cells, code=0):
        before = eqx.tree_at(lambda p: p.allocation, progress([[1, 1]] * 2, look=look), force)
        told = evidence(p_best=[[0.1, 0.2, 0.7]] * 2, p_below=np.full((1, 2, 2), 0.5), code=code)
        return np.asarray(allocation.update(told, before, jnp.asarray(cells)))

    closes = at(1, [[False, True], [True, False]])
    np.testing.assert_allclose(closes, [[2 / 7, 0.0, 5 / 7], [0.5, 0.5, 0.0]], atol=1e-9)
    assert (
        closes.max() > 0.6
        and "a floor or a cap need not hold" in lines_of(allocation)["After the other looks"]
    )
    enters = at(1, [[True, True], [True, True]])
    np.testing.assert_allclose(enters[0], force[0], atol=1e-9)
    assert np.abs(enters[1] - force[1]).max() > 0.1
    np.testing.assert_allclose(at(1, [[True, True], [True, False]], code=3), force, atol=1e-9)
    np.testing.assert_allclose(at(2, [[True, True]] * 2, code=3), 1 / 3, atol=1e-9)


def test_delays_in_words_are_those_of_the_engine():
    design = toy_design(lags=Lags(data=2.0, decision=1.5))
    words = dict(delay_lines(design))
    assert "month t - 2 " in words["Delay of data"] and "after month t + 1.5" in words["Delay of decisions"]
    assert "up to month t + 1.5" in words["Overrun"] and words["Final look"].startswith("without delays")
    nature, state = open_trial(design, toy_scenario(), 5, 0)
    sights = [eqx.filter_jit(look_at)(design, nature, state, jnp.asarray(look)) for look in (0, 2)]
    for sight, data, decision in zip(sights, (2.0, 0.0), (1.5, 0.0), strict=True):
        month, entry = float(sight.before.time), np.asarray(nature.entry)
        seen = np.asarray(sight.snapshot.observed)
        np.testing.assert_array_equal(seen, (entry <= month - data) & (entry[39 if data else 119] >= entry))
        assert (entry + np.asarray(sight.snapshot.time))[seen].max() == pytest.approx(month - data)
        assert float(sight.settled) == pytest.approx(month + decision)
    # Patient 40 triggers the look on the day of entry, though the look does not see this patient.
    assert float(sights[0].before.time) == float(nature.entry[39])
    assert not bool(sights[0].snapshot.observed[39])


def test_without_delays_nothing_is_said_of_them():
    assert "sees every event up to its month" in dict(delay_lines(toy_design()))["Delays"]


def status_after(design, look: int, status=None) -> np.ndarray:
    """Return the states of red's cells after a look, from 0, at which no rule fires."""
    before = at_look(initial_progress(design), look, 6.0 * (look + 1), False)
    if status is not None:
        before = eqx.tree_at(lambda p: p.status, before, jnp.asarray(status, jnp.int32))
    told = evidence(p_best=np.full((2, 3), 1 / 3), p_below=np.full((1, 2, 2), 0.5))
    return np.asarray(decide(design, told, before).status)[0]


def test_the_calendar_in_words_is_that_of_the_engine():
    design = toy_design(
        looks=CalendarLooks(months=[6.0, 12.0, 18.0, 24.0]),
        rules=(FutilityRule(margin=0.8, threshold=np.full(4, np.nan)),),
        calendar=ArmCalendar(first=[-1, 1], last=[1, -1]),
    )
    low, high = (text for _, text in calendar_lines(design))
    assert low.startswith("enters at the start; last look 2, or the first held after it, at which")
    assert high.startswith("enters after look 2, or the first held after it")
    assert high.endswith("stays to the final look")
    assert list(status_after(design, 0)) == [CellStatus.OPEN, CellStatus.PENDING]
    assert list(status_after(design, 1)) == [CellStatus.COMPLETED, CellStatus.OPEN]
    assert list(status_after(design, 2)) == [CellStatus.COMPLETED, CellStatus.OPEN]
    closed = [[CellStatus.FUTILITY, CellStatus.PENDING]] * 2
    assert status_after(design, 0, closed)[1] == CellStatus.OPEN
    assert (
        status_after(design, 0, [closed[0], [CellStatus.OPEN, CellStatus.PENDING]])[1] == CellStatus.PENDING
    )


MODELS = {
    "partial": (model("partial"), ""),
    "nested": (model("nested"), ""),
    "per arm": (model("per_arm"), ""),
    "hazards": (GammaHazards(shape=0.5, rate=2.0), ""),
    "exnex": (model("exnex"), "mixture"),
    "exnex, all exchangeable": (model("exnex", p_exchangeable=[1.0, 1.0]), ""),
    "exnex that drifts": (Drifting(model("exnex"), 0.5, 3), "mixture"),
    "robust": (model("robust"), "informative part"),
    "robust without weight": (model("robust", informative_weight=0.0), ""),
    "history": (model("history"), "historical controls"),
    "history ignored": (model("history", discount=0.0), ""),
    "robust with history ignored": (
        eqx.tree_at(lambda m: m.discount, model("robust with history"), jnp.asarray(0.0)),
        "informative part",
    ),
}


def stored(config: dict) -> CellResult:
    """Return a stored result of which nothing but its configuration is read."""
    result = object.__new__(CellResult)
    object.__setattr__(result, "config", config)
    return result


@pytest.mark.parametrize("name", MODELS)
def test_conflict_between_prior_and_data_applies_where_a_prior_is_informative(name):
    used, words = MODELS[name]
    assert bool(words) == bool(informative(used)) and words in informative(used)
    design = eqx.tree_at(lambda d: d.analysis.model, toy_design(), used)
    assert ("E5" in not_applicable({"one": stored({"rules": []})}, {"one": design})) == (not words)


def test_what_the_other_priors_are_worth_is_said():
    def reason(*overrides):
        config = compose_one("config", ["design=srs_rar", "scenario=srs_both", *overrides])
        return not_applicable({"one": stored(config)}, {"one": build_design(config)}).get("E5", "")

    assert "SD of at least 1, worth at most 4 events" in reason()
    assert "SD of at least 0.5, worth at most 16 events" in reason("model.mu_scale=0.5")
    assert reason("model=exnex") == ""
