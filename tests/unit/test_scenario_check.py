import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from adaptive.scenario.check import check_scenario
from adaptive.scenario.truth import Accrual, Drift, Population, Scenario
from tests.scenario_examples import rich_scenario, switching_scenario


def change(where, value, truth=None):
    return eqx.tree_at(where, truth or rich_scenario(), value)


def relabel(**labels):
    truth = rich_scenario()
    return Scenario(**{**vars(truth), **labels})


def test_sound_scenarios_have_no_fault():
    assert check_scenario(rich_scenario()) == []
    assert check_scenario(switching_scenario()) == []


BASE = np.asarray(rich_scenario().hazards.base)
LOG_HR = np.asarray(rich_scenario().hazards.log_hr)


@pytest.mark.parametrize(
    ("truth", "fault"),
    [
        (
            change(lambda s: s.hazards.base, jnp.asarray(BASE).at[0, 0, 0, 0].set(-0.1)),
            "hazards.base: has -0.1",
        ),
        (
            change(lambda s: s.hazards.base, jnp.asarray(BASE).at[0, 0, 0, 0].set(jnp.nan)),
            "hazards.base: has nan",
        ),
        (change(lambda s: s.hazards.base, jnp.zeros_like(BASE)), "nothing would ever happen"),
        (change(lambda s: s.hazards.base, jnp.asarray(BASE)[:, :2]), "hazards.base: shape"),
        (
            change(lambda s: s.hazards.log_hr, jnp.asarray(LOG_HR).at[0, 0, 0, 0, 0].set(0.1)),
            "not 0 for control",
        ),
        (
            change(lambda s: s.hazards.log_hr, jnp.asarray(LOG_HR).at[0, 0, 0, 1, 0].set(-jnp.inf)),
            "hazards.log_hr",
        ),
        (change(lambda s: s.hazards.cuts, rich_scenario().hazards.cuts + 1.0), "hazards.cuts: starts at 1"),
        (change(lambda s: s.hazards.cuts, rich_scenario().hazards.cuts[::-1]), "does not increase"),
        (change(lambda s: s.hazards.next_state, jnp.full((1, 3), 2)), "hazards.next_state"),
        (
            change(lambda s: s.hazards.next_state, jnp.zeros((1, 3), int)),
            "n_episodes: 1, but new, death, dropout",
        ),
        (rich_scenario(population=Population([0.0], [[0.5, 0.4]])), "population.mix: rows sum to"),
        (rich_scenario(population=Population([0.0], [[1.5, -0.5]])), "population.mix"),
        (rich_scenario(population=Population([0.0], [[1.0]])), "population.mix: shape"),
        (rich_scenario(population=Population([1.0, 1.0], [[0.5, 0.5], [0.5, 0.5]])), "population.knots"),
        (rich_scenario(accrual=Accrual([0.0, 5.0], [3.0, 0.0])), "accrual.rate: ends at 0"),
        (rich_scenario(accrual=Accrual([0.0, 5.0], [-3.0, 1.0])), "accrual.rate"),
        (rich_scenario(accrual=Accrual([1.0], [3.0])), "accrual.knots: starts at 1"),
        (rich_scenario(accrual=Accrual([0.0], [3.0, 4.0])), "accrual.rate: shape"),
        (rich_scenario(drift=Drift([0.0], [[0.0]])), "drift.log_multiplier: shape"),
        (rich_scenario(drift=Drift([0.0], [[0.0, jnp.inf, 0.0]])), "drift.log_multiplier"),
        (relabel(arms=("control",)), "arms: 1 given"),
        (relabel(channels=("new", "new", "death")), "channels: new given more than once"),
        (relabel(n_episodes=0), "n_episodes: 0"),
    ],
)
def test_each_fault_is_named(truth, fault):
    found = check_scenario(truth)
    assert any(fault in line for line in found), found


def test_all_faults_are_found_together():
    truth = rich_scenario(
        population=Population([0.0], [[0.5, 0.4]]), accrual=Accrual([0.0], [0.0]), drift=Drift([0.0], [[0.0]])
    )
    assert len(check_scenario(truth)) == 3
