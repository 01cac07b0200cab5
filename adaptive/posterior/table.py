"""A posterior from a table of events and exposure in JSON, and back to JSON.

The function behind ``adaptive posterior``. It must not know where the table came from, nor decide anything.
"""

import json
import math
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import adaptive
from adaptive.codes import HealthCode
from adaptive.errors import BadInput
from adaptive.models.base import AbstractModel
from adaptive.models.hazards import GammaHazards
from adaptive.models.pooling import FullPooling, NoPooling, PartialPooling
from adaptive.posterior.base import AbstractEngine, AbstractPosterior
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.table_checks import check_table
from adaptive.records import EventTable

MODELS = {"partial": PartialPooling, "none": NoPooling, "full": FullPooling}


def analyse_table(payload: dict[str, Any], engine: AbstractEngine, seed: int = 0) -> dict[str, Any]:
    """Return the posterior of the log hazard ratios as plain lists and numbers.

    Parameters
    ----------
    payload
        ``subgroups``, ``arms`` (control first), ``intervals`` in months, ``events`` and ``exposure``
        (months) as subgroup x arm x interval, ``pooling`` (``partial``, ``none`` or ``full``), ``prior``
        (``mu_scale``, ``tau_scale``, ``baseline_shape``, ``baseline_rate``) and ``margins`` (hazard
        ratios). ``intervals`` is the ``J`` interval starts or the ``J + 1`` edges, decided by the number
        ``J`` of intervals of ``events``; the likelihood does not need it, it says what the columns are.
    engine
        How to compute the posterior. The conjugate engine needs ``pooling`` ``none``: each arm has a constant
        hazard with prior Gamma(``baseline_shape``, ``baseline_rate``), on interval totals.
    seed
        Randomness for sampling engines.

    Returns
    -------
    dict
        ``log_hr`` (``mean``, ``sd``, ``q025``, ``q975``: subgroup x experimental arm), ``p_below`` (per
        margin), ``p_best`` (subgroup x arm), ``mu``, ``tau`` (null where the model has none), ``engine``,
        ``health``.

    Raises
    ------
    BadInput
        With every fault of the payload, or if the engine cannot fit the model.
    """
    check_table(payload)
    model = _model(payload, engine)
    table = EventTable(_numbers(payload["events"]), _numbers(payload["exposure"]))
    posterior = engine.fit(jax.random.key(seed), model, table)
    return {
        "subgroups": payload["subgroups"],
        "arms": payload["arms"],
        **summarise(posterior, payload["margins"]),
        "engine": _describe_engine(engine, seed),
    }


def run(input: Path, engine: AbstractEngine, output: Path, seed: int = 0) -> None:
    """Read the table in ``input``, analyse it and write ``output``; see ``analyse_table``.

    Raises
    ------
    BadInput
        If the file is missing or not JSON, or with every fault of its content.
    """
    try:
        payload = json.loads(Path(input).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"input: no file {str(input)!r}; give the path of a JSON table") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"input: {str(input)!r} is not JSON ({error}); give a JSON object") from None
    check_table(payload)
    result = analyse_table(payload, engine, seed)
    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    Path(output).write_text(text, encoding="utf-8")


def summarise(posterior: AbstractPosterior, margins: list[float]) -> dict[str, Any]:
    """Return a posterior's summaries as plain lists, with null for what it does not have."""
    mean, sd = posterior.moments()
    levels = posterior.quantiles(jnp.asarray([0.025, 0.975], mean.dtype))
    below = posterior.p_below(jnp.log(jnp.asarray(margins, mean.dtype)))
    overall, health = posterior.overall(), posterior.health
    return {
        "log_hr": {
            "mean": _plain(mean),
            "sd": _plain(sd),
            "q025": _plain(levels[0]),
            "q975": _plain(levels[1]),
        },
        "p_below": {str(m): _plain(below[i]) for i, m in enumerate(margins)},
        "p_best": _plain(posterior.p_best()),
        "mu": {
            "mean": _plain(overall.mu_mean),
            "sd": _plain(overall.mu_sd),
            "p_below_0": _plain(overall.mu_p_below_0),
        },
        "tau": {"mean": _plain(overall.tau_mean), "sd": _plain(overall.tau_sd)},
        "health": {
            "code": HealthCode(int(health.code)).name,
            "ess": _plain(health.ess),
            "rhat": _plain(health.rhat),
            "divergences": int(health.divergences),
        },
    }


def _model(payload: dict[str, Any], engine: AbstractEngine) -> AbstractModel:
    """Return the model that the payload asks for."""
    prior, pooling = payload["prior"], payload["pooling"]
    if not isinstance(engine, ConjugateEngine):
        return MODELS[pooling](**{name: _numbers(value) for name, value in prior.items()})
    if pooling != "none":
        raise BadInput(
            f"pooling: {pooling!r} with posterior conjugate; give 'none', or posterior laplace or nuts"
        )
    return GammaHazards(shape=_numbers(prior["baseline_shape"]), rate=_numbers(prior["baseline_rate"]))


def _numbers(values: Any) -> jax.Array:
    """Return an array in JAX's default floating-point precision."""
    return jnp.asarray(np.asarray(values, dtype=float), jnp.result_type(float))


def _plain(value: jax.Array) -> Any:
    """Return nested lists of floats, with None for what is not finite."""
    nested = np.asarray(value, dtype=float).tolist()
    return _without_nan(nested)


def _without_nan(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value if math.isfinite(value) else None


def _describe_engine(engine: AbstractEngine, seed: int) -> dict[str, Any]:
    """Return name, settings, precision, note and versions."""
    settings = {name: _setting(value) for name, value in vars(engine).items()}
    return {
        "name": type(engine).__name__.removesuffix("Engine").lower(),
        "settings": settings,
        "seed": seed,
        "dtype": str(jnp.result_type(float)),
        "note": _note(engine),
        "versions": {
            "adaptive": adaptive.__version__,
            **{name: _version(name) for name in ("jax", "numpyro")},
        },
    }


def _note(engine: AbstractEngine) -> str:
    if isinstance(engine, ConjugateEngine):
        return "constant hazard per arm, Gamma(baseline_shape, baseline_rate) prior, interval totals"
    return "piecewise-constant hazards, Gamma baselines per subgroup and interval integrated out"


def _setting(value: Any) -> Any:
    return value if isinstance(value, (int, float, str)) else _plain(value)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
