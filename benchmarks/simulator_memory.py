"""Peak memory of a cell of the flagship study, by number of trials.

Each number of trials runs in a process of its own through ``oc.study.run_cell``, which streams chunks to
disk; the peak resident memory is the child's own. Writes ``benchmarks/results/simulator_memory.json``.
Run: ``python benchmarks/simulator_memory.py``.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import jax


def child(n_trials: int, chunk_size: int, dtype: str, cheap: bool) -> None:
    """Run one cell and print its peak memory in GiB."""
    jax.config.update("jax_enable_x64", dtype == "float64")
    from flagship import flagship_design, flagship_scenario
    from simulator_parts import CheapEngine, in_dtype

    from adaptive.oc.study import run_cell

    design = flagship_design(engine=CheapEngine() if cheap else None)
    with tempfile.TemporaryDirectory() as folder:
        run_cell(
            *in_dtype((design, flagship_scenario()), dtype),
            study="memory",
            seed=1,
            n_trials=n_trials,
            chunk_size=chunk_size,
            path=folder,
            resolved_config={},
            progress=False,
        )
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"trials": n_trials, "peak_gib": peak, "result_bytes": size}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    parser.add_argument("--trials", type=int, nargs="+", default=[20_000, 40_000])
    parser.add_argument("--chunk-size", type=int, default=4096)
    parser.add_argument("--cheap", action="store_true", help="a cheap engine in place of laplace")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.trials[0], options.chunk_size, options.dtype, options.cheap)
    rows = []
    for n in options.trials:
        command = [sys.executable, __file__, "--child", "--trials", str(n), "--dtype", options.dtype]
        command += ["--chunk-size", str(options.chunk_size)] + ["--cheap"] * options.cheap
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append({"chunk_size": options.chunk_size, "cheap": options.cheap, **json.loads(done.stdout)})
        print(rows[-1], flush=True)
    from simulator_parts import write

    write("simulator_memory", "peak resident memory of a cell by number of trials", options.dtype, rows)
    return None


if __name__ == "__main__":
    main()
