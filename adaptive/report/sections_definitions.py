"""Chapter 3 in parts: why these numbers, how each is computed, its denominator, and how precise it is."""

import pandas as pd

from adaptive.report.blocks import Formula, Items
from adaptive.report.pivot import plain
from adaptive.report.section import Section, section

GROUPS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "Type I error",
        ("fwer", "arm_error", "subgroup_error", "type_i_error"),
        "A claim where there is no benefit harms patients after the trial. The trial makes several claims, "
        "so the chance of any false one counts beside that of each.",
    ),
    (
        "Power",
        ("disjunctive_power", "conjunctive_power", "correct_set", "arm_power", "subgroup_power", "power"),
        "A trial in several subgroups can succeed in one, in all, or in exactly the right ones. These are "
        "different successes, and no single number stands for them.",
    ),
    (
        "Size and time",
        ("patients", "events", "months", "accrual_months"),
        "What the trial costs. The spread counts as much as the mean: an adaptive trial is small on average "
        "and large at worst.",
    ),
    (
        "Stopping",
        ("stop", "stopped_by", "status", "decided_by", "closed_by", "given_up_early", "awaited"),
        "When and why adaptation acts: a rule that hardly ever fires brings complexity without use.",
    ),
    (
        "Allocation",
        (
            *("patients_in", "patients_inferior", "wrong_way", "wrong_way_experimental"),
            *("few_patients", "few_at_decision"),
        ),
        "Response-adaptive randomisation must show that it sends patients the right way, how often it does "
        "not, and that it leaves no arm too small to estimate.",
    ),
    (
        "Benefit of patients",
        ("events_per_100", "ideal_percentage"),
        "What patients inside the trial and those after it have of the design.",
    ),
    (
        "Estimation",
        ("bias", "relative_bias", "empirical_se", "rmse", "width", "coverage", "bias_eliminated_coverage"),
        "Adaptation and borrowing bias estimates, those of claims most of all, so each is given overall and "
        "given the decision. A hazard ratio that changes with time biases them too.",
    ),
    (
        "Bayesian",
        ("assurance", "prior_claim", "average_power", "average_type_i_error", "ppv", "npv"),
        "How much a claim, or a stop, is worth when the scenarios are weighed by how likely they are.",
    ),
    (
        "Decisions",
        ("decision",),
        "Whether the design goes and stops where it should, over bands of the true effect.",
    ),
)

FORMULAS = (
    ("Proportion", "√(p(1 − p)/n)", "Wilson limits"),
    ("Mean, bias", "s/√n", "normal limits"),
    ("Mean squared error, RMSE", "sd of the squared errors/√n; divided by 2 RMSE", "delta method"),
    ("Standard deviation", "from the fourth moment, √Var(s²)/(2s)", "holds for skewed numbers"),
    ("Empirical SE", "s/√(2(n − 1))", "normal theory"),
    (
        "Error of posterior SD",
        "100 (ModSE/EmpSE) √(Var(sd²)/(4 n ModSE⁴) + 1/(2(n − 1)))",
        "delta method",
    ),
    ("Percentile", "SD of the order statistic under resampling", "binomial limits"),
    ("Paired difference of means", "sd of the differences/√n", "same virtual patients"),
    ("Paired difference of proportions", "√(b + c − (b − c)²/n)/n", "b, c: pairs that differ either way"),
    ("Ratio of means R = ā/b̄", "sd(a − R b)/(b̄√n)", "delta method"),
    (
        "Relative precision Q − 1",
        "Q sd(d₁²/V₁ − d₂²/V₂)/√n",
        "d deviations, V variances; 2Q√((1 − r²)/n) if normal",
    ),
    (
        "Weighted over scenarios",
        "√Σᵣ(Σⱼ contribution of patient list r in scenario j)²",
        "scenarios share patients, so errors do not add",
    ),
)

DENOMINATORS = [
    "Probabilities of claims, of stopping and of final states: every finished trial, n. Failed trials are in "
    "no denominator and are counted among the failures.",
    "Numbers at a look: the trials that held the look, m of n.",
    "Numbers given a claim or a stop for futility: the trials of that kind, m of n, and none below 200.",
    "Allocation after a look: the trials in which the subgroup still randomises.",
    "Averages over the design prior and shares over bands of the truth: trials times scenarios and cells, n.",
    "Paired differences: the virtual patient lists that both designs have.",
]


def purpose_section(content: dict) -> Section:
    """Return why these characteristics are given."""
    metrics, used = content["labels"]["metrics"], _used(content)
    rows = [
        {"Group": group, "Numbers": ", ".join(metrics[n]["label"] for n in names if n in used), "Why": reason}
        for group, names, reason in GROUPS
        if any(name in used for name in names)
    ]
    return section(
        "purpose",
        "Which numbers, and why",
        [],
        plain(
            pd.DataFrame(rows),
            name="purpose",
            caption="The operating characteristics of this report and the question each group answers.",
            collapse=False,
        ),
        short="Why these",
    )


def _used(content: dict) -> set[str]:
    """Return the metrics that occur in some table."""
    return {name for frame in content["tables"].values() if "metric" in frame for name in frame.metric}


def definition_section(content: dict) -> Section:
    """Return how each number is computed."""
    used = _used(content)
    rows = [
        {"Metric": entry["label"], "Unit": entry["unit"], "Definition": entry["definition"]}
        for name, entry in content["labels"]["metrics"].items()
        if name in used and not name.endswith("_advice_applied")
    ]
    return section(
        "definitions",
        "Definitions and denominators",
        [
            "Benefit is a negative log hazard ratio against control. A cell is an arm in a subgroup; looks "
            "count from 1. With advice followed, a claim counts only if no earlier look advised to stop.",
            *content.get("horizon", {}).get("lead", []),
        ],
        plain(
            pd.DataFrame(rows),
            name="definitions",
            caption="How each number is computed.",
            collapse=len(rows) > 60,
        ),
        Items("What is divided by what:", DENOMINATORS),
        short="Definitions",
    )


def error_section(content: dict) -> Section:
    """Return how Monte Carlo standard errors are computed, and how numbers are rounded by them."""
    n = content["meta"]["n_min"]
    half = 1.96 * (0.025 * 0.975 / n) ** 0.5
    return section(
        "monte-carlo-errors",
        "Monte Carlo errors",
        [
            "Every estimate has its Monte Carlo standard error (MCSE): by how much it would vary if other "
            "virtual trials were drawn. It says nothing of how true the assumptions are. Formulas follow "
            "Morris, White and Crowther (2019), doi:10.1002/sim.8086; those marked delta method were derived "
            "for this report and are checked against a bootstrap in its tests.",
            f"With n = {n:,} trials, the fewest of a design in a declared scenario, an error rate of 2.5% "
            f"has limits of about ±{100 * half:.2g} percentage points. Other evidence rests on fewer trials "
            "where its table or caption says so: searches of nulls, sensitivity analyses, events borrowed, "
            "and numbers given a decision.",
            "Numbers are rounded by their error: the MCSE has two digits if it begins with 1 or 2, else one, "
            "and the estimate has as many decimals.",
        ],
        Formula("p̂ = x/n,  MCSE = √(p̂(1 − p̂)/n)", ["x: trials that count", "n: trials in the denominator"]),
        plain(
            pd.DataFrame(FORMULAS, columns=["Estimate", "MCSE", "Remark"]),
            name="mcse_formulas",
            caption="Monte Carlo standard errors; n is the denominator, m where the number is conditional.",
            collapse=False,
        ),
        short="Errors",
    )
