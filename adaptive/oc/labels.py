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
    "allocation_after": (
        "Allocation after the look",
        "probability",
        "randomisation probability until the next look, where the subgroup still randomises",
    ),
    "bias": ("Bias", "log hazard ratio", "mean of the posterior mean minus the true value"),
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

ADVICE_SUFFIX = ", advice followed"
