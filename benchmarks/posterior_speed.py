"""How many posteriors a second does each engine compute, by subgroups, arms and intervals.

Times ``jit(vmap(fit + summaries))`` on random tables, compilation apart from running, and writes
``benchmarks/results/posterior_speed.json``. Run on an idle machine: ``python benchmarks/posterior_speed.py``.
"""

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import jax

SIZES = ((1, 1, 4), (4, 1, 4), (4, 2, 4), (8, 2, 4), (4, 3, 4))


def tables(n, n_subgroups, n_experimental, n_intervals):
    import numpy as np

    rng = np.random.default_rng(1)
    exposure = rng.gamma(20.0, 10.0, (n, n_subgroups, n_experimental + 1, n_intervals))
    return rng.poisson(0.02 * exposure).astype(float), exposure


def program(engine, model):
    import jax.numpy as jnp

    from adaptive.records import EventTable

    def one(key, events, exposure):
        posterior = engine.fit(key, model, EventTable(events, exposure))
        below = posterior.p_below(jnp.log(jnp.asarray([1.0, 0.8], events.dtype)))
        quantiles = posterior.quantiles(jnp.asarray([0.025, 0.975], events.dtype))
        return below, posterior.p_best(), posterior.moments(), quantiles, posterior.health.code

    return jax.jit(jax.vmap(one))


def measure(engine, model, n, size, repeats=5):
    import jax.numpy as jnp

    events, exposure = map(jnp.asarray, tables(n, *size))
    arguments = (jax.random.split(jax.random.key(0), n), events, exposure)
    start = time.perf_counter()
    compiled = program(engine, model).lower(*arguments).compile()
    compile_seconds = time.perf_counter() - start
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        jax.block_until_ready(compiled(*arguments))
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {
        "posteriors": n,
        "compile_seconds": compile_seconds,
        "per_second": n / min(walls),
        "cpu_microseconds_each": 1e6 * min(cpus) / n,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--n", type=int, default=4096, help="posteriors per run of the deterministic engines")
    parser.add_argument("--nuts", action="store_true", help="also time 8 posteriors by NUTS")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results" / "posterior_speed.json"
    )
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", options.dtype == "float64")
    from adaptive.models import GammaHazards, PartialPooling
    from adaptive.posterior.conjugate import ConjugateEngine
    from adaptive.posterior.laplace import LaplaceEngine
    from adaptive.posterior.nuts import NutsEngine

    pooling, hazards = PartialPooling(1.0, 0.5, 0.1, 5.0), GammaHazards(0.5, 20.0)
    runs = [("laplace", LaplaceEngine(), pooling, options.n, size) for size in SIZES]
    runs.append(("conjugate", ConjugateEngine(), hazards, 64, (4, 2, 4)))
    if options.nuts:
        runs.append(("nuts", NutsEngine(chains=1, warmup=200, draws=400), pooling, 8, (4, 2, 4)))
    rows = []
    for name, engine, model, n, size in runs:
        settings = {"engine": name, **dict(zip("SBJ", size, strict=True))}
        rows.append({**settings, **measure(engine, model, n, size)})
        print(rows[-1], flush=True)
    device = jax.devices()[0]
    result = {
        "question": "posteriors per second by engine and size",
        "dtype": options.dtype,
        "device": device.device_kind,
        "platform": device.platform,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "versions": {
            "python": platform.python_version(),
            **{p: version(p) for p in ("jax", "numpyro", "equinox")},
        },
        "rows": rows,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
