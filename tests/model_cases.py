"""The models beyond the three pooling ones, with prior numbers and small tables for their tests."""

import jax.numpy as jnp
import numpy as np

from adaptive.models import (
    ExNex,
    HistoricalControls,
    NestedPooling,
    PartialPooling,
    PerArmPooling,
    RobustPooling,
)
from tests.posterior_cases import PRIOR

EXNEX = {"p_exchangeable": [0.9, 0.25], "nex_mean": 1.0, "nex_scale": 0.6}
ROBUST = {"informative_weight": [0.8, 0.3], "informative_mean": [-1.0, 0.5], "informative_scale": [0.2, 0.3]}
NESTED = {"class_scale": 0.2, "classes": (0, 0)}
HISTORY = {
    "events": np.array([[12.0, 3.0], [2.0, 9.0]]),
    "exposure": np.array([[150.0, 90.0], [260.0, 80.0]]),
    "discount": 0.5,
}


def model(kind, **changes):
    """One of the models with the numbers above, some of them changed."""
    shared = {name: changes.pop(name, value) for name, value in PRIOR.items()}
    if kind == "exnex":
        return ExNex(**shared, **{**EXNEX, **changes})
    if kind == "robust":
        return RobustPooling(**shared, **{**ROBUST, **changes})
    if kind == "nested":
        return NestedPooling(**shared, **{**NESTED, **changes})
    if kind == "per_arm":
        return PerArmPooling(**shared, **changes)
    if kind == "history":
        return HistoricalControls(PartialPooling(**shared), **{**HISTORY, **changes})
    if kind == "robust with history":
        return HistoricalControls(model("robust", **shared, **changes), **HISTORY)
    return PartialPooling(**shared, **changes)


KINDS = ("exnex", "robust", "nested", "per_arm", "history")

# Two subgroups that disagree, two experimental arms, two intervals; 46 events.
EVENTS = np.array([[[5.0, 4.0], [2.0, 1.0], [3.0, 2.0]], [[3.0, 4.0], [7.0, 4.0], [5.0, 6.0]]])
EXPOSURE = np.array([[[60.0, 45.0], [75.0, 60.0], [66.0, 50.0]], [[55.0, 50.0], [48.0, 40.0], [50.0, 52.0]]])

# A second arm with little data of its own, and a first arm whose subgroups disagree beside a second whose
# do not: where classes, and spreads per arm, matter.
SMALL_ARM = np.array([1.0, 1.0, 0.15])[None, :, None]
SPLIT_ARM = np.array([[[1.0], [0.3], [1.0]], [[1.0], [2.0], [0.6]]])


def params(n_subgroups, n_experimental, seed=0):
    """A random point in the space of every model's sites; a model reads those that it has."""
    rng = np.random.default_rng(seed)
    values = {
        "mu": rng.normal(-0.3, 0.6, n_experimental),
        "tau": rng.gamma(2.0, 0.2),
        "tau_arm": rng.gamma(2.0, 0.2, n_experimental),
        "raw": rng.standard_normal((n_subgroups, n_experimental)),
        "pick": rng.uniform(0.05, 0.95, n_subgroups),
        "arm_raw": rng.standard_normal(n_experimental),
        "class_mean": rng.standard_normal(2),
    }
    return {name: jnp.asarray(value) for name, value in values.items()}
