"""The cells whose intervals cover the truth least often, with a sample of their intervals to look at."""

import numpy as np
import pandas as pd
from jaxtyping import Int

from adaptive.oc.load import CellResult
from adaptive.oc.source import Source

CENTILES = 100
PER_DESIGN = 2
COLUMNS = (
    *("scenario", "design", "subgroup", "arm", "truth", "centile", "lower", "upper", "covers"),
    *("coverage", "n"),
)


def zip_part(source: Source, tables: dict[str, pd.DataFrame]) -> dict:
    """Return, for the two cells of lowest coverage of every design, 100 intervals in the order of ``|z|``.

    ``z = (posterior mean - truth) / posterior SD``; the interval of centile ``c`` is that of the trial at the
    ``c``-th centile of ``|z|`` (Morris, White and Crowther 2019). Of fewer than 100 trials every one is
    there, at even steps of ``c``. ``coverage`` is the printed estimate, ``n`` the trials with an estimate.
    """
    cover = tables["estimation"]
    cover = cover[(cover.metric == "coverage") & (cover.level == "overall") & (cover.m > 0)]
    by_name = {(r.scenario, r.design): r for r in source.results}
    rows = []
    for _, own in cover.groupby("design", sort=False):
        for entry in own.nsmallest(PER_DESIGN, "estimate", keep="first").itertuples():
            rows += _intervals(by_name[entry.scenario, entry.design], entry)
    return {"tables": {"zip": pd.DataFrame(rows, columns=list(COLUMNS))}}


def _intervals(result: CellResult, entry) -> list[dict]:
    """Return the intervals of one cell."""
    s, b = result.subgroups.index(entry.subgroup), result.arms.index(entry.arm) - 1
    truth = float(result.truth.log_hr[s, b])
    mean, sd, lower, upper = (
        result.estimates[f"log_hr_{name}"][:, s, b] for name in ("mean", "sd", "lower", "upper")
    )
    known = np.flatnonzero(np.isfinite(mean) & (sd > 0))
    order = known[np.argsort(np.abs(mean - truth)[known] / sd[known], kind="stable")]
    chosen = order[_ranks(order.size)]
    place = {name: getattr(entry, name) for name in ("scenario", "design", "subgroup", "arm")}
    return [
        place
        | {
            "truth": truth,
            "centile": 100 * (c + 1) / chosen.size,
            "lower": float(lower[i]),
            "upper": float(upper[i]),
        }
        | {"covers": bool(lower[i] <= truth <= upper[i]), "coverage": entry.text, "n": int(order.size)}
        for c, i in enumerate(chosen)
    ]


def _ranks(size: int) -> Int[np.ndarray, " c"]:
    """Return the ranks of up to 100 even centiles, the middle of each hundredth."""
    count = min(CENTILES, size)
    return ((np.arange(count) + 0.5) / max(count, 1) * size).astype(int)
