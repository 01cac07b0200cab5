"""Frozen records that flow along a look: observe, reduce, fit, weigh, decide.

Axes: ``N`` patients (padded), ``S`` subgroups, ``A`` arms (0 is control), ``B = A - 1``, ``J`` analysis
intervals, ``G`` margins, ``K`` looks. Nothing here computes; nothing here may hold a true parameter.
"""

import equinox as eqx
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray


class Snapshot(eqx.Module):
    """What a data monitor may see at one look.

    Attributes
    ----------
    subgroup, arm
        Indices, shape ``(N,)``; arm 0 is control.
    time
        Months from randomisation to the event, to censoring, or to the data cut-off, shape ``(N,)``.
    event
        Whether ``time`` is the endpoint event, shape ``(N,)``.
    observed
        Whether the row is a randomised patient; other rows are padding, shape ``(N,)``.
    entry
        Calendar month of randomisation, shape ``(N,)``; 0 throughout where it is not known.
    """

    subgroup: Int[Array, " N"]
    arm: Int[Array, " N"]
    time: Float[Array, " N"]
    event: Bool[Array, " N"]
    observed: Bool[Array, " N"]
    entry: Float[Array, " N"]


class EventTable(eqx.Module):
    """Sufficient statistics of the piecewise-exponential likelihood.

    Attributes
    ----------
    events
        Endpoint events per subgroup, arm and interval, shape ``(S, A, J)``.
    exposure
        Person-months at risk per subgroup, arm and interval, shape ``(S, A, J)``.
    """

    events: Float[Array, "S A J *R"]
    exposure: Float[Array, "S A J *R"]


class Health(eqx.Module):
    """How good one fit is. Fields that an engine does not have are NaN (floats) or 0 (counts).

    Attributes
    ----------
    code
        A ``codes.HealthCode``.
    ess
        Smallest effective sample size (bulk or tail) over the parameters.
    rhat
        Largest potential scale reduction over the parameters.
    divergences
        Number of divergent transitions.
    """

    code: Int[Array, ""]
    ess: Float[Array, ""]
    rhat: Float[Array, ""]
    divergences: Int[Array, ""]


class Evidence(eqx.Module):
    """The numbers that rules and allocation may look at; all from the data seen at this look.

    Attributes
    ----------
    statistics
        The numbers that the design's rules compare with their thresholds, such as P(HR < margin | data): one
        row per measure of each rule, in the order of the rules, shape ``(G, S, B)``.
    p_best
        Probability that the arm has the lowest hazard in the subgroup, control included, ``(S, A)``.
    mean, sd, lower, upper
        Posterior mean, SD and central 95% interval of the log hazard ratio, shape ``(S, B)``.
    patients, events, exposure
        Randomised patients, endpoint events, person-months per cell, shape ``(S, A)``.
    health
        Quality of the fit.
    """

    statistics: Float[Array, "G S B"]
    p_best: Float[Array, "S A"]
    mean: Float[Array, "S B"]
    sd: Float[Array, "S B"]
    lower: Float[Array, "S B"]
    upper: Float[Array, "S B"]
    patients: Int[Array, "S A"]
    events: Float[Array, "S A"]
    exposure: Float[Array, "S A"]
    health: Health


class Progress(eqx.Module):
    """What the trial has decided so far.

    Attributes
    ----------
    look
        Row of the threshold schedules in force; the final look always uses the last row.
    time
        Calendar month of the current (or last held) look.
    is_final
        Whether this look is the trial's last.
    status
        ``codes.CellStatus`` per cell, shape ``(S, B)``.
    decided_look
        Look at which the cell left ``OPEN``, or -1, shape ``(S, B)``.
    advice
        First verdict of a non-binding rule per cell (a ``CellStatus``), or 0, shape ``(S, B)``.
    allocation
        Randomisation probabilities in force, shape ``(S, A)``; a closed subgroup's row is zero.
    """

    look: Int[Array, ""]
    time: Float[Array, ""]
    is_final: Bool[Array, ""]
    status: Int[Array, "S B"]
    decided_look: Int[Array, "S B"]
    advice: Int[Array, "S B"]
    allocation: Float[Array, "S A"]


class FittedLook(eqx.Module):
    """One look after its fit: what a measure may read.

    Attributes
    ----------
    key
        Randomness of this look for measures that simulate.
    snapshot
        Patients as seen at the data cut-off.
    table
        Events and exposure made of them.
    posterior
        A ``posterior.base.AbstractPosterior`` of the log hazard ratios.
    progress
        What earlier looks decided, with the clock of this one.
    """

    key: PRNGKeyArray
    snapshot: Snapshot
    table: EventTable
    posterior: eqx.Module
    progress: Progress


class Decision(eqx.Module):
    """What one look decides.

    Attributes
    ----------
    status
        Cell states after the look, shape ``(S, B)``.
    verdict
        State that this look gave to the cell, or 0 if it gave none, shape ``(S, B)``.
    advice
        Verdict of a non-binding rule at this look, or 0, shape ``(S, B)``.
    allocation
        Randomisation probabilities until the next look, shape ``(S, A)``.
    reason
        ``codes.StopReason``; 0 while the trial goes on.
    """

    status: Int[Array, "S B"]
    verdict: Int[Array, "S B"]
    advice: Int[Array, "S B"]
    allocation: Float[Array, "S A"]
    reason: Int[Array, ""]


class LookRecord(eqx.Module):
    """What is kept of one look. A look that was not held has ``held`` false and is to be ignored."""

    held: Bool[Array, ""]
    time: Float[Array, ""]
    is_final: Bool[Array, ""]
    evidence: Evidence
    decision: Decision


class Overrun(eqx.Module):
    """The analysis of a cell with the data up to the month in which its deciding look took effect.

    Attributes
    ----------
    mean, sd, lower, upper
        Estimate of the log hazard ratio, shape ``(S, B)``.
    p_benefit
        P(HR < 1 | data), shape ``(S, B)``.
    """

    mean: Float[Array, "S B"]
    sd: Float[Array, "S B"]
    lower: Float[Array, "S B"]
    upper: Float[Array, "S B"]
    p_benefit: Float[Array, "S B"]


class TrialResult(eqx.Module):
    """What is kept of one trial.

    Attributes
    ----------
    reason
        ``codes.StopReason``.
    looks_held
        Number of looks held; ``last_look`` is the index of the last one.
    months
        Calendar month of the last look.
    accrual_months
        Entry time of the last randomised patient.
    screened
        Arrivals up to the month in which the last look took effect, whether or not their subgroup was open.
    arrivals_exhausted
        Whether the padded list of arrivals ran out before the design's maximum was reached.
    unhealthy_looks
        Looks held whose fit was not ``OK``.
    status, decided_look, decided_month
        Final cell states; look and month at which each was decided, shape ``(S, B)``.
    advice, advised_look
        First verdict of a non-binding rule, or 0, and the look that gave it, or -1, shape ``(S, B)``.
    awaiting_look
        Look at which accrual to the cell ended for expected success, or -1, shape ``(S, B)``.
    mean, sd, lower, upper
        Estimate of the log hazard ratio at the look that decided the cell, shape ``(S, B)``.
    patients, events, exposure
        Totals when the last look took effect, shape ``(S, A)``; without lags those of the look.
    overrun
        The analysis with the patients and follow-up between data cut-off and effect; None without lags.
    """

    reason: Int[Array, ""]
    looks_held: Int[Array, ""]
    last_look: Int[Array, ""]
    months: Float[Array, ""]
    accrual_months: Float[Array, ""]
    screened: Int[Array, ""]
    arrivals_exhausted: Bool[Array, ""]
    unhealthy_looks: Int[Array, ""]
    status: Int[Array, "S B"]
    decided_look: Int[Array, "S B"]
    decided_month: Float[Array, "S B"]
    advice: Int[Array, "S B"]
    advised_look: Int[Array, "S B"]
    awaiting_look: Int[Array, "S B"]
    mean: Float[Array, "S B"]
    sd: Float[Array, "S B"]
    lower: Float[Array, "S B"]
    upper: Float[Array, "S B"]
    patients: Int[Array, "S A"]
    events: Float[Array, "S A"]
    exposure: Float[Array, "S A"]
    overrun: Overrun | None = None
