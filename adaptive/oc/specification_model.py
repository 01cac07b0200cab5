"""The analysis model of a design in formulas, its priors with their justification, and how it is computed.

Written from the objects that run; what the authors say of a prior comes from the dossier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from adaptive.design.protocol import Analysis
from adaptive.models.base import AbstractModel
from adaptive.models.drifting import Drifting
from adaptive.models.exnex import ExNex
from adaptive.models.hazards import GammaHazards
from adaptive.models.historical import HistoricalControls
from adaptive.models.nested import NestedPooling
from adaptive.models.per_arm import PerArmPooling
from adaptive.models.pooling import FullPooling, NoPooling, PartialPooling
from adaptive.models.robust import RobustPooling
from adaptive.posterior.base import AbstractEngine
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import AbstractSampler

PRIOR_COLUMNS = ("parameter", "prior", "value", "justification", "source", "tag")
NOT_STATED = "not stated in the dossier"
SPREAD = "tau_scale"
_POOLED = "θ[s, b] ~ Normal(μ[b], τ);  μ[b] ~ Normal(0, mu_scale);  τ ~ HalfNormal(tau_scale)"
HIERARCHIES: dict[type[AbstractModel], tuple[str, str]] = {
    PartialPooling: (_POOLED, "exchangeable given a mean per arm and one spread"),
    NoPooling: ("θ[s, b] ~ Normal(0, mu_scale), independent", "independent: no information is shared"),
    FullPooling: ("θ[s, b] = μ[b];  μ[b] ~ Normal(0, mu_scale)", "identical: the same effect in all"),
    ExNex: (
        "with probability p_exchangeable[s]: "
        + _POOLED
        + ";  otherwise θ[s, b] ~ Normal(nex_mean, nex_scale), independent",
        "exchangeable with the stated probability, else each by itself",
    ),
    RobustPooling: (
        "θ[s, b] ~ Normal(μ[b], τ);  τ ~ HalfNormal(tau_scale);  μ[b] ~ w Normal(informative_mean, "
        "informative_scale) + (1 - w) Normal(0, mu_scale), w = informative_weight",
        "exchangeable given a mean per arm, itself partly informed by earlier evidence, and one spread",
    ),
    NestedPooling: (
        "θ[s, b] ~ Normal(μ[b], τ);  μ[b] ~ Normal(class mean of b, class_scale);  class mean ~ Normal(0, "
        "mu_scale);  τ ~ HalfNormal(tau_scale)",
        "exchangeable given a mean per arm, itself nested in classes of arms, and one spread",
    ),
    PerArmPooling: (
        "θ[s, b] ~ Normal(μ[b], τ[b]);  μ[b] ~ Normal(0, mu_scale);  τ[b] ~ HalfNormal(tau_scale)",
        "exchangeable given a mean and a spread per arm",
    ),
}
LIKELIHOOD = "d[s, a, j] ~ Poisson(λ[s, j] · exp(θ[s, a]) · T[s, a, j]),  θ[s, control] = 0"
BASELINE = "λ[s, j] ~ Gamma(baseline_shape, baseline_rate), independent, integrated out in closed form"
SYMBOLS = (
    "s subgroup, a arm (b: experimental), j interval of months since randomisation",
    "d endpoint events and T person-months at risk of all patients in the look, closed cells included",
    "θ log hazard ratio against control; below 0 is benefit",
)
CENSORING = (
    "Follow-up ends at the endpoint event, at another event that ends observation, at dropout, or at the "
    "data cut-off of the look, whichever is first. All but the endpoint event censor: the person-months up "
    "to then count, no value is imputed, and censoring is taken to be independent of the endpoint given "
    "subgroup and arm.",
    "With another cause of ending that competes, the hazard ratio is therefore the cause-specific one. It "
    "says nothing by itself of the cumulative incidence, which also depends on the competing hazard.",
    "Subgroup and arm are always known; no covariate is missing. The estimand's strategies for intercurrent "
    "events are in chapter 1.",
)


def model_words(analysis: Analysis) -> dict[str, Any]:
    """Return formulas (title, formula, symbols), sentences on exchangeability, and where the code is."""
    model, added = unwrapped(analysis.model)
    where = [*SYMBOLS, f"intervals j begin at months {_numbers(analysis.cuts)}"]
    if isinstance(model, GammaHazards):
        formulas = [
            ("Likelihood", "d[s, a] ~ Poisson(λ[s, a] · T[s, a])", where),
            (
                "Prior",
                "λ[s, a] ~ Gamma(shape, rate), independent; θ[s, b] = ln λ[s, b] - ln λ[s, control]",
                [],
            ),
        ]
        subgroups = "independent: no information is shared"
    else:
        hierarchy, subgroups = HIERARCHIES.get(type(model), (type(model).__name__, "as the model says"))
        formulas = [
            ("Likelihood", LIKELIHOOD, where),
            ("Baseline hazards", BASELINE, []),
            ("Log hazard ratios", hierarchy, []),
        ]
    formulas += [(title, text, []) for title, text in added]
    if analysis.periods is not None and not isinstance(analysis.model, Drifting):
        starts = _numbers(analysis.periods)
        text = f"baselines by period of entry as well, λ[s, p, j]; periods begin in month {starts}"
        formulas.append(("Periods of entry", text, []))
    parts = (model, analysis.model, analysis.engine)
    return {
        "formulas": formulas,
        "exchangeability": [
            "Participants: exchangeable within a subgroup, arm and interval"
            + (" and period of entry." if analysis.periods is not None else ", whenever they entered."),
            f"Subgroups: {subgroups}. Their baseline hazards are not pooled.",
            "Arms: the effects of arms are not pooled with each other"
            + (
                " except within a class." if isinstance(model, NestedPooling) else "; they share the control."
            ),
        ],
        "code": list(
            dict.fromkeys(
                [f"{type(part).__module__}.{type(part).__name__}" for part in parts]
                + ["adaptive.analysis.analyse_look: one path for simulated and real looks"]
            )
        ),
    }


def unwrapped(model: AbstractModel) -> tuple[AbstractModel, list[tuple[str, str]]]:
    """Return the model inside its wrappers, and a title and formula for each wrapper."""
    added = []
    while isinstance(model, Drifting | HistoricalControls):
        if isinstance(model, Drifting):
            text = (
                "λ[s, p, j] over periods of entry p: a Gamma walk that keeps the mean of the period before "
                f"and discounts its information by ω = {float(model.omega):g}, over {model.n_periods} periods"
            )
            added.append(("Drift over periods of entry", text))
        else:
            text = (
                "λ[s, j] ~ Gamma(baseline_shape + δ · historical events, baseline_rate + δ · historical "
                f"person-months), δ = {float(model.discount):g}, {float(np.sum(model.events)):g} events"
            )
            added.append(("Historical controls", text))
        model = model.model
    return model, added


def prior_table(model: AbstractModel, stated: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Return a row per number of the prior, with what the dossier says of it."""
    inner, _ = unwrapped(model)
    said = {entry["parameter"]: entry for entry in stated}
    rows = []
    for name, value in prior_numbers(inner).items():
        entry = said.get(name, {})
        words = [entry.get(key) or NOT_STATED for key in ("justification", "source", "tag")]
        rows.append((name, _prior_of(inner, name), value, *words))
    return pd.DataFrame(rows, columns=list(PRIOR_COLUMNS))


def prior_numbers(model: AbstractModel) -> dict[str, str]:
    """Return the numbers of a model's prior that it uses, as text."""
    unused = {SPREAD} if isinstance(model, NoPooling | FullPooling) else set()
    return {
        field.name: _numbers(getattr(model, field.name))
        for field in fields(model)
        if field.name not in unused
    }


def _prior_of(model: AbstractModel, name: str) -> str:
    """Return which prior a number belongs to."""
    known = {
        "mu_scale": "SD of the mean log hazard ratio of an arm",
        SPREAD: "scale of the half-normal spread τ between subgroups",
        "baseline_shape": "shape of the Gamma baseline hazards (events)",
        "baseline_rate": "rate of the Gamma baseline hazards (person-months)",
        "shape": "shape of the Gamma hazards (events)",
        "rate": "rate of the Gamma hazards (person-months)",
    }
    if isinstance(model, NoPooling) and name == "mu_scale":
        return "SD of every log hazard ratio"
    return known.get(name, name.replace("_", " "))


def informative(model: AbstractModel) -> str:
    """Return what makes a prior informative on an effect or on control, or an empty string.

    A mixture counts, because its weights are the answer to a conflict that was fixed in advance.
    """
    inner, _ = unwrapped(model)
    if isinstance(model, HistoricalControls) and float(model.discount) > 0:
        return "historical controls"
    if isinstance(inner, RobustPooling) and float(np.max(inner.informative_weight)) > 0:
        return "an informative part in the prior of the mean effect"
    if isinstance(inner, ExNex) and float(np.min(inner.p_exchangeable)) < 1:
        return "a mixture prior of each subgroup's effects"
    return ""


def uninformative_words(model: AbstractModel) -> str:
    """Return how much a prior says that ``informative`` finds nothing in, in events."""
    inner, _ = unwrapped(model)
    if isinstance(inner, GammaHazards):
        return f"the prior of each hazard is worth {_numbers(inner.shape)} events"
    scale = float(inner.mu_scale)
    # An event carries a quarter of a unit of information on the log hazard ratio of two equal arms.
    return (
        f"effects have prior mean 0 and SD of at least {scale:g}, worth at most {4 / scale**2:.3g} events, "
        f"and the prior of each baseline hazard is worth {_numbers(inner.baseline_shape)} events"
    )


_FINITE = (
    "every number is finite. Nothing converges here, so R-hat, effective sample size and divergences do not "
    "exist; how far the result may be from the posterior is what the audit measures"
)
_METHODS: dict[type[AbstractEngine], tuple[str, str]] = {
    LaplaceEngine: (
        "deterministic approximation: nested quadrature over the spread between subgroups, moment matching "
        "given it, exact marginal likelihood of each subgroup on a grid. No chains, warm-up, draws, thinning "
        "or starting values",
        _FINITE,
    ),
    ConjugateEngine: (
        "exact: conjugate Gamma posterior, probabilities by quadrature. No chains or draws",
        _FINITE,
    ),
    AbstractSampler: (
        "No-U-Turn sampler of NumPyro; no thinning; starting values uniform on (-2, 2) in unconstrained "
        "coordinates",
        "every number is finite; R-hat, effective sample size, divergences, energy within the gates below",
    ),
}
"""Kind of engine, what it does, and when a fit of it passes its checks."""


SETTING_NAMES = {
    "n_nodes": "Nodes of the quadrature over τ",
    "n_pilot": "Nodes of the pilot that places them",
    "n_newton": "Newton steps of the starting approximation",
    "n_sweeps": "Sweeps of moment matching",
    "n_points": "Grid points of each marginal",
    "n_conditional": "Quadrature points for the second arm, per grid point",
    "precision": "Precision of the arithmetic",
    "chains": "Chains",
    "warmup": "Warm-up iterations of each chain",
    "draws": "Draws of each chain",
    "target_accept": "Target acceptance probability",
    "max_tree_depth": "Largest depth of a tree",
    "max_rhat": "Gate: R-hat of a parameter at most",
    "min_ess": "Gate: effective sample size, bulk and tail, at least",
    "max_divergences": "Gate: divergent transitions of a fit at most",
    "min_ebfmi": "Gate: E-BFMI of a chain at least",
}
"""What a setting of an engine is, in words."""


def engine_lines(engine: AbstractEngine) -> list[tuple[str, str]]:
    """Return how the posterior is computed: what kind of method, and every setting in force."""
    name = type(engine).__name__
    found = (words for kind, words in _METHODS.items() if isinstance(engine, kind))
    method, checks = next(found, (name, "as the engine says"))
    settings = [
        (SETTING_NAMES.get(field.name, field.name.replace("_", " ")), _numbers(getattr(engine, field.name)))
        for field in fields(engine)
    ]
    return [("Method", method), ("A fit passes its checks if", checks), *settings]


def approximates(engine: AbstractEngine) -> bool:
    """Return whether an engine is neither exact nor the full sampler."""
    return not isinstance(engine, ConjugateEngine | AbstractSampler)


def _numbers(value: object) -> str:
    """Return a number, or several separated by commas; what is none as text."""
    try:
        return ", ".join(f"{float(item):g}" for item in np.ravel(np.asarray(value)))
    except (TypeError, ValueError):
        return str(value)
