"""Posteriors a second by engine, subgroups, arms, intervals and batch size.

Times ``jit(vmap(fit + every summary that a look needs))`` on random tables, compilation apart from running.
Run on an idle machine: ``python benchmarks/posterior_speed.py``.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
from measuring import repeated, run, timed_compile

from adaptive.models import GammaHazards, PartialPooling
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import NutsEngine
from adaptive.records import EventTable

BASE = (4, 2, 4)
SIZES = (BASE, (1, 1, 4), (2, 2, 4), (8, 2, 4), (4, 1, 4), (4, 3, 4), (4, 4, 4), (4, 2, 1), (4, 2, 8))
BATCHES = (256, 1024, 4096, 16384, 65536)
NUTS = {"chains": 1, "warmup": 200, "draws": 400}


def tables(n, n_subgroups, n_experimental, n_intervals):
    """Random events and person-months of ``n`` trials, about 4 events a cell and interval."""
    rng = np.random.default_rng(1)
    exposure = rng.gamma(20.0, 10.0, (n, n_subgroups, n_experimental + 1, n_intervals))
    return rng.poisson(0.02 * exposure).astype(float), exposure


def program(engine, model):
    """One compiled program for a batch: everything that a look takes from a posterior."""

    def one(key, events, exposure):
        posterior = engine.fit(key, model, EventTable(events, exposure))
        below = posterior.p_below(jnp.log(jnp.asarray([1.0, 0.8], events.dtype)))
        quantiles = posterior.quantiles(jnp.asarray([0.025, 0.975], events.dtype))
        return below, posterior.p_best(), posterior.moments(), quantiles, posterior.health.code

    return jax.jit(jax.vmap(one))


def measure(engine, model, n, size, repeats):
    """Seconds to compile and to run, and posteriors a second of wall time and of CPU time."""
    events, exposure = map(jnp.asarray, tables(n, *size))
    arguments = (jax.random.split(jax.random.key(0), n), events, exposure)
    compiled, compile_seconds = timed_compile(program(engine, model), *arguments)
    work = lambda: jax.block_until_ready(compiled(*arguments))  # noqa: E731
    work()
    spent = repeated(work, repeats)
    return {
        "compile_seconds": compile_seconds,
        **spent,
        "per_second": n / spent["wall_seconds"]["median"],
        "cpu_microseconds_each": 1e6 * spent["cpu_seconds"]["median"] / n,
        "per_second_with_a_thread_per_core": threaded(work, n, repeats),
    }


def threaded(work, n: int, repeats: int) -> float | None:
    """Return posteriors a second when every core calls the program in a thread, as the simulator does."""
    cores = os.cpu_count() or 1
    if jax.default_backend() != "cpu" or cores == 1:
        return None
    calls = cores * max(1, 8192 // n)
    with ThreadPoolExecutor(cores) as pool:
        spent = repeated(lambda: list(pool.map(lambda _: work(), range(calls))), repeats)
    return calls * n / spent["wall_seconds"]["median"]


def plan(quick: bool):
    """Yield the runs: engine's name, engine, model, batch, size, repeats."""
    pooling, hazards = PartialPooling(1.0, 0.5, 0.1, 1.0), GammaHazards(0.5, 20.0)
    laplace = LaplaceEngine()
    if quick:
        yield "laplace", laplace, pooling, 256, BASE, 2
        yield "conjugate", ConjugateEngine(), hazards, 8, BASE, 2
        yield "nuts", NutsEngine(chains=1, warmup=20, draws=20), pooling, 2, BASE, 1
        return
    yield from (("laplace", laplace, pooling, n, BASE, 7) for n in BATCHES)
    yield from (("laplace", laplace, pooling, 4096, size, 7) for size in SIZES[1:])
    yield "conjugate", ConjugateEngine(), hazards, 64, BASE, 5
    yield from (("nuts", NutsEngine(**NUTS), pooling, n, BASE, 3) for n in (8, 128))


def main(options, report):
    for name, engine, model, n, size, repeats in plan(options.quick):
        if options.engine in ("all", name):
            sizes = dict(zip("SBJ", size, strict=True))
            report.add(engine=name, batch=n, **sizes, **measure(engine, model, n, size, repeats))


def add_options(parser):
    parser.add_argument("--engine", choices=("all", "laplace", "conjugate", "nuts"), default="all")


if __name__ == "__main__":
    run("posterior_speed", __doc__.splitlines()[0], main, add_options)
