"""What each metric is called in print, its unit, and how it is computed."""

METRICS: dict[str, tuple[str, str, str]] = {
    "type_i_error": (
        "Type I error",
        "probability",
        "trials that claim benefit in a cell without benefit, over all finished trials",
    ),
    "power": (
        "Power",
        "probability",
        "trials that claim benefit in a cell with benefit, over all finished trials",
    ),
    "fwer": (
        "Any false claim",
        "probability",
        "family-wise type I error: trials with at least one false claim",
    ),
    "disjunctive_power": (
        "Any true claim",
        "probability",
        "disjunctive power: trials with at least one true claim",
    ),
    "conjunctive_power": (
        "Every true claim",
        "probability",
        "conjunctive power: trials that find every benefit",
    ),
    "correct_set": (
        "Exactly the right claims",
        "probability",
        "trials that claim every true and no false benefit",
    ),
    "arm_error": (
        "Any false claim for the arm",
        "probability",
        "trials with at least one false claim for the arm, over its subgroups",
    ),
    "subgroup_error": (
        "Any false claim in the subgroup",
        "probability",
        "trials with at least one false claim in the subgroup, over the arms",
    ),
    "arm_power": (
        "Any true claim for the arm",
        "probability",
        "trials with at least one true claim for the arm, over its subgroups",
    ),
    "subgroup_power": (
        "Any true claim in the subgroup",
        "probability",
        "trials with at least one true claim in the subgroup, over the arms",
    ),
    "claim": (
        "Claim of benefit",
        "probability",
        "trials that claim benefit of some arm, true or false, over all finished trials",
    ),
    "patients": ("Patients", "patients", "randomised up to the last look"),
    "events": ("Endpoint events", "events", "observed up to the last look"),
    "months": ("Duration", "months", "from first patient in to the last look"),
    "accrual_months": ("Accrual duration", "months", "from first patient in to the last randomisation"),
    "stop": ("Stopped at the look", "probability", "trials whose last look it is, by reason"),
    "stopped_by": (
        "Stopped by the look",
        "probability",
        "trials whose last look it is or was earlier, by reason",
    ),
    "status": ("Final state of the cell", "probability", "trials that end with the cell in that state"),
    "decided_by": (
        "Decided by the look",
        "probability",
        "trials in which the cell has been decided at or before the look, by reason",
    ),
    "closed_by": (
        "Subgroup closed by the look",
        "probability",
        "trials in which every arm offered in the subgroup has been decided at or before the look",
    ),
    "given_up_early": (
        "Given up before the final look",
        "probability",
        "trials that close the cell for futility or for harm before the last planned look; "
        "at a look that comes with the last patient of the trial nobody is left to spare",
    ),
    "awaited": (
        "Accrual ended for expected success",
        "probability",
        "trials in which accrual to the cell ended early because success was expected at the final look",
    ),
    "overrun_shift": (
        "Shift by the overrun",
        "log hazard ratio",
        "over claims, posterior mean with the data up to the month in which the decision took effect, less "
        "the one that decided",
    ),
    "overrun_p_benefit": (
        "P(HR < 1) with the overrun",
        "probability",
        "over claims, mean posterior probability of benefit with the overrun",
    ),
    "overrun_upheld": (
        "Claims upheld by the overrun",
        "probability",
        "over claims, trials whose 95% interval with the overrun still excludes no effect",
    ),
    "patients_in": ("Patients in the arm", "patients", "randomised to the arm in the subgroup"),
    "patients_inferior": (
        "Patients on inferior arms",
        "patients",
        "on arms with a higher true hazard than the best arm offered in the subgroup, control included",
    ),
    "wrong_way": (
        "An inferior arm got the most patients",
        "probability",
        "trials in which some truly inferior arm, control included, has more patients than every best arm; "
        "an equal allocation does this about as often as chance, and a protected control share raises it",
    ),
    "wrong_way_experimental": (
        "An inferior experimental arm got the most",
        "probability",
        "the same among experimental arms only",
    ),
    "few_patients": (
        "Small arm",
        "probability",
        "trials that end with fewer than 10 patients on the arm in the subgroup",
    ),
    "few_at_decision": (
        "Decided on few patients",
        "probability",
        "trials in which the arm or control has fewer than 10 patients in the subgroup at the look that "
        "claims benefit or closes the cell for futility or harm, over the m trials in which one does",
    ),
    "look_month": ("Month of the look", "months", "mean over the trials that hold the look"),
    "look_patients": (
        "Patients at the look",
        "patients",
        "randomised and seen at the look, mean over the trials that hold it",
    ),
    "look_events": (
        "Endpoint events at the look",
        "events",
        "seen at the look, mean over the trials that hold it",
    ),
    "information_fraction": (
        "Information fraction",
        "ratio",
        "mean endpoint events at the look over mean endpoint events at the last planned look, over the "
        "trials that hold both; delta-method error",
    ),
    "events_per_100": (
        "Endpoint events per 100 patients",
        "events",
        "all endpoint events of all trials over all their patients, times 100; depends on how long they are "
        "followed, so a shorter trial has fewer; delta-method error",
    ),
    "ideal_percentage": (
        "Ideal design percentage",
        "per cent",
        "100 (worst - chosen) / (worst - best) of the true incidence at the horizon, mean over trials: 100 "
        "if the best arm on offer is always chosen, 0 if the worst; the arm chosen in a subgroup is, of "
        "those claimed, the one with the lowest posterior mean, else control; over all subgroups the "
        "unweighted mean of those in which arms differ",
    ),
    "allocation_after": (
        "Allocation after the look",
        "probability",
        "randomisation probability until the next look, where the subgroup still randomises",
    ),
    "example_share": (
        "Trials like an example",
        "probability",
        "trials of the design and scenario that meet the rule by which the example was found",
    ),
    "bias": ("Bias", "log hazard ratio", "mean of the posterior mean minus the true value"),
    "relative_bias": (
        "Relative bias",
        "per cent",
        "100 (mean of the posterior mean over the true value - 1): above 0 the effect is overstated, "
        "whatever its sign; only where the true log hazard ratio is at least 0.01 from 0",
    ),
    "mse": ("Mean squared error", "squared log hazard ratio", "mean of (posterior mean - true value)²"),
    "rmse": ("RMSE", "log hazard ratio", "root of the mean squared error of the posterior mean"),
    "empirical_se": (
        "Empirical SE",
        "log hazard ratio",
        "standard deviation of the posterior mean over trials",
    ),
    "posterior_sd": ("Mean posterior SD", "log hazard ratio", "mean of the posterior standard deviation"),
    "relative_se_error": (
        "Error of posterior SD",
        "per cent",
        "root mean posterior variance against the empirical SE",
    ),
    "coverage": (
        "Coverage",
        "probability",
        "trials whose central 95% posterior interval contains the true value",
    ),
    "width": (
        "Interval width",
        "log hazard ratio",
        "mean width of the central 95% posterior interval",
    ),
    "bias_eliminated_coverage": (
        "Bias-eliminated coverage",
        "probability",
        "trials whose central 95% posterior interval contains the mean of the posterior means: what coverage "
        "would be without the bias",
    ),
    "relative_precision": (
        "Relative precision",
        "per cent",
        "100 (variance of the benchmark's posterior means over the design's - 1), on the same trials; "
        "delta-method error",
    ),
    "assurance": (
        "Assurance",
        "probability",
        "probability of a true claim under the design prior: the weighted mean over scenarios, 0 where there "
        "is no benefit; over the trial, of any true claim",
    ),
    "prior_claim": (
        "Any claim under the prior",
        "probability",
        "probability of a claim under the design prior, true or false",
    ),
    "average_power": (
        "Average power",
        "probability",
        "probability of a true claim under the design prior restricted to scenarios with a benefit there",
    ),
    "average_type_i_error": (
        "Average type I error",
        "probability",
        "probability of a false claim under the design prior restricted to scenarios without benefit there; "
        "over the trial, with some cell without benefit",
    ),
    "ppv": (
        "P(effective | success)",
        "probability",
        "share of claims that are true under the design prior; over the trial, of the claims of all cells",
    ),
    "npv": (
        "P(ineffective | futility)",
        "probability",
        "share of futility stops in cells without benefit under the design prior",
    ),
    "calibration_share": (
        "Share with benefit",
        "probability",
        "of the cells whose posterior probability of benefit lies in the bin at their deciding or last look, "
        "the share in which there is one, under the design prior",
    ),
    "calibration_mean": (
        "Mean posterior probability",
        "probability",
        "mean of P(HR < 1) over the same cells",
    ),
    "decision": (
        "Final decision",
        "probability",
        "trials that end with the cell in that state, mean over scenarios and cells of the band, each with "
        "equal weight",
    ),
    "ni_error": (
        "Non-inferiority claimed beyond the margin",
        "probability",
        "trials that claim non-inferiority where the true hazard ratio is at the margin or above",
    ),
    "ni_fwer": (
        "Any non-inferiority claimed beyond the margin",
        "probability",
        "trials that claim non-inferiority in at least one cell whose true hazard ratio is at the margin or "
        "above",
    ),
    "ni_power": (
        "Non-inferiority claimed within the margin",
        "probability",
        "trials that claim non-inferiority where the true hazard ratio is below the margin",
    ),
}

STATES = {
    "NEVER_OPENED": "not offered",
    "OPEN": "left open (cannot be)",
    "EFFICACY": "efficacy",
    "FUTILITY": "futility",
    "HARM": "harm",
    "COMPLETED": "completed, no claim",
    "AWAITING": "left awaiting the final look (cannot be)",
    "PENDING": "left pending (cannot be)",
}

REASONS = {
    "EFFICACY": "all closed, some for efficacy",
    "FUTILITY": "all closed for futility",
    "HARM": "all closed, some for harm",
    "FINAL_LOOK": "final look held",
    "TIME_LIMIT": "calendar limit",
    "any": "any reason",
}

CLAIMS = (
    *("type_i_error", "power", "fwer", "disjunctive_power", "conjunctive_power", "correct_set"),
    *("arm_error", "subgroup_error", "arm_power", "subgroup_power"),
)
"""Metrics of claims, which have a twin with advice followed."""

ADVICE_SUFFIX = ", advice followed"
