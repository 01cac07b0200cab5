"""Historical controls: discounted events and person-months of earlier trials.

A wrapper, so that it goes with every way of pooling. It must not know how the effects in it are pooled, nor
how it is fitted.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from adaptive.errors import BadInput
from adaptive.models.base import AbstractModel
from adaptive.models.drifting import Drifting
from adaptive.models.hazards import GammaHazards
from adaptive.records import EventTable


class HistoricalControls(AbstractModel):
    """A pooling model with a power prior from historical controls on the baseline hazards.

    The baseline hazard of subgroup ``s`` in interval ``j`` gets the prior
    ``Gamma(baseline_shape + discount events[s, j], baseline_rate + discount exposure[s, j])``: the likelihood
    of the historical controls to the power ``discount``. 0 ignores them, 1 takes them as patients of this
    trial. Ibrahim and Chen (2000), Statistical Science 15, 46-60, doi:10.1214/ss/1009212673; fixed power.

    With the baselines integrated out this is the model given the same table with the discounted events and
    exposure added to control, exactly. So an engine that fits ``model`` fits this by fitting
    ``augmented(table)``. The rules' counts of events are those of the trial alone.

    Attributes
    ----------
    model
        The model whose baselines they inform.
    events, exposure
        Historical control events and person-months per subgroup and interval of the model, ``(S, J)``, at
        least 0.
    discount
        The power, 0 to 1.

    Raises
    ------
    BadInput
        If ``model`` is ``GammaHazards``: there the historical controls would change the prior of ``log_hr``,
        which the program without a table could not give. Or if it drifts: they belong to no period.
    """

    model: AbstractModel
    events: Float[Array, "S J"] = eqx.field(converter=jnp.asarray)
    exposure: Float[Array, "S J"] = eqx.field(converter=jnp.asarray)
    discount: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        if isinstance(self.model, GammaHazards | HistoricalControls | Drifting):
            raise BadInput(
                f"HistoricalControls cannot hold {type(self.model).__name__}; give a model with baselines of "
                "its own, such as PartialPooling, and the sum of all historical controls"
            )

    def __call__(self, table: EventTable | None, shape: tuple[int, int, int]) -> Float[Array, "S B"]:
        """Sample ``log_hr`` and condition on ``table`` and the history; without a table on neither."""
        return self.model(None if table is None else self.augmented(table), shape)

    def augmented(self, table: EventTable) -> EventTable:
        """Return the table with the discounted historical controls added to control.

        Raises
        ------
        BadInput
            If the table has other subgroups or intervals than the historical controls.
        """
        wanted = (table.events.shape[0], table.events.shape[2])
        if self.events.shape != wanted:
            raise BadInput(
                f"HistoricalControls: {self.events.shape} subgroups and intervals came, the table has "
                f"{wanted}; give one number per subgroup and interval"
            )
        added = lambda now, past: now.at[:, 0, :].add((self.discount * past).astype(now.dtype))  # noqa: E731
        return EventTable(added(table.events, self.events), added(table.exposure, self.exposure))
