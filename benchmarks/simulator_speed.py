"""Cost of a flagship trial, with the posterior and without.

Simulates flagship trials with the laplace engine and with a cheap one, the first call (compile and first
block) apart. Writes ``benchmarks/results/simulator_speed.json``. Run on an idle machine:
``python benchmarks/simulator_speed.py``.
"""

import argparse
from functools import partial

import jax
import numpy as np


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--trials", type=int, default=16384)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--lanes", type=int, default=None, help="trials per compiled block")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", options.dtype == "float64")
    from flagship import flagship_design, flagship_scenario
    from simulator_parts import CheapEngine, in_dtype, timed, write

    from adaptive.simulate.drivers import LANES, simulate

    lanes, rows = options.lanes or LANES, []
    for name, engine in (("cheap", CheapEngine()), ("laplace", None)):
        design, scenario = in_dtype((flagship_design(engine=engine), flagship_scenario()), options.dtype)
        found = {}

        def call(n, design=design, scenario=scenario, found=found):
            found["result"] = simulate(design, scenario, seed=1, trials=np.arange(n), lanes=lanes).result

        first = timed(partial(call, lanes), 1)
        row = timed(partial(call, options.trials), options.repeats)
        looks = float(found["result"].looks_held.mean())
        each = {
            f"{k}_microseconds_per_trial": 1e6 * row[f"{k}_seconds"] / options.trials for k in ("wall", "cpu")
        }
        rows.append(
            {
                "engine": name,
                "trials": options.trials,
                "lanes": lanes,
                "compile_and_first_block_seconds": first["first_seconds"],
                "looks_per_trial": looks,
                **each,
            }
        )
        print(rows[-1], flush=True)
    write("simulator_speed", "cost of a flagship trial, with and without the posterior", options.dtype, rows)


if __name__ == "__main__":
    main()
