"""Whether every model is calibrated with every engine that fits it, and what would have been caught.

Runs simulation-based calibration and planted errors, and writes ``benchmarks/results/sbc.json``. A run with
``--nuts 0`` leaves the sampler out. ``python benchmarks/sbc.py``; one line of ``cases`` per model and engine.
"""

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path

import jax

HAZARD = 0.02
FALSE_ALARM = 1e-6
NORMAL_90 = 1.2816


def cases(n, n_nuts):
    """Name, engine, model, shape, replicates, expected events."""
    import numpy as np

    from adaptive import models
    from adaptive.posterior.conjugate import ConjugateEngine
    from adaptive.posterior.laplace import LaplaceEngine
    from adaptive.posterior.nuts import NutsEngine

    prior = {"mu_scale": 1.0, "tau_scale": 0.5, "baseline_shape": 4.0, "baseline_rate": 4.0 / HAZARD}
    partial, fast = models.PartialPooling(**prior), LaplaceEngine()
    gates = {"min_ess": 1.0, "max_rhat": 2.0, "max_divergences": 1e6, "min_ebfmi": 0.0}
    sampler = NutsEngine(chains=1, warmup=200, draws=250, target_accept=0.9, **gates)
    one, two = (3, 2, 2), (3, 3, 2)
    found = [
        ("partial pooling, one arm", fast, partial, one),
        ("partial pooling, two arms", fast, partial, two),
        ("no pooling", fast, models.NoPooling(**prior), one),
        ("full pooling", fast, models.FullPooling(**prior), one),
        ("constant hazards", ConjugateEngine(), models.GammaHazards(4.0, 4.0 / HAZARD), one),
    ]
    rows = [(*case, n, (10.0, 200.0)) for case in found]
    past = {"events": np.full((3, 1), 8.0), "exposure": np.full((3, 1), 400.0), "discount": 0.5}
    mixture = {"p_exchangeable": 0.7, "nex_mean": 0.0, "nex_scale": 1.0}
    robust = {"informative_weight": 0.7, "informative_mean": -0.5, "informative_scale": 0.3}
    sampled = [
        ("partial pooling", partial, (3, 2, 1)),
        ("EXNEX", models.ExNex(**prior, **mixture), (3, 2, 1)),
        ("robust mixture", models.RobustPooling(**prior, **robust), (3, 2, 1)),
        ("nested arms", models.NestedPooling(**prior, class_scale=0.3, classes=(0, 0)), (3, 3, 1)),
        ("tau per arm", models.PerArmPooling(**prior), (3, 3, 1)),
        ("historical controls", models.HistoricalControls(partial, **past), (3, 2, 1)),
    ]
    return rows + [
        (*(name, sampler, model, shape), n_nuts, (60.0,)) for name, model, shape in sampled if n_nuts
    ]


def measure(name, engine, model, shape, n, n_events):
    """Return the verdict on one case, and the sizes of error it sees with probability 0.9."""
    import numpy as np

    from adaptive.posterior.sbc import calibrate
    from adaptive.posterior.sbc_checks import all_checks, worst
    from adaptive.posterior.sbc_draws import even_exposure
    from adaptive.posterior.sbc_power import PLANTS, critical_z, detectable, plant

    start = time.process_time()
    months = even_exposure(n_events, HAZARD, shape)
    replicates = calibrate(engine, model, months, n=n, seed=1)
    checks = all_checks(replicates)
    is_sampler = len(replicates.names) > replicates.truth.log_hr[0].size
    possible = [
        p
        for p in PLANTS
        if not (is_sampler and "posterior" in p.name)
        and ("tau" not in p.name or type(model).__name__ == "PartialPooling")
    ]
    seen = {}
    for error in possible:
        wrong = all_checks(plant(engine, model, months, error, error.size, n=n, seed=1))
        size, check = detectable(checks, wrong, error.size, FALSE_ALARM)
        seen[error.name] = {"size": size, "unit": error.unit, "check": check}
    if is_sampler:
        z = critical_z(len(checks), FALSE_ALARM) + 1.2816
        seen["posterior moved"] = {
            "size": z / np.sqrt(n),
            "unit": "posterior SD",
            "check": "closed form, one cell",
        }
    least = worst(checks)
    return {
        "case": name,
        "engine": type(engine).__name__,
        "events": n_events,
        "mean_events": float((np.asarray(replicates.truth.hazard) * months).sum(axis=(1, 2, 3)).mean()),
        "replicates": len(replicates.truth.tau),
        "not_ok": int((replicates.answer.code != 0).sum()),
        "checks": len(checks),
        "smallest_p_corrected": min(1.0, least.p_value * len(checks)),
        "smallest_p_of": least.name,
        "seen_with_probability_0.9": seen,
        "cpu_seconds": time.process_time() - start,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=16384, help="replicates of the deterministic engines")
    parser.add_argument("--nuts", type=int, default=1024, help="replicates of the sampler, 0 for none")
    parser.add_argument("--only", default="", help="part of a case's name")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "sbc.json")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    rows = []
    for name, engine, model, shape, n, levels in cases(options.n, options.nuts):
        for n_events in levels if options.only in name else ():
            rows.append(measure(name, engine, model, shape, n, n_events))
            print(json.dumps(rows[-1]), flush=True)
        jax.clear_caches()
    packages = ("jax", "numpyro", "equinox", "numpy", "scipy")
    result = {
        "question": "is every model calibrated, and what would have been caught",
        "false_alarm": FALSE_ALARM,
        "device": jax.devices()[0].device_kind,
        "versions": {"python": platform.python_version(), **{p: version(p) for p in packages}},
        "rows": rows,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
