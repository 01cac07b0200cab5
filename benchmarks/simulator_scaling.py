"""Cost of a call when trials, patients, looks, subgroups or arms are doubled, one at a time.

Everything but the posterior (a cheap engine), in steady state. Linear growth is a ratio of 2. Writes
``benchmarks/results/simulator_scaling.json``. Run on an idle machine:
``python benchmarks/simulator_scaling.py``.
"""

import argparse
from functools import partial

import jax
import numpy as np

BASE = {"trials": 2048, "patients": 600, "looks": 8, "subgroups": 4, "arms": 3}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", options.dtype == "float64")
    from flagship import flagship_design, flagship_scenario
    from simulator_parts import CheapEngine, in_dtype, timed, write

    from adaptive.simulate.drivers import simulate

    def measure(trials, patients, looks, subgroups, arms):
        shape = {"patients": patients, "subgroups": subgroups, "arms": arms}
        pair = flagship_design(looks=looks, engine=CheapEngine(), **shape), flagship_scenario(**shape)
        call = partial(simulate, *in_dtype(pair, options.dtype), seed=1, trials=np.arange(trials))
        return timed(call, options.repeats)

    rows, base = [], measure(**BASE)
    for doubled in (None, *BASE):
        size = BASE | ({doubled: 2 * BASE[doubled]} if doubled else {})
        row = base if doubled is None else measure(**size)
        rows.append({"doubled": doubled, **size, **row, "ratio": row["cpu_seconds"] / base["cpu_seconds"]})
        print(rows[-1], flush=True)
    write("simulator_scaling", "cost of a call when one size is doubled", options.dtype, rows)


if __name__ == "__main__":
    main()
