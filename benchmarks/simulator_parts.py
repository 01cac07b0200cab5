# ruff: noqa: D102 (the methods are those of AbstractPosterior and AbstractEngine)
"""What the benchmarks of the simulator share: a cheap engine, timing of a call, the head of a result file."""

import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp

from adaptive.codes import HealthCode
from adaptive.posterior.base import AbstractEngine, AbstractPosterior, Overall
from adaptive.records import Health

RESULTS = Path(__file__).parent / "results"


class CheapPosterior(AbstractPosterior):
    """Independent logistic distributions: closed form, so that the posterior costs next to nothing."""

    mean: jnp.ndarray
    sd: jnp.ndarray
    health: Health

    def p_below(self, log_margins):
        return jax.nn.sigmoid(1.8 * (log_margins[:, None, None] - self.mean[None]) / self.sd[None])

    def p_best(self):
        weights = jnp.concatenate([jnp.ones_like(self.mean[:, :1]), jnp.exp(-self.mean / self.sd)], axis=1)
        return weights / weights.sum(axis=1, keepdims=True)

    def moments(self):
        return self.mean, self.sd

    def quantiles(self, levels):
        return self.mean[None] + jnp.log(levels / (1.0 - levels))[:, None, None] * self.sd[None] / 1.8

    def overall(self):
        missing = jnp.full(self.mean.shape[1], jnp.nan)
        return Overall(missing, missing, missing, jnp.asarray(jnp.nan), jnp.asarray(jnp.nan))


class CheapEngine(AbstractEngine):
    """Log ratio of event rates with half an event added: everything but the posterior is left to be timed."""

    def fit(self, key, model, table):
        del key, model
        events = table.events.sum(-1) + 0.5
        rate = events / (table.exposure.sum(-1) + 10.0)
        mean = jnp.log(rate[:, 1:]) - jnp.log(rate[:, :1])
        sd = jnp.sqrt(1 / events[:, 1:] + 1 / events[:, :1])
        nan = jnp.asarray(jnp.nan, mean.dtype)
        code = jnp.asarray(int(HealthCode.OK), jnp.int32)
        return CheapPosterior(mean, sd, Health(code, nan, nan, jnp.asarray(0, jnp.int32)))


def in_dtype(tree, dtype: str):
    """Return the tree with floating leaves of a type."""
    return jax.tree.map(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree)


def timed(call, repeats: int) -> dict[str, float]:
    """Return seconds of the first call, and the least wall and CPU seconds of the others."""
    start = time.perf_counter()
    call()
    first, walls, cpus = time.perf_counter() - start, [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"first_seconds": first, "wall_seconds": min(walls), "cpu_seconds": min(cpus)}


def write(name: str, question: str, dtype: str, rows: list[dict]) -> None:
    """Write ``benchmarks/results/<name>.json``."""
    device = jax.devices()[0]
    content = {
        "question": question,
        "dtype": dtype,
        "device": device.device_kind,
        "platform": device.platform,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("jax", "numpyro", "equinox")},
        },
        "rows": rows,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
