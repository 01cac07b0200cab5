"""Share of flagship trials with any different decision: float32 against float64, and chunk sizes.

Each variant runs in a process of its own (``cpu_gpu.py``), because precision is set once per process.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from decisions import compare
from measuring import ROOT, run

VARIANTS = {
    "float64": ("float64", []),
    "float32": ("float32", []),
    "float64, other chunks": ("float64", ["--chunk", "{third}"]),
    "float64, half the lanes": ("float64", ["--lanes", "128"]),
}
QUESTIONS = (
    ("float32", "float64"),
    ("float64, other chunks", "float64"),
    ("float64, half the lanes", "float64"),
)


def variant(name: str, trials: int, folder: Path, platform: str) -> dict:
    """Return the decisions of one variant, made in a child process."""
    dtype, more = VARIANTS[name]
    out = folder / f"{name.replace(' ', '_').replace(',', '')}.json"
    more = [x.format(third=trials // 3) for x in more]
    command = [sys.executable, str(Path(__file__).with_name("cpu_gpu.py")), "--out", str(out)]
    command += ["--dtype", dtype, "--trials", str(trials), "--platforms", platform, *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return dict(np.load(out.with_name(f"{out.stem}_{platform}_{dtype}.npz")))


def main(options, report):
    trials = options.trials or (96 if options.quick else 10000)
    wanted = QUESTIONS[:1] if options.quick else QUESTIONS
    folder, made = options.out.parent / "flagship_precision", {}
    for pair in wanted:
        for name in pair:
            if name not in made:
                made[name] = variant(name, trials, folder, options.platform)
        report.add(variant=pair[0], against=pair[1], **compare(made[pair[0]], made[pair[1]]))


def add_options(parser):
    parser.add_argument("--trials", type=int, help="10000, or 96 with --quick")
    parser.add_argument("--platform", default="cpu", help="for example: cuda")


if __name__ == "__main__":
    run("flagship_precision", __doc__.splitlines()[0], main, add_options)
