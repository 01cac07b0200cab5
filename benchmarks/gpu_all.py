"""Run every benchmark in quick-enough form on a machine with a GPU, in under eight minutes.

Each runs in a process of its own with its own budget; what one has written when its time is up is kept, and a
failure stops nothing. ``--list`` imports every script, which shows that it needs neither Hydra nor ArviZ.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGSHIP = ["--trials", "2000"]
JOBS = (
    ("cpu_gpu", [], 75),
    ("posterior_speed", ["--engine", "laplace", "--dtype", "float32"], 90),
    ("flagship_speed", ["--trials", "10000", "--memory-trials", "10000"], 100),
    ("flagship_precision", FLAGSHIP, 90),
    ("error_cost", ["--seconds", "40"], 60),
    ("posterior_speed", ["--engine", "nuts"], 45),
)
"""Script, options, seconds: 460 together."""


def arguments(script: str, options: list[str], quick: bool, folder: Path, index: int) -> list[str]:
    """Return the command of one job."""
    out = folder / f"{index}_{script}.json"
    chosen = ["--quick"] if quick else options
    if script == "flagship_precision":
        chosen = [*chosen, "--platform", _platform()]
    return [sys.executable, str(ROOT / "benchmarks" / f"{script}.py"), "--out", str(out), *chosen]


def _platform() -> str:
    import jax

    return "cuda" if jax.default_backend() == "gpu" else jax.default_backend()


def run_job(command: list[str], budget: float) -> dict:
    """Run one job within its budget, and return how it ended."""
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=budget)
        ended = "finished" if done.returncode == 0 else f"failed: {done.stderr.strip().splitlines()[-1:]}"
    except subprocess.TimeoutExpired:
        ended = "out of time; its rows so far are kept"
    return {"command": command[1:], "seconds": round(time.perf_counter() - start, 1), "ended": ended}


def list_jobs() -> None:
    """Import every script and print its budget and its question."""
    sys.path.insert(0, str(ROOT))
    for script, options, budget in JOBS:
        question = importlib.import_module(script).__doc__.splitlines()[0]
        print(f"{script} {' '.join(options)} ({budget} s): {question}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the smallest sizes")
    parser.add_argument("--list", action="store_true", help="import and name the jobs, and run none")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "gpu", help="folder")
    parser.add_argument("--only", default="", help="only scripts whose name contains this")
    options = parser.parse_args()
    if options.list:
        list_jobs()
        return
    options.out.mkdir(parents=True, exist_ok=True)
    ended = []
    for index, (script, more, budget) in enumerate(JOBS):
        if options.only in script:
            command = arguments(script, more, options.quick, options.out, index)
            ended.append({"script": script, "budget": budget, **run_job(command, budget)})
            print(json.dumps(ended[-1]), flush=True)
            (options.out / "gpu_all.json").write_text(json.dumps(ended, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
