"""The protocol: everything that must be fixed before the first patient is randomised.

Numbers that a study may vary are array leaves, so a sweep over them compiles once; names, counts
that set shapes, and the kinds of rules are static. Nothing here may know the truth.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from adaptive.design.allocation import AbstractAllocation
from adaptive.design.assignment import AbstractAssignment, CompleteRandomisation
from adaptive.design.looks import AbstractLookPlan
from adaptive.design.rules import AbstractRule
from adaptive.models.base import AbstractModel
from adaptive.posterior.base import AbstractEngine


class Limits(eqx.Module):
    """Hard limits of the trial.

    Attributes
    ----------
    max_patients
        Largest number of randomised patients.
    max_per_subgroup
        Largest number of randomised patients in each subgroup, shape ``(S,)``.
    max_months
        Calendar month at which the final look is held at the latest.
    n_arrivals
        Length of the padded list of arriving patients; static. Arrivals of closed subgroups use it up.
    """

    max_patients: Int[Array, ""] = eqx.field(converter=jnp.asarray)
    max_per_subgroup: Int[Array, " S"] = eqx.field(converter=jnp.asarray)
    max_months: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    n_arrivals: int = eqx.field(static=True)


class Analysis(eqx.Module):
    """The statistical analysis of a look.

    Attributes
    ----------
    cuts
        Interval starts of the piecewise-exponential model in months, the first 0, shape ``(J,)``.
    model, engine
        The Bayesian model and the way its posterior is computed.
    periods
        Calendar starts, in months, of the blocks of entry that the model tells apart, the first 0, shape
        ``(P,)``; None if it does not. With them the intervals of the table are ``J`` intervals within each
        of ``P`` periods, periods slowest.
    """

    cuts: Float[Array, " J"] = eqx.field(converter=jnp.asarray)
    model: AbstractModel
    engine: AbstractEngine
    periods: Float[Array, " P"] | None = None


class ArmCalendar(eqx.Module):
    """Which arms enter or leave a platform trial at which look.

    Attributes
    ----------
    first
        Index of the look after which the arm randomises, or -1 from the start, shape ``(B,)``. An arm also
        enters as soon as no other arm is open.
    last
        Index of the look at which the arm has its last analysis, or -1 for the final look, shape ``(B,)``;
        the first look held after it if it is left out.
    """

    first: Int[Array, " B"] = eqx.field(converter=jnp.asarray)
    last: Int[Array, " B"] = eqx.field(converter=jnp.asarray)


class Lags(eqx.Module):
    """Delays between what happens, what is known and what is done, in months.

    Attributes
    ----------
    data
        A look at month ``t`` sees patients and follow-up as of month ``t - data``.
    decision
        A decision of a look at month ``t`` acts on patients who enter after month ``t + decision``; those who
        enter before are randomised as before (the overrun).
    """

    data: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    decision: Float[Array, ""] = eqx.field(converter=jnp.asarray)


class Design(eqx.Module):
    """One trial protocol.

    Attributes
    ----------
    name, arms, subgroups
        Labels; ``arms[0]`` is control.
    endpoint
        Names of the event channels that count as the endpoint event; every other ending censors.
    eligible
        Whether the design offers the arm in the subgroup, shape ``(S, B)``.
    assignment
        How a patient's arm is drawn from the allocation.
    calendar
        Arms that enter or leave; None if all stay from start to end.
    lags
        Delays of data and decisions; None if there are none.
    """

    name: str = eqx.field(static=True)
    arms: tuple[str, ...] = eqx.field(static=True)
    subgroups: tuple[str, ...] = eqx.field(static=True)
    endpoint: tuple[str, ...] = eqx.field(static=True)
    eligible: Bool[Array, "S B"] = eqx.field(converter=jnp.asarray)
    limits: Limits
    looks: AbstractLookPlan
    allocation: AbstractAllocation
    rules: tuple[AbstractRule, ...]
    analysis: Analysis
    assignment: AbstractAssignment = CompleteRandomisation()
    calendar: ArmCalendar | None = None
    lags: Lags | None = None
