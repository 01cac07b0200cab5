"""What keeping intermediate results is worth: the fast engine with and without ``posterior.storing``.

Without, ``stored`` returns what it is given and the compiler computes cheap arithmetic again in every place
that uses it. Run on an idle machine: ``python benchmarks/storing.py``.
"""

import jax
import jax.numpy as jnp
import numpy as np
from measuring import repeated, run, timed_compile
from posterior_speed import BASE, program, tables

from adaptive.models import PartialPooling
from adaptive.posterior import storing
from adaptive.posterior.laplace import LaplaceEngine

BLOCK = 256
"""The size of the simulator's blocks."""


def measured(n: int, repeats: int) -> dict:
    """Return seconds to compile and CPU microseconds a posterior, and the results."""
    events, exposure = map(jnp.asarray, tables(n, *BASE))
    arguments = (jax.random.split(jax.random.key(0), n), events, exposure)
    model = PartialPooling(1.0, 0.5, 0.1, 1.0)
    compiled, seconds = timed_compile(program(LaplaceEngine(), model), *arguments)
    results = jax.block_until_ready(compiled(*arguments))
    spent = repeated(lambda: jax.block_until_ready(compiled(*arguments)), repeats)
    each = 1e6 * spent["cpu_seconds"]["median"] / n
    return {"compile_seconds": seconds, "cpu_microseconds_each": each, "results": results}


def main(options, report):
    repeats = 3 if options.quick else 15
    with_it = measured(BLOCK, repeats)
    honest, storing._stored = storing._stored, lambda value: value
    jax.clear_caches()
    try:
        without = measured(BLOCK, repeats)
    finally:
        storing._stored = honest
    pairs = zip(*(jax.tree.leaves(each.pop("results")) for each in (with_it, without)), strict=True)
    difference = max(float(np.nanmax(np.abs(np.asarray(a) - np.asarray(b)))) for a, b in pairs)
    report.add(kept=True, batch=BLOCK, **with_it)
    report.add(kept=False, batch=BLOCK, **without, largest_difference_of_results=difference)


if __name__ == "__main__":
    run("storing", __doc__.splitlines()[0], main)
