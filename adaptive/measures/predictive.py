"""The predictive probability of success at the final look, by full imputation of every patient's future.

The reference form. ``predictive_information`` holds the cheap one. Nothing here decides.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax.scipy.special import betainc
from jaxtyping import Array, Float, Int

from adaptive.codes import CellStatus
from adaptive.design.measure import AbstractMeasure
from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.measures.final import FinalTest
from adaptive.measures.imputation import Assumed, complete, present_of
from adaptive.measures.predictive_lanes import where_wanted
from adaptive.posterior.draws import hazard_draws
from adaptive.records import FittedLook

SAMPLES = ("current", "maximum")
BOUNDS = ("none", "lower", "upper")
N_BISECTIONS = 40


class PredictiveProbability(AbstractMeasure):
    """The probability, given the data, that the final test will succeed.

    ``n`` times: draw hazards from the posterior; let every patient in follow-up go on under them; let
    patients enrol up to the design's maximum, or nobody; hold the final look when the design says; test.
    The value is the share of successes, or an exact (Clopper-Pearson) one-sided bound of what it estimates.
    NaN at the final look and where no cell is open, so that no rule fires.

    Attributes
    ----------
    final
        The test of the final look.
    assumed
        What the protocol assumes of the future.
    level
        Confidence of the bound.
    sample
        ``"current"``: no further patients; ``"maximum"``: up to the design's maximum. Static.
    n
        Number of imputations; static.
    bound
        ``"none"`` for the share itself, ``"lower"`` or ``"upper"``; static.

    Raises
    ------
    BadInput
        If ``sample``, ``bound`` or ``n`` is none of these.

    References
    ----------
    Broglio, Connor and Berry (2014), J Biopharm Stat 24, 685-705, doi:10.1080/10543406.2014.888569: sample
    size selection on it. Clopper and Pearson (1934), Biometrika 26, 404-413, doi:10.1093/biomet/26.4.404.
    """

    final: FinalTest
    assumed: Assumed
    level: Float[Array, ""] = eqx.field(converter=jnp.asarray, default=0.95)
    sample: str = eqx.field(static=True, default="maximum")
    n: int = eqx.field(static=True, default=100)
    bound: str = eqx.field(static=True, default="none")

    def __check_init__(self):
        if self.sample not in SAMPLES or self.bound not in BOUNDS or self.n < 1:
            raise BadInput(
                f"PredictiveProbability: sample {self.sample!r}, bound {self.bound!r}, n {self.n} is not "
                f"allowed; give one of {', '.join(SAMPLES)}, one of {', '.join(BOUNDS)}, and 1 or more"
            )

    @property
    def name(self) -> str:
        """``pp_``, the sample, the bound, the number of imputations and the final test."""
        bound = "" if self.bound == "none" else f"_{self.bound}_{float(self.level):g}"
        return f"pp_{self.sample}{bound}_{self.n}_{self.final.name}"

    @property
    def words(self) -> str:
        """The probability."""
        at = "the current sample size" if self.sample == "current" else "the maximum sample size"
        which = "" if self.bound == "none" else f"{float(self.level):.0%} {self.bound} bound of the "
        return f"{which}predictive probability at {at} of {self.final.words}"

    def value(self, design: eqx.Module, look: FittedLook) -> Float[Array, "S B"]:
        """Return the share of imputations that succeed, or its bound."""
        wanted = (look.progress.status == CellStatus.OPEN).any() & ~look.progress.is_final
        like = jnp.zeros(design.eligible.shape, jnp.int32)
        count = where_wanted(wanted, _successes, self, design, look, like=like)
        return jnp.where(wanted, bounds(self.n, self.level, self.bound)[count], jnp.nan)


def _successes(measure: PredictiveProbability, design: Design, look: FittedLook) -> Int[Array, "S B"]:
    """Return in how many imputations each cell succeeds."""
    drawing, refitting, future = jr.split(look.key, 3)
    hazards = hazard_draws(drawing, look.posterior, design.analysis.model, look.table, measure.n)
    present = present_of(design, eqx.tree_at(lambda x: x.key, look, future))
    grow = measure.sample == "maximum"

    def add(count: Int[Array, "S B"], drawn) -> tuple[Int[Array, "S B"], None]:
        number, hazard = drawn
        completed = complete(design, present, measure.assumed, hazard, number, grow=grow)
        key = jr.fold_in(refitting, number)
        return count + measure.final.succeeds(design, key, completed, look.progress), None

    numbers = jnp.arange(measure.n, dtype=jnp.int32)
    return jax.lax.scan(add, jnp.zeros(design.eligible.shape, jnp.int32), (numbers, hazards))[0]


def bounds(n: int, level: Float[Array, ""], side: str) -> Float[Array, " n_plus_1"]:
    """Return the share, or an exact bound of its expectation, for 0, 1, ..., ``n`` successes of ``n``.

    The lower bound for ``x`` is the ``1 - level`` quantile of ``Beta(x, n - x + 1)``, 0 for none; the upper
    one is one minus the lower bound for ``n - x``.
    """
    if side == "none":
        # Not divided later: a compiler may turn that into a product, which rounds otherwise.
        return jnp.asarray(np.arange(n + 1) / n, level.dtype)
    if side == "upper":
        return 1.0 - bounds(n, level, "lower")[::-1]
    x = jnp.arange(1, n + 1, dtype=level.dtype)

    def halve(_, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        left = betainc(x, n - x + 1.0, middle) < 1.0 - level
        return jnp.where(left, middle, ends[0]), jnp.where(left, ends[1], middle)

    low, high = jax.lax.fori_loop(0, N_BISECTIONS, halve, (jnp.zeros_like(x), jnp.ones_like(x)))
    return jnp.concatenate([jnp.zeros(1, x.dtype), 0.5 * (low + high)])
