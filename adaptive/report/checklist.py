"""The items that a report on operating characteristics must answer, in our words, with where each comes from.

A list, nothing else: ``compliance`` says which of them a report answers.
"""

from dataclasses import dataclass

MUST, SHOULD = "M", "S"


@dataclass(frozen=True)
class Item:
    """One demand.

    Attributes
    ----------
    id
        Letter of the group and number in it.
    level
        ``M`` must, ``S`` should.
    title
        What the report has to show.
    origin
        Where the demand comes from, in the short names of ``ORIGINS``.
    """

    id: str
    level: str
    title: str
    origin: str


GROUPS = {
    "A": "Front matter",
    "B": "Clinical question and estimand",
    "C": "Design specification",
    "D": "Data-generating mechanism",
    "E": "Analysis model and priors",
    "F": "Computation",
    "G": "Scenario set",
    "H": "Results",
    "I": "Figures",
    "J": "Worked virtual trials",
    "K": "Sensitivity analyses",
    "L": "Reproducibility",
    "M": "Limitations",
    "N": "Clinical discussion",
    "O": "Compliance matrix",
}

ORIGINS = {
    "ACE": "CONSORT extension for adaptive designs, 2020",
    "ADEMP": "Morris, White and Crowther 2019, on simulation studies",
    "BARG": "Bayesian analysis reporting guidelines, 2021",
    "CID 2020": "FDA guidance on complex innovative designs",
    "E9(R1)": "ICH addendum on estimands, 2019",
    "E20": "ICH guideline on adaptive designs, draft of 2025",
    "EMA 2026": "concept paper on Bayesian methods",
    "FDA 2015": "clarifying statement on statistical software",
    "FDA 2019": "guidance on adaptive designs",
    "FDA 2025": "draft guidance on overall survival in oncology",
    "FDA 2026": "draft guidance on Bayesian methods",
    "OCTAVE": "on validating simulations, 2026",
    "PCORI": "methodology standards AT-1 and AT-2",
    "ROBUST": "criteria for reporting Bayesian analyses, 2005",
}
"""Short names of the sources. Several were read in summaries only; no wording is quoted."""

_ROWS = """
A1 M Title that names the design as adaptive, and its adaptations | ACE
A2 M One-page summary for readers who are no statisticians | CID 2020; E20
A3 M Version, date, commit, configuration hash, draft or frozen; do the rules predate the data | ACE; E20
A4 M Why adaptive, why Bayesian, why not simpler, and the role in the programme | E20; EMA 2026
A5 S Planned interaction with regulators | FDA practice
B1 M Estimand of each endpoint, with its five attributes | E9(R1)
B2 M Intercurrent events, each with its strategy | E9(R1); FDA 2025
B3 M True values of the estimand by large-sample simulation | ADEMP
B4 M Numbered key questions that the simulations answer | E20
C1 M Arms, control, blinding, strata, burn-in, allocation formula, floors and caps, when it changes | ACE; E20
C2 M Looks: trigger, information, expected events by subgroup | ACE; E20
C3 M Every decision rule: thresholds, order, ties, failed fits, binding or not | ACE; E20
C4 M Predictive probabilities: horizon, accrual, imputation, draws | Our inference
C5 M Subgroups: rules, borrowing, what happens when one closes | E20
C6 M Hard limits of patients, events and duration | ACE
C7 M Delays of data and decisions, and the overrun | PCORI AT-1; E20
C8 S Decision flow as a diagram, and a table of every path | Our inference
D1 M How virtual patients are made, in formulas | ADEMP; E20
D2 M Every parameter with value, unit, source and evidence tag | E20
D3 M Where the truth deliberately differs from the analysis model | ADEMP; PCORI
D4 S Simulated against published numbers, with a tolerance | OCTAVE
E1 M Likelihood, hierarchy, exchangeability, and where the code is | BARG; PCORI AT-2
E2 M Every prior with its justification; that of the spread between subgroups by itself | ROBUST; EMA 2026
E3 M Prior predictive check | BARG
E4 M What the prior and the other subgroups are worth, in events | EMA 2026
E5 M Conflict between prior and data, where a prior is informative | FDA 2026
E6 M Censoring and missing data, and their link to the estimand | E9(R1)
F1 M Settings of the computation | BARG
F2 M Health of every fit over all looks, and what a failed one means | BARG
F3 M Monte Carlo error of posterior probabilities near a threshold | BARG
F4 M Agreement with a full sampler at random looks and near the thresholds | BARG
F5 S Simulation-based calibration of the model | Our inference
F6 M Checks against independent implementations | FDA 2015
G1 M Nulls: global, partial, unequal baselines, drift, harm | FDA 2019; E20
G2 M Alternatives: uniform, in one subgroup, opposed, smallest that matters, delayed, waning | PCORI
G3 M Ranges of what is not of interest: accrual, dropout, delay, mix, competing death | PCORI AT-1
G4 M Why these ranges, and what lies outside | E20
G5 M Scenario table made from the configurations, with hashes | Our inference
H1 M Type I error by cell, arm, subgroup and trial; advice ignored and followed; one-sided | E20
H2 M Power: marginal, disjunctive, conjunctive, correct set | E20
H3 M Patients, events, duration, with their spread | E20; PCORI
H4 M Stopping by look and reason | E20
H5 M Bias, RMSE, coverage and width, overall and given success | E20; ADEMP
H6 M Allocation, small arms, patients on inferior arms, wrong direction | E20
H7 S Benefit to the patients in the trial | FDA 2019
H8 S Assurance, P(effective given success), calibration; a must where posteriors are read directly | FDA 2026
H9 M Overall survival: probability of flagging a harm | FDA 2025
H10 M False go and false stop by bands of the truth | FDA 2026, second hand
H11 M Non-inferiority at the margin, where there is such a rule | Practice
H12 M Benchmark designs beside the adaptive one | E20
H13 M Failed fits and trials, and how they were scored | ADEMP
I1 M Type I error over the null space, with its upper bound | Our reading
I2 M Power against the hazard ratio by subgroup | Our reading
I3 S Coverage by replicate | ADEMP
I4 M When trials stop | Our reading
I5 M Allocation over looks under null, alternative and drift | Our reading
I6 M Prior, likelihood and posterior of example trials | Our reading
I7 M Tornado of type I error and power | Our reading
I8 M Running estimate against the number of trials | Our reading
I9 S Distribution functions of the metrics | Our reading
I10 M Accrual and events over calendar time | Our reading
I11 M Calibration of posterior probabilities | Our reading
J M Worked virtual trials, each re-created by one command | E20; CID 2020
K M Sensitivity analyses with paired differences | E20; PCORI
L M Software, code, seeds, files, and instructions to recreate | E20; FDA 2015
M M Limitations | E20
N M Are the key questions answered? | E20
O S This matrix | Our inference
"""


def _item(line: str) -> Item:
    """Return one row of the list."""
    words, origin = line.split(" | ")
    name, level, title = words.split(" ", 2)
    return Item(name, level, title, origin)


CHECKLIST = tuple(_item(line) for line in _ROWS.strip().splitlines())
"""Every item, in order."""
