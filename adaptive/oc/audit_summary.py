"""Count what an audit found: differences and flipped decisions with intervals.

Everything is a function of the table of ``audit_judge`` and of how many looks and trials stand behind it;
what flips do to error rates is ``audit_change``. Nothing here fits or reads a file.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from adaptive.oc.audit_change import CELL, LOOK, Behind, changes, clopper_pearson, decisions
from adaptive.oc.audit_judge import BEST

EVENTS = (0.0, 40.0, 100.0, 200.0, np.inf)
LEVELS = (0.01, 0.05, 0.5, 0.95, 0.99)
WITHIN = 1.0
"""Distance, in logits, within which a decision is told apart as near a threshold."""
STRATA = (
    ("all", 0.0, np.inf),
    ("within", 0.0, WITHIN),
    *(("band", *edges) for edges in pairwise((0.0, 0.02, 0.05, 0.1, 0.2, 0.5, WITHIN, np.inf))),
    ("unapplied", np.inf, np.inf),
)
"""Name and edges, in logits, of the distances to a threshold; infinite where no rule is applied."""


def clustered_share(found: np.ndarray, size: np.ndarray) -> dict[str, float]:
    """Return the share ``sum found / sum size`` over clusters with limits that know of the clusters.

    Decisions of one look are made on the same data, so they are no independent draws. The variance of the
    ratio over clusters gives an effective number of decisions, ``n* = p (1 - p) / variance``, at most the
    number there is; the exact limits are those of ``p n*`` in ``n*``. Where nothing or everything is found
    the variance says nothing and ``n*`` is the number of clusters, as if all decisions of a cluster agreed.

    Parameters
    ----------
    found, size
        Per cluster: decisions with the property, and decisions.

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24, 193-201.
    """
    kept = size > 0
    found, size = found[kept].astype(float), size[kept].astype(float)
    n, clusters = float(size.sum()), int(size.size)
    share = float(found.sum() / n) if n else float("nan")
    effective = float(clusters)
    if 0.0 < share < 1.0 and clusters > 1:
        rest = found - share * size
        variance = float((rest**2).sum()) * clusters / (clusters - 1) / n**2
        effective = min(share * (1.0 - share) / variance, n) if variance > 0 else n
    lower, upper = clopper_pearson(0.0 if not n else share * effective, effective if n else 0.0)
    return {"found": int(found.sum()), "n": int(n), "clusters": clusters, "share": share} | {
        "lower": lower,
        "upper": upper,
    }


def flips(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the share of flipped decisions by sample and stratum.

    ``stratum`` is ``all``; ``within``, a threshold nearer than ``WITHIN``; ``band``, a part of the distances;
    or ``unapplied``: at that look no rule was applied to the cell, so that its decision cannot differ.
    """
    table = decisions(frame)
    rows = []
    for sample in ("random", "near"):
        own = table[table[sample]]
        for stratum, low, high in STRATA:
            inside = own[(own.distance >= low) & ((own.distance < high) | (stratum in ("all", "unapplied")))]
            if len(inside):
                place = {"sample": sample, "stratum": stratum, "from": low, "to": high}
                rows.append(place | _flip_row(inside))
    return pd.DataFrame(rows)


def _flip_row(own: pd.DataFrame) -> dict:
    """Return the counts of one stratum: decisions, flips, and those beyond Monte Carlo error."""
    groups = own.groupby(LOOK, sort=False).agg(flip=("flip", "sum"), real=("real", "sum"), n=("flip", "size"))
    size = groups.n.to_numpy()
    every, real = (clustered_share(groups[name].to_numpy(), size) for name in ("flip", "real"))
    return {
        "looks": every["clusters"],
        "decisions": every["n"],
        "flips": every["found"],
        "real": real["found"],
        "undecided": every["found"] - real["found"],
        "share": every["share"],
        "lower": every["lower"],
        "upper": every["upper"],
        "real_share": real["share"],
        "real_lower": real["lower"],
        "real_upper": real["upper"],
    }


def differences(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the distribution of ``P_fast - P_nuts`` by sample, quantity and events, next to its own noise.

    ``excess`` is ``sqrt(mean d^2 - mean MCSE^2)``, the root mean square difference with the sampler's Monte
    Carlo error taken out, 0 where the noise explains all; ``excess_upper`` adds two standard errors to the
    difference of the means before the root. Standard errors count a look as one observation.
    """
    table = frame[frame.open & (frame.health == "OK")]
    table = table.drop_duplicates([*CELL, "quantity"])
    rows = []
    for sample in ("random", "near"):
        for quantity, own in table[table[sample]].groupby("quantity", sort=False):
            for low, high in [(0.0, np.inf), *pairwise(EVENTS)]:
                inside = own[(own.events >= low) & (own.events < high)]
                place = {"sample": sample, "quantity": quantity, "from": low, "to": high}
                if len(inside):
                    found = _difference_row(inside)
                    if quantity == BEST:
                        # P(best) sums to 1 over the arms, so this mean is 0 whatever the engines do.
                        found |= {"mean": float("nan"), "mean_se": float("nan")}
                    rows.append(place | {"all": (low, high) == (0.0, np.inf)} | found)
    return pd.DataFrame(rows)


def _difference_row(own: pd.DataFrame) -> dict:
    gap = (own.p_fast - own.p_nuts).to_numpy()
    noise = own.mcse.to_numpy()
    look = own.groupby(LOOK, sort=False).ngroup().to_numpy()
    excess, error = _clustered_mean(gap**2 - noise**2, look)
    mean, mean_error = _clustered_mean(gap, look)
    quantiles = np.quantile(gap, LEVELS)
    return {
        "looks": int(look.max()) + 1,
        "n": int(gap.size),
        "mean": mean,
        "mean_se": mean_error,
        **{f"q{100 * level:g}": float(value) for level, value in zip(LEVELS, quantiles, strict=True)},
        "largest": float(np.abs(gap).max()),
        "beyond": float((np.abs(gap) > 3.0 * noise).mean()),
        "mcse": float(np.sqrt((noise**2).mean())),
        "excess": float(np.sqrt(max(excess, 0.0))),
        "excess_upper": float(np.sqrt(max(excess + 2.0 * error, 0.0))),
    }


def _clustered_mean(values: np.ndarray, cluster: np.ndarray) -> tuple[float, float]:
    """Return a mean and its standard error when values of a cluster go together."""
    mean = float(values.mean())
    sums = np.bincount(cluster, values - mean)
    n = sums.size
    error = float(np.sqrt((sums**2).sum() * n / (n - 1))) / values.size if n > 1 else float("nan")
    return mean, error


def fits(frame: pd.DataFrame) -> dict:
    """Return the health of all reference fits: counts and worst values."""
    looks = frame.drop_duplicates(LOOK)
    sampler = looks.health.value_counts()
    fast = looks.fast_health.value_counts()
    return {
        "looks": len(looks),
        "random": int(looks.random.sum()),
        "near": int(looks.near.sum()),
        "both": int((looks.random & looks.near).sum()),
        "health": {name: int(n) for name, n in sampler.items()},
        "fast_health": {name: int(n) for name, n in fast.items()},
        "repeated": int((looks.attempts > 1).sum()),
        "unresolved": int((looks.health != "OK").sum()),
        "worst_rhat": float(looks.rhat.max()),
        "median_rhat": float(looks.rhat.median()),
        "least_ess": float(looks.ess.min()),
        "median_ess": float(looks.ess.median()),
        "divergences": int(looks.divergences.sum()),
        "with_divergences": int((looks.divergences > 0).sum()),
        "not_reproduced": int((~looks.reproduced).sum()),
    }


def summarise(frame: pd.DataFrame, behind: Behind) -> dict:
    """Return every table and count of an audit as plain data."""
    random = frame[frame.random & (frame.health == "OK") & frame.quantity.eq(BEST)]
    gap = (random.allocation_fast - random.allocation_nuts).abs()
    return {
        "behind": {"looks": behind.looks, "trials": behind.trials},
        "fits": fits(frame),
        "flips": flips(frame).to_dict("records"),
        "differences": differences(frame).to_dict("records"),
        "changes": changes(frame, behind).to_dict("records"),
        "allocation": {
            "mean": float(gap.mean()) if len(gap) else None,
            "largest": float(gap.max()) if len(gap) else None,
        },
    }
