"""What every benchmark shares: options, the record of the machine, repeats, and a file written as it goes.

A benchmark is ``main(options, report)``; ``run`` parses ``--quick``, ``--out`` and ``--dtype``, and stores.
Nothing here may import the package, Hydra or ArviZ, so that it works wherever JAX does.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def run(name: str, question: str, main, add_options=lambda parser: None) -> None:
    """Parse the command line, set the precision, and run ``main(options, report)``."""
    parser = argparse.ArgumentParser(description=question)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, and roughly how fast")
    parser.add_argument("--out", type=Path, default=RESULTS / f"{name}.json")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float64")
    add_options(parser)
    options = parser.parse_args()
    import jax

    jax.config.update("jax_enable_x64", options.dtype == "float64")
    report = Report(options.out, question, options)
    main(options, report)
    report.save(finished=True)
    print(f"written: {options.out}")


class Report:
    """Rows of a benchmark with the machine that made them; the file is rewritten after every row."""

    def __init__(self, path: Path, question: str, options: argparse.Namespace):
        self.path, self.rows = path, []
        given = {k: v.name if isinstance(v, Path) else v for k, v in vars(options).items() if k != "out"}
        self.head = {"question": question, "options": given, "machine": machine()}

    def add(self, **row) -> dict:
        """Store and print one row."""
        self.rows.append(row)
        print(json.dumps(row), flush=True)
        self.save(finished=False)
        return row

    def save(self, *, finished: bool) -> None:
        """Write the file by way of a temporary one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        whole = {**self.head, "finished": finished, "rows": self.rows}
        new.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
        new.replace(self.path)


def machine() -> dict:
    """Processor, cores, load, device and versions."""
    import jax

    device = jax.devices()[0]
    return {
        "processor": _processor(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "load_average_at_start": [round(x, 2) for x in os.getloadavg()],
        "platform": device.platform,
        "device": device.device_kind,
        "versions": {"python": platform.python_version(), **{p: installed(p) for p in PACKAGES}},
    }


PACKAGES = ("jax", "jaxlib", "numpyro", "equinox", "numpy")


def installed(package: str) -> str:
    """Version of a package, or that there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """Name of the processor, as the system knows it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def repeated(function, repeats: int) -> dict:
    """Return wall and CPU seconds of ``function``, which must return with its result ready."""
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return {"repeats": repeats, "wall_seconds": _spread(walls), "cpu_seconds": _spread(cpus)}


def _spread(values: list[float]) -> dict:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def peak_mebibytes() -> float:
    """Largest resident size of this process so far."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def timed_compile(jitted, *arguments):
    """Return the compiled program and the seconds that tracing and compiling took."""
    start = time.perf_counter()
    compiled = jitted.lower(*arguments).compile()
    return compiled, time.perf_counter() - start


def within(start: float, seconds: float | None) -> bool:
    """Whether fewer than ``seconds`` have passed since ``start`` (a ``perf_counter``); no budget, no end."""
    return seconds is None or time.perf_counter() - start < seconds
