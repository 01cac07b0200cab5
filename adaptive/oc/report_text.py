"""Sentences of the report, written from numbers. Cautious by construction: estimates, never proofs."""

from collections.abc import Mapping, Sequence

import pandas as pd

from adaptive.montecarlo import round_by_se
from adaptive.oc.load import CellResult
from adaptive.oc.margins import design_margins
from adaptive.oc.outcomes import has_advisory_rules

CAUTION = (
    "Every probability is estimated over the declared set of scenarios. The largest of several estimates is "
    "not an upper bound, and nothing here speaks for a truth that lies outside the set: estimated error "
    "rates do not amount to control of the error rate."
)

NO_DIFFERENCE = "no difference in any trial"


def percent(estimate: float, mcse: float) -> str:
    """Return a probability as per cent with its MCSE; 0% and 100% as what was seen."""
    if mcse == 0 and estimate in (0.0, 1.0):
        return "no trial at all" if estimate == 0 else "every single trial"
    shown, error = round_by_se(100 * estimate, 100 * mcse)
    return f"{shown}% (MCSE {error})"


def points(entry: pd.Series) -> str:
    """Return a difference of probabilities in percentage points."""
    if entry.estimate == 0 and entry.mcse == 0:
        return NO_DIFFERENCE
    shown, error = round_by_se(100 * entry.estimate, 100 * entry.mcse)
    return f"{shown} percentage points (MCSE {error})"


def number(entry: pd.Series, unit: str) -> str:
    """Return a mean, or a mean difference, with its MCSE and unit."""
    if entry.estimate == 0 and entry.mcse == 0:
        return NO_DIFFERENCE
    shown, error = round_by_se(entry.estimate, entry.mcse)
    return f"{shown} {unit} (MCSE {error})"


def joined(names: Sequence[str]) -> str:
    """Return names as an English list."""
    names = list(names)
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def counted(n: int, noun: str) -> str:
    """Return a count with its noun in the right number."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def of_metric(table: pd.DataFrame, metric: str, design: str, level: str = "") -> pd.DataFrame:
    """Return the trial-wide rows of one metric and design."""
    chosen = (table.metric == metric) & (table.design == design) & (table.level == level)
    return table[chosen & (table.subgroup == "all") & (table.arm == "all")]


def extremes(rows: pd.DataFrame, text, place=None) -> str:
    """Return the smallest and largest estimate with their places, or the only one.

    ``place`` names the place of a row; by default it is the scenario.
    """
    rows = rows[rows.estimate.notna()].reset_index(drop=True)
    if rows.empty:
        return "not applicable"
    place = place or (lambda entry: quoted(entry.scenario))
    low, high = rows.loc[rows.estimate.idxmin()], rows.loc[rows.estimate.idxmax()]
    if len(rows) == 1 or low.estimate == high.estimate:
        return f"{text(low)} in {place(low)}" + (" and the others" if len(rows) > 1 else "")
    return f"from {text(low)} in {place(low)} to {text(high)} in {place(high)}"


def cell_place(entry: pd.Series) -> str:
    """Return scenario, subgroup and arm of a row, as far as they are told apart."""
    parts = [str(entry[name]) for name in ("subgroup", "arm") if entry[name] != "all"]
    return ", ".join([quoted(entry.scenario), *parts])


def quoted(name: str) -> str:
    """Return a name in quotation marks."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}"


def errors_of_trial(
    tables: Mapping[str, pd.DataFrame], design: str, margins: Mapping[str, float]
) -> pd.DataFrame:
    """Return the rows of any false claim in the trial; of non-inferiority those at the margin or beyond."""
    if design not in margins:
        return of_metric(tables["claims"], "fwer", design)
    found = tables["noninferiority"]
    return found[(found.metric == "ni_fwer") & (found.design == design)]


def headline(tables: dict[str, pd.DataFrame], results: Sequence[CellResult]) -> pd.DataFrame:
    """Return one row per design: ranges over the scenarios of the numbers asked for first."""
    margins = design_margins(results)

    def as_percent(entry):
        return percent(entry.estimate, entry.mcse)

    rows = []
    for design in dict.fromkeys(result.design for result in results):
        fwer = errors_of_trial(tables, design, margins)
        highest = fwer[fwer.estimate == fwer.estimate.max()].head(1)
        claims = tables["claims"]
        cells = claims[(claims.metric == "power") & (claims.design == design)]
        patients = of_metric(tables["size"], "patients", design, "mean")
        months = of_metric(tables["size"], "months", design, "mean")
        rows.append(
            {
                "design": design,
                "Any false claim, highest": extremes(highest, as_percent),
                "Any true claim": extremes(of_metric(claims, "disjunctive_power", design), as_percent),
                "Every true claim": extremes(of_metric(claims, "conjunctive_power", design), as_percent),
                "True claim in one cell": extremes(cells, as_percent, cell_place),
                "Mean patients": extremes(patients, lambda e: number(e, "patients")),
                "Mean duration": extremes(months, lambda e: number(e, "months")),
            }
        )
    return pd.DataFrame(rows)


def summary(
    results: Sequence[CellResult], tables: dict[str, pd.DataFrame], benchmark: str | None
) -> list[dict]:
    """Return the plain-language paragraphs of the first page: each a ``text`` with a list of ``items``."""
    designs = list(dict.fromkeys(result.design for result in results))
    found = [
        _what_was_done(results, designs),
        _errors(tables, designs, design_margins(results)),
        _power(tables["claims"], designs),
        _advice(results),
        _against_benchmark(tables["paired"], designs, benchmark),
        _said(CAUTION),
    ]
    return [paragraph for paragraph in found if paragraph]


def _said(text: str, items: Sequence[str] = ()) -> dict:
    """Return one paragraph."""
    return {"text": text, "items": list(items)}


def _what_was_done(results: Sequence[CellResult], designs: Sequence[str]) -> dict:
    """Say what was simulated."""
    first = results[0]
    control, *experimental = first.arms
    sizes = sorted({result.n_trials for result in results})
    runs = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    scenarios = counted(len({result.scenario for result in results}), "scenario")
    subgroups = counted(len(first.subgroups), "subgroup")
    verb = "was" if len(designs) == 1 else "were"
    return _said(
        f"The trial compares {joined(experimental)} with {control} in {subgroups} "
        f"({joined(first.subgroups)}). "
        f"{counted(len(designs), 'design')} {verb} simulated in {scenarios}, with {runs} virtual trials "
        "for each design in each scenario. A scenario is a set of assumptions about what is true: how often "
        "the outcome occurs, how well each arm works, how fast patients enter."
    )


def _errors(tables: Mapping[str, pd.DataFrame], designs: Sequence[str], margins: Mapping[str, float]) -> dict:
    """Say how often a design makes a claim that is not true."""
    found = [_worst_error(d, errors_of_trial(tables, d, margins), margins.get(d)) for d in designs]
    items = [text for text in found if text]
    if not items:
        return _said(
            "No scenario has an arm without benefit, so this study says nothing of the type I error."
        )
    false = "A claim of benefit where there is none is the error that matters most."
    if margins:
        false = (
            "A false claim is the error that matters most: of benefit where there is none, of "
            "non-inferiority where the true hazard ratio is at the margin or above."
        )
    return _said(
        f"{false} Estimated probability of at least one such claim in a trial, in each design's least "
        "favourable scenario:",
        items,
    )


def _worst_error(design: str, rows: pd.DataFrame, margin: float | None) -> str:
    """Return the largest probability of a false claim; of non-inferiority else why it is not known."""
    if len(rows):
        worst = rows.loc[rows.estimate.idxmax()]
        said = f"{percent(worst.estimate, worst.mcse)} in {quoted(worst.scenario)}"
        return f"{design}: {said}" + (f", margin HR {margin:g}" if margin else "")
    if margin is None:
        return ""
    if margin == float("inf"):
        return f"{design}: not known; its claims are of non-inferiority on a risk difference"
    return f"{design}: not known; no scenario has a hazard ratio at its margin, {margin:g}, or above"


def _power(claims: pd.DataFrame, designs: Sequence[str]) -> dict:
    """Say how often some, and how often every benefit that is there is found, over scenarios and designs."""
    several = len(designs) > 1

    def place(entry: pd.Series) -> str:
        return quoted(entry.scenario) + (f" with {entry.design}" if several else "")

    ranges = [
        f"{words} {extremes(rows, lambda e: percent(e.estimate, e.mcse), place)}"
        for words, metric in (("at least one", "disjunctive_power"), ("all of them", "conjunctive_power"))
        if len(rows := claims[claims.metric == metric])
    ]
    if not ranges:
        return _said("No scenario has an arm with a benefit, so this study says nothing of power.")
    return _said(
        "Estimated probability of finding the true benefits, where some arm does work: "
        f"{'; '.join(ranges)}. Table 1 has the designs apart."
    )


def _advice(results: Sequence[CellResult]) -> dict | None:
    """Say which rules only advise."""
    designs = list(dict.fromkeys(r.design for r in results if has_advisory_rules(r)))
    if not designs:
        return None
    return _said(
        f"In {joined(designs)} some rules are non-binding: they advise. Error rates and power are given "
        "with the advice ignored and with it followed; the numbers above ignore it."
    )


def _against_benchmark(paired: pd.DataFrame, designs: Sequence[str], benchmark: str | None) -> dict | None:
    """Say how each design differs from the benchmark on the same virtual patients."""
    items = []
    for design in designs:
        patients = of_metric(paired, "patients", design, "difference")
        power = of_metric(paired, "disjunctive_power", design, "difference")
        if design == benchmark or patients.empty:
            continue
        parts = [f"mean patients {extremes(patients, lambda e: number(e, 'patients'))}"]
        if len(power):
            parts.append(f"probability of any true claim {extremes(power, points)}")
        items.append(f"{design}: {'; '.join(parts)}")
    if not items:
        return None
    return _said(f"Difference from the benchmark {benchmark} on the same virtual patients:", items)


def warnings(
    results: Sequence[CellResult],
    tables: dict[str, pd.DataFrame],
    parameters: pd.DataFrame,
    benchmark: str | None,
) -> list[str]:
    """Return what a reader must know before trusting the numbers; empty when there is nothing."""
    failures, found = tables["failures"], []
    flagged = parameters[parameters.flag != ""]
    if len(flagged):
        found.append(
            f"{counted(len(flagged), 'parameter value')} of {len(parameters)} without a verified source; "
            "flagged in the provenance table."
        )
    if not len(parameters):
        found.append("The configuration states no source for any of its values.")
    if failures.failed.sum():
        found.append(
            f"{counted(int(failures.failed.sum()), 'trial')} failed and are in no denominator; the table "
            "of failures shows the worst case for the error rate."
        )
    share = failures.unhealthy_looks.sum() / max(failures.looks_held.sum(), 1)
    if share:
        found.append(
            f"{share:.2%} of the looks held had a posterior fit that failed its checks; no rule fired there."
        )
    for column, text in (
        ("arrivals_exhausted", "trials ran out of simulated arrivals before their maximum: raise n_arrivals"),
        ("without_stop_reason", "trials have no stop reason: an error of the simulation"),
        ("cells_left_open", "cells were still open when their trial ended: an error of the simulation"),
    ):
        if failures[column].sum():
            found.append(f"{int(failures[column].sum()):,} {text}.")
    return found + _coverage_warnings(results, tables, benchmark)


def _coverage_warnings(results: Sequence[CellResult], tables: dict, benchmark: str | None) -> list[str]:
    """Return warnings about code state, pairing, missing cells, few trials and disagreeing blocks."""
    found = []
    if any(result.manifest.get("code", {}).get("dirty") for result in results):
        found.append("Some results come from code with uncommitted changes; the commit does not identify it.")
    if len({result.manifest.get("code", {}).get("commit") for result in results}) > 1:
        found.append("The results come from different commits of the code.")
    if benchmark is None:
        found.append("No benchmark design among the results: there are no paired comparisons.")
    designs, scenarios = {r.design for r in results}, {r.scenario for r in results}
    gaps = len(designs) * len(scenarios) - len(results)
    if gaps:
        found.append(f"{counted(gaps, 'combination')} of design and scenario not run.")
    smallest = min(result.n_trials for result in results)
    if smallest < 1000:
        found.append(
            f"As few as {smallest:,} trials per design and scenario: an error rate of 2.5% then has a Monte "
            f"Carlo standard error of {100 * (0.025 * 0.975 / smallest) ** 0.5:.1f} percentage points."
        )
    p_values = tables["splits"].p_value.dropna()
    if len(p_values) and p_values.min() < 0.001 / len(p_values):
        found.append(
            "Blocks of trials disagree more than independent trials can; see the Monte Carlo checks."
        )
    return found
