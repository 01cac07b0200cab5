"""Calibrates a small design under many seeds: thresholds must spread as stated, fresh trials confirm them.

Run ``python benchmarks/calibration.py`` in the repository; writes ``benchmarks/results/calibration.json``,
prints
the table of docs/calibration_of_thresholds.md. Takes about three CPU minutes.
"""

import json
import sys
import time
from pathlib import Path

import jax
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
jax.config.update("jax_enable_x64", True)

from adaptive.oc.calibrate import Request, calibrate  # noqa: E402
from adaptive.oc.calibrate_errors import Plan  # noqa: E402
from adaptive.oc.calibrate_found import Aim  # noqa: E402
from tests.calibration_example import (  # noqa: E402
    N_SEEDS,
    TARGET,
    repeated,
    scatter,
    scatter_limits,
    small_design,
    small_null,
    spread,
    spread_limits,
)

RESULTS = Path(__file__).parent / "results" / "calibration.json"
N_CONFIRM = 20_000
CASES = [
    ("constant", "auto", False, 4096),
    ("constant", "auto", False, 20_000),
    ("obrien_fleming", "auto", False, 20_000),
    ("own", "auto", False, 20_000),
    ("constant", "auto", True, 20_000),
    ("constant", "again", False, 4096),
]


def measure(shape, method, conservative, n):
    begun = time.process_time()
    request = Request(Aim(TARGET, conservative=conservative), shape, None, method)
    found = repeated(n, N_CONFIRM, request=request)
    c = np.array([one.found.c for one in found])
    errors = np.array([one.confirmed.worst.count / N_CONFIRM for one in found])
    verdicts = [one.confirmed.verdict for one in found]
    return {
        "shape": shape,
        "method": found[0].found.method,
        "conservative": conservative,
        "trials": n,
        "seeds": len(found),
        "c": float(c.mean()),
        "sd": float(c.std(ddof=1)),
        "stated": float(np.sqrt(np.mean([one.found.mcse**2 for one in found]))),
        "spread": spread(found),
        "scatter": scatter([one.confirmed.worst.count for one in found], N_CONFIRM, n),
        "error": float(errors.mean()),
        "error_mcse": float(errors.std(ddof=1) / np.sqrt(len(found))),
        "largest": float(errors.max()),
        "verdicts": {name: verdicts.count(name) for name in ("below", "covers", "above")},
        "cpu_seconds": time.process_time() - begun,
    }


def many(n=4096, n_seeds=200):
    """Thresholds alone under many seeds: their spread, and how often limits hold the truth."""
    protocol = small_design()
    nulls = [small_null(protocol)]
    request = Request(Aim(TARGET))
    found = [calibrate(protocol, 0, nulls, request, Plan(9000 + i, n)).found for i in range(n_seeds)]
    c = np.array([one.c for one in found])
    stated = np.mean([one.mcse**2 for one in found])
    truth = calibrate(protocol, 0, nulls, request, Plan(8999, 400_000)).found
    return {
        "seeds": n_seeds,
        "trials": n,
        "sd": float(c.std(ddof=1)),
        "stated": float(np.sqrt(stated)),
        "chi_squared": float(((c - c.mean()) ** 2).sum() / stated),
        "degrees": n_seeds - 1,
        "c_of_400000_trials": [truth.c, truth.mcse],
        "held": float(np.mean([one.lower <= truth.c <= one.upper for one in found])),
    }


def main():
    rows = [measure(*case) for case in CASES]
    content = {"target": TARGET, "n_confirm": N_CONFIRM, "rows": rows, "many": many()}
    content |= {"spread_limits": spread_limits(), "scatter_limits": scatter_limits(), "seeds": N_SEEDS}
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    for r in rows:
        kind = r["shape"] + (", conservative" if r["conservative"] else "")
        print(
            f"| {kind} | {r['method']} | {r['trials']:,} | "
            f"{r['c']:.4f} | {r['sd']:.4f} | {r['stated']:.4f} | "
            f"{r['spread']:.1f} | {r['error']:.5f} ({r['error_mcse']:.5f}) | {r['largest']:.5f} | "
            f"{r['verdicts']['below']} / {r['verdicts']['covers']} / {r['verdicts']['above']} |"
        )
    print("limits of the spread:", spread_limits(), "of the scatter:", scatter_limits())


if __name__ == "__main__":
    main()
