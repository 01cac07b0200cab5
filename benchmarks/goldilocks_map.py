"""The error of the cheap predictive probability, against full imputation, over the information fraction.

Looks of simulated trials of the goldilocks design, four sizes of the truth, each measured in both forms on
the same data. The figure is drawn from the stored rows.
"""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import matplotlib
import numpy as np
from goldilocks import parts_of
from measuring import ROOT, run

from adaptive.analysis import fit_look
from adaptive.design.decide import initial_progress
from adaptive.measures.predictive import PredictiveProbability
from adaptive.measures.predictive_information import PredictiveInformation
from adaptive.records import FittedLook, Snapshot

matplotlib.use("svg")
import matplotlib.pyplot as plt

SIZES = (50, 75, 100, 150, 200, 250, 290)
TESTS = {"log_rank": "log-rank", "bayesian": "Bayesian"}
RATIOS = (0.45, 0.6, 0.8, 1.0)
FIGURE = ROOT / "docs" / "images" / "predictive_error.svg"


def add_options(parser) -> None:
    parser.add_argument("--imputations", type=int, default=2000)
    parser.add_argument("--looks", type=int, default=64, help="looks per size and hazard ratio")


def look_of(design, key, size: jax.Array, ratio: jax.Array) -> FittedLook:
    """Return a look when ``size`` patients have been enrolled, 5 a month, each followed for a year."""
    n = design.limits.n_arrivals
    place = jnp.arange(n)
    arrives, happens = jr.split(key)
    entry = jnp.cumsum(jr.exponential(arrives, (n,))) / 5.0
    observed, arm = place < size, place % 2
    cutoff = entry[size - 1]
    drawn = jr.exponential(happens, (n,)) / (0.1003 * jnp.where(arm == 1, ratio, 1.0))
    seen = jnp.minimum(12.0, jnp.maximum(cutoff - entry, 0.0))
    time = jnp.minimum(drawn, seen)
    subgroup = jnp.zeros(n, jnp.int32)
    snapshot = Snapshot(subgroup, arm.astype(jnp.int32), time, (drawn <= seen) & observed, observed, entry)
    table, posterior = fit_look(key, design, snapshot)
    progress = eqx.tree_at(lambda p: p.time, initial_progress(design), cutoff)
    return FittedLook(key, snapshot, table, posterior, progress)


def main(options, report) -> None:
    for final in TESTS:
        design, _ = parts_of("goldilocks", "goldilocks_null", final)
        for sample, rule in (("maximum", 0), ("current", 1)):
            test = design.rules[rule].measure
            n = 200 if options.quick else options.imputations
            full = PredictiveProbability(test.final, test.assumed, sample=sample, n=n)
            cheap = PredictiveInformation(test.final, test.assumed, sample=sample)

            @eqx.filter_jit
            def both(keys, size, ratio, full=full, cheap=cheap, design=design):
                def one(key):
                    look = look_of(design, key, size, ratio)
                    more = cheap._further(design, look)[0, 0]
                    now = 1.0 / look.posterior.moments()[1][0, 0] ** 2
                    pair = full.value(design, look)[0, 0], cheap.value(design, look)[0, 0]
                    return jnp.stack([*pair, now / (now + more)])

                return jax.vmap(one)(keys)

            for size in SIZES:
                # As arrays: Python numbers would be static and compile a program each.
                found = [
                    np.asarray(
                        both(
                            jr.split(jr.key(100 * size + k), options.looks),
                            jnp.asarray(size),
                            jnp.asarray(ratio),
                        )
                    )
                    for k, ratio in enumerate(RATIOS)
                ]
                report.add(**summary(np.concatenate(found), n, final, sample, size))
    draw(report.rows, FIGURE)


def summary(found: np.ndarray, n: int, final: str, sample: str, size: int) -> dict:
    """Return errors of the cheap form; imputation's own error is taken out of the root mean square."""
    imputed, cheap, fraction = found.T
    gap = cheap - imputed
    noise = np.mean(imputed * (1 - imputed)) / n
    return {
        "final_test": final,
        "sample": sample,
        "patients": size,
        "looks": len(gap),
        "information_fraction": float(fraction.mean()),
        "bias": float(gap.mean()),
        "rms_error": float(np.sqrt(max(np.mean(gap**2) - noise, 0.0))),
        "p95_abs_error": float(np.quantile(np.abs(gap), 0.95)),
        "largest_abs_error": float(np.abs(gap).max()),
        "other_side_of_0.1": float(np.mean((imputed < 0.1) != (cheap < 0.1))),
        "other_side_of_0.9": float(np.mean((imputed > 0.9) != (cheap > 0.9))),
    }


def draw(rows: list[dict], path: Path) -> None:
    """Draw the errors over the information fraction, a panel per final test."""
    plt.rcParams.update(
        {
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.hashsalt": "predictive_error",
            "svg.fonttype": "none",
            "font.size": 9,
        }
    )
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 4.0), sharey=True, layout="constrained")
    for axis, final in zip(axes, TESTS, strict=True):
        for sample, colour, marker in (("maximum", "#0b6e6e", "o"), ("current", "#b3541e", "s")):
            mine = [r for r in rows if r["final_test"] == final and r["sample"] == sample]
            x = [r["information_fraction"] for r in mine]
            for name, style in (("rms_error", "-"), ("p95_abs_error", ":")):
                y = [r[name] for r in mine]
                axis.plot(x, y, color=colour, linestyle=style, marker=marker, markersize=4)
                axis.annotate(
                    f"{sample}, {'root mean square' if style == '-' else '95th percentile'}",
                    (x[0], y[0]),
                    xytext=(6, 4),
                    textcoords="offset points",
                    ha="left",
                    color=colour,
                    fontsize=8,
                )
        axis.set_title(f"Final test: {TESTS[final]}", loc="left", fontsize=10)
        axis.set_ylim(bottom=0.0)
    axes[0].set_ylabel("error of the cheap form")
    figure.supxlabel("information fraction", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    run("goldilocks_map", "How wrong is the cheap predictive probability?", main, add_options)
