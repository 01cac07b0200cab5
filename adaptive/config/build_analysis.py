"""Builds the model and the engine from configuration values, and checks that they fit together."""

import dataclasses
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from adaptive.config.build_models import MODELS, build_model
from adaptive.config.checks import Faults, shown
from adaptive.config.read import read_kind
from adaptive.config.schema import SCHEMAS
from adaptive.config.schema_design import DesignValues
from adaptive.design.protocol import Analysis
from adaptive.posterior.base import AbstractEngine
from adaptive.posterior.laplace import LaplaceEngine, why_not

_FITS = {
    "laplace": tuple(name for name in MODELS if name != "gamma_hazards"),
    "conjugate": ("gamma_hazards",),
    "nuts": tuple(MODELS),
}
_FITS_HISTORY = ("laplace", "nuts")


def build_engine(data: Any, faults: Faults) -> AbstractEngine | None:
    """Return the engine that ``data`` describes, or ``None`` after writing down every fault."""
    values = read_kind(SCHEMAS["posterior"], data, "posterior", faults)
    return None if values is None else _engine_class(values.kind)(**_numbers(values))


def _engine_class(kind: str) -> type[AbstractEngine]:
    """Return the engine's class, imported when asked for."""
    if kind == "nuts":
        from adaptive.posterior.nuts import NutsEngine

        return NutsEngine
    if kind == "conjugate":
        from adaptive.posterior.conjugate import ConjugateEngine

        return ConjugateEngine
    return LaplaceEngine


def check_fit(model: Any, posterior: Any, faults: Faults) -> None:
    """Write down a fault if the engine cannot fit the model."""
    kinds = [item.get("kind") for item in (model, posterior)]
    if kinds[0] not in MODELS or kinds[1] not in _FITS:
        return
    if kinds[0] not in _FITS[kinds[1]]:
        engines = [name for name, models in _FITS.items() if kinds[0] in models]
        faults.append(
            f"posterior.kind: {kinds[1]!r} cannot fit model.kind {kinds[0]!r}; give "
            f"posterior={' or '.join(engines)}, or a model of kind {', '.join(_FITS[kinds[1]])}"
        )
    elif model.get("historical") and kinds[1] not in _FITS_HISTORY:
        faults.append(
            f"posterior.kind: {kinds[1]!r} cannot fit a model with model.historical; give "
            f"posterior={' or '.join(_FITS_HISTORY)}, or model.historical=null"
        )


def build_analysis(config: dict, design: DesignValues | None, faults: Faults) -> Analysis | None:
    """Return the analysis of a look, or ``None`` after writing down every fault."""
    model = build_model(config.get("model"), design, faults)
    engine = build_engine(config.get("posterior"), faults)
    if model is not None and engine is not None:
        check_fit(config["model"], config["posterior"], faults)
    if design is None:
        return None
    before = len(faults)
    if (
        isinstance(engine, LaplaceEngine)
        and model is not None
        and config["model"]["kind"] in _FITS["laplace"]
    ):
        refusal = why_not(model, len(design.subgroups), len(design.arms) - 1)
        if refusal is not None:
            faults.append(f"posterior.kind: {refusal}")
    check_cuts(design.cuts, "design.cuts", faults)
    periods = _periods(config.get("model"), design, faults)
    if model is None or engine is None or len(faults) > before:
        return None
    return Analysis(cuts=np.asarray(design.cuts, float), model=model, engine=engine, periods=periods)


def _periods(model: Any, design: DesignValues, faults: Faults) -> Float[Array, " P"] | None:
    """Return the starts of the periods of entry that the model tells apart, or ``None`` for no time trend."""
    if not design.periods:
        return None
    check_cuts(design.periods, "design.periods", faults)
    if not isinstance(model, Mapping) or not model.get("drift"):
        faults.append(
            f"design.periods: {shown(design.periods)} came, and the model has no time trend; give "
            "model.drift a kind, random_walk or stratified, or design.periods=null"
        )
    return jnp.asarray(design.periods, float)


def check_cuts(cuts: list[float], key: str, faults: Faults) -> None:
    """Write down a fault unless the interval starts begin at 0 and increase."""
    rising = all(a < b for a, b in pairwise(cuts))
    if cuts[0] != 0.0 or not rising:
        faults.append(
            f"{key}: {shown(cuts)} is not allowed; interval starts are months, the first 0, and increase"
        )


def _numbers(values: Any) -> dict[str, Any]:
    return {f.name: getattr(values, f.name) for f in dataclasses.fields(values) if f.name != "kind"}
