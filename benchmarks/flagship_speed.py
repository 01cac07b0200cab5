"""Flagship trials a second, time to the first result, peak memory, and compilations of a threshold sweep.

Memory is that of a child process that simulates ``--memory-trials`` trials and nothing else.
"""

import os
import subprocess
import sys
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flagship import flagship_design, flagship_scenario
from measuring import ROOT, peak_mebibytes, repeated, run

from adaptive.simulate.drivers import simulate

COMPILED = "/jax/core/compile/backend_compile_duration"


class CompileCounter:
    """Counts compilations of XLA from its creation on."""

    def __init__(self):
        self.count = 0
        jax.monitoring.register_event_duration_secs_listener(self._hear)

    def _hear(self, event: str, seconds: float, **_):
        self.count += event == COMPILED


def first_result(scenario: str, counter: CompileCounter) -> dict:
    """Return the seconds from building the design to the first block of results, compilation included."""
    start, before = time.perf_counter(), counter.count
    simulate(flagship_design(), flagship_scenario(scenario), seed=1, trials=np.arange(256))
    seconds = time.perf_counter() - start
    return {"scenario": scenario, "seconds": seconds, "compilations": counter.count - before}


def speed(scenario: str, trials: int, repeats: int) -> dict:
    """Return trials a second of wall time and of CPU time."""
    design, truth = flagship_design(), flagship_scenario(scenario)
    spent = repeated(lambda: simulate(design, truth, seed=2, trials=np.arange(trials)), repeats)
    return {
        "scenario": scenario,
        "trials": trials,
        **spent,
        "trials_per_second": trials / spent["wall_seconds"]["median"],
        "cpu_microseconds_each": 1e6 * spent["cpu_seconds"]["median"] / trials,
    }


def sweep(scenario: str, values: int, trials: int, counter: CompileCounter) -> dict:
    """Return the compilations of a sweep of efficacy thresholds, its first value apart."""
    counts = []
    truth = flagship_scenario(scenario)
    start = time.perf_counter()
    for shift in np.linspace(0.0, 0.02, values):
        design = flagship_design()
        design = eqx.tree_at(
            lambda d: d.rules[0].threshold, design, design.rules[0].threshold - jnp.asarray(shift)
        )
        simulate(design, truth, seed=3, trials=np.arange(trials))
        counts.append(counter.count)
    rest = counts[-1] - counts[0]
    return {"values": values, "compilations_after_the_first": rest, "seconds": time.perf_counter() - start}


def memory(scenario: str, trials: int, dtype: str) -> dict:
    """Return the peak memory of a child process."""
    command = [sys.executable, __file__, "--child", str(trials), "--dtype", dtype, "--scenario", scenario]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return {"trials": trials, "peak_mebibytes": float(done.stdout.split()[-1])}


def child() -> None:
    """Simulate, and print the peak memory of this process."""
    given = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    jax.config.update("jax_enable_x64", given["--dtype"] == "float64")
    truth = flagship_scenario(given["--scenario"])
    simulate(flagship_design(), truth, seed=4, trials=np.arange(int(given["--child"])))
    print(peak_mebibytes())


def main(options, report):
    trials = options.trials or (256 if options.quick else 10000)
    counter = CompileCounter()
    report.add(part="compile and first result", **first_result(options.scenario, counter))
    report.add(part="speed", **speed(options.scenario, trials, 2 if options.quick else 5))
    report.add(part="sweep", **sweep(options.scenario, 3 if options.quick else 20, 256, counter))
    if not options.quick:
        for name in ("flagship_both", "flagship_her2"):
            report.add(part="speed", **speed(name, trials, 3))
    size = options.memory_trials or (256 if options.quick else 100000)
    report.add(part="memory", **memory(options.scenario, size, options.dtype))


def add_options(parser):
    parser.add_argument("--trials", type=int, help="10000, or 256 with --quick")
    parser.add_argument("--memory-trials", type=int, help="100000, or 256 with --quick")
    parser.add_argument("--scenario", default="flagship_null")


if __name__ == "__main__":
    if "--child" in sys.argv:
        child()
    else:
        run("flagship_speed", __doc__.splitlines()[0], main, add_options)
