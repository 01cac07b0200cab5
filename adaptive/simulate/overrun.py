"""The second analysis of a look whose decision takes effect later than its data end.

Between the data cut-off of a look and the month in which its decision acts, patients enter and events happen.
A cell that the look closes is reported twice: by the data of the decision, and with that overrun. Nothing
here decides.
"""

import jax.numpy as jnp
import jax.random as jr
from jaxtyping import Array, Bool, PRNGKeyArray

from adaptive.analysis import fit_look
from adaptive.design.protocol import Design
from adaptive.records import Evidence, Overrun, Snapshot
from adaptive.weigh import weigh


def missing_overrun(like: Array) -> Overrun:
    """Return the overrun of cells that no look has closed; ``like`` has shape ``(S, B)``."""
    nan = jnp.full_like(like, jnp.nan)
    return Overrun(nan, nan, nan, nan, nan)


def weigh_overrun(key: PRNGKeyArray, design: Design, snapshot: Snapshot, patients: Array) -> Evidence:
    """Analyse the patients and follow-up up to the month in which the decision acts.

    Returns
    -------
    Evidence
        Its one statistic is P(HR < 1).
    """
    table, posterior = fit_look(jr.fold_in(key, 1), design, snapshot)
    return weigh(posterior, table, patients, jnp.ones(1, table.exposure.dtype))


def kept_overrun(evidence: Evidence, newly: Bool[Array, "S B"], before: Overrun) -> Overrun:
    """Return the overrun analysis of the cells closed at this look, and what was known of the others."""
    choose = lambda new, old: jnp.where(newly, new, old)  # noqa: E731
    return Overrun(
        mean=choose(evidence.mean, before.mean),
        sd=choose(evidence.sd, before.sd),
        lower=choose(evidence.lower, before.lower),
        upper=choose(evidence.upper, before.upper),
        p_benefit=choose(evidence.statistics[0], before.p_benefit),
    )
