"""A small study with a sensitivity analysis around it, made with a simulator that takes no time."""

from dataclasses import replace

import numpy as np

from adaptive.design.rules import FutilityRule
from adaptive.oc.sensitivity import Declaration, Factor, Level, Order
from adaptive.oc.sensitivity_run import run_orders
from adaptive.oc.sensitivity_store import write_index
from adaptive.oc.study import run_cell
from tests.results_toys import fake_simulate
from tests.toy import toy_design, toy_scenario

STUDY, SEED, BASE_TRIALS, TRIALS = "pilot", 11, 80, 60
EFFECTS = {"toy": ((0.0, 0.0), (0.0, -0.5))}
CONFIG = {"study": STUDY, "seed": SEED, "n_trials": BASE_TRIALS, "keep_looks": False, "benchmark": None}
CONFIG |= {"design": {"name": "toy", "horizon_months": 24.0}, "scenario": {"name": "toy"}}

PLAIN = Factor(
    name="prior",
    title="Prior",
    question="Does the prior matter?",
    base="normal",
    designs=("toy",),
    scenarios=("toy",),
    levels=(
        Level("normal", "normal"),
        Level("same", "the same", ("a=1",)),
        Level("other", "other", ("a=2",)),
    ),
)
CURVE = Factor(
    name="effect",
    title="Effect",
    question="How does the chance of a claim depend on it?",
    base="half",
    designs=("toy",),
    scenarios=("toy",),
    levels=(Level("half", "HR 0.5", (), 0.5), Level("none", "HR 1", ("hr=1",), 1.0)),
    axis="true hazard ratio",
)
OWN_BASE = Factor(
    name="drift",
    title="Drift",
    question="Does it matter under drift?",
    base="plain",
    designs=("toy",),
    scenarios=("toy",),
    levels=(Level("plain", "plain"), Level("strata", "strata", ("periods=1",))),
    overrides=("drift=1",),
)
OBEYED = Factor(
    name="futility",
    title="Futility",
    question="What if nobody stops for futility?",
    base="binding",
    designs=("toy",),
    scenarios=("toy",),
    levels=(Level("binding", "binding"), Level("never", "never followed", ("futility.binding=false",))),
)
DECLARED = Declaration((PLAIN, CURVE, OWN_BASE, OBEYED), {"Fraud": "patients have no site"})


def other_simulate(design, scenario, *, seed, trials):
    """Stand in for ``simulate`` where a setting matters: other records for the same trials."""
    return fake_simulate(design, scenario, seed=seed + 1, trials=trials)


def write_study(root, *, simulate=fake_simulate, **changes):
    """Simulate the study's only cell; returns the folder of the study."""
    given = dict(resolved_config=CONFIG, seed=SEED, n_trials=BASE_TRIALS, simulate=simulate) | changes
    run_cell(
        toy_design(),
        toy_scenario(EFFECTS["toy"]),
        study=STUDY,
        chunk_size=50,
        path=root,
        progress=False,
        **given,
    )
    return root / STUDY


def advising_design():
    """Return the toy design with its futility rule as advice."""
    design = toy_design()
    rules = [replace(rule, binding=not isinstance(rule, FutilityRule)) for rule in design.rules]
    return toy_design(rules=tuple(rules))


def orders():
    """Return the cells of every level that is simulated."""
    return [
        Order(
            factor=factor.name,
            level=level.name,
            design=advising_design() if level.name == "never" else toy_design(),
            scenario=toy_scenario(((0.0, 0.0), (0.0, 0.0)) if level.name == "none" else EFFECTS["toy"]),
            config=CONFIG | {"n_trials": TRIALS, "overrides": [*factor.overrides, *level.overrides]},
            command="adaptive simulate",
            chunk_size=50,
        )
        for factor in DECLARED.factors
        for level in factor.levels
        if factor.is_simulated(level)
    ]


def simulate_level(design, scenario, *, seed, trials):
    """Give a level whose truth is the base's the base's own records."""
    del scenario
    return fake_simulate(design, None, seed=seed, trials=trials)


def write_sensitivity(root):
    """Simulate the study and the levels around it, and write the index; returns the folder of the study."""
    study = write_study(root)
    for order in orders():
        changed = order.level in ("other", "none", "strata", "never")
        run_orders(study, [order], simulate=other_simulate if changed else simulate_level)
    write_index(study, DECLARED, TRIALS, "adaptive sensitivity experiment=pilot")
    return study


def equal(first, second):
    """Return whether two arrays are the same, NaN like NaN."""
    return np.array_equal(np.asarray(first, float), np.asarray(second, float), equal_nan=True)
