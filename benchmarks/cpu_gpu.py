"""Do the same trials get the same decisions on every platform that there is.

Runs the trials on each platform, stores the decisions beside the result as
``<out>_<platform>_<dtype>.npz``, and compares all pairs. For files from two machines:
``python benchmarks/cpu_gpu.py --compare A.npz B.npz``.
"""

import itertools
import sys
import time

import jax
import numpy as np
from decisions import compare, decisions
from measuring import run

from adaptive.simulate.drivers import LANES


def platforms() -> list[str]:
    """Return the platforms of this machine, the processor included."""
    found = dict.fromkeys([jax.default_backend(), "cpu"])
    return list(found)


def main(options, report):
    trials = options.trials or (128 if options.quick else 2000)
    files = {}
    for platform in options.platforms or platforms():
        start = time.perf_counter()
        with jax.default_device(jax.devices(platform)[0]):
            made = decisions(trials, scenario=options.scenario, lanes=options.lanes, chunk=options.chunk)
        path = options.out.with_name(f"{options.out.stem}_{platform}_{options.dtype}.npz")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **made)
        files[platform] = made
        report.add(platform=platform, trials=trials, file=path.name, seconds=time.perf_counter() - start)
    for one, other in itertools.combinations(files, 2):
        report.add(compared=[one, other], **compare(files[one], files[other]))


def compare_files(one: str, other: str) -> None:
    """Print how two stored files differ."""
    print(compare(dict(np.load(one)), dict(np.load(other))))


def add_options(parser):
    parser.add_argument("--trials", type=int, help="2000, or 128 with --quick")
    parser.add_argument("--scenario", default="flagship_both")
    parser.add_argument("--lanes", type=int, default=LANES, help="trials per compiled block")
    parser.add_argument("--chunk", type=int, help="trials per call of the simulator; all by default")
    parser.add_argument("--platforms", nargs="+", help="for example: cpu cuda")
    parser.add_argument("--compare", nargs=2, metavar="FILE", help="compare two stored files and do no more")


if __name__ == "__main__":
    if "--compare" in sys.argv:
        compare_files(*sys.argv[sys.argv.index("--compare") + 1 :][:2])
    else:
        run("cpu_gpu", __doc__.splitlines()[0], main, add_options)
