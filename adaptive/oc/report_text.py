"""Sentences of the report, written from numbers. Cautious by construction: estimates, never proofs."""

from collections.abc import Sequence

import pandas as pd

from adaptive.montecarlo import round_by_se
from adaptive.oc.load import CellResult
from adaptive.oc.outcomes import has_advisory_rules

CAUTION = (
    "Every probability is estimated over the declared set of scenarios. The largest of several estimates is "
    "not an upper bound, and nothing here speaks for a truth that lies outside the set: estimated error "
    "rates do not amount to control of the error rate."
)


def percent(estimate: float, mcse: float) -> str:
    """Return a probability as per cent with its MCSE."""
    shown, error = round_by_se(100 * estimate, 100 * mcse)
    return f"{shown}% (MCSE {error})"


def number(entry: pd.Series, unit: str) -> str:
    """Return a mean with its MCSE and unit."""
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


def extremes(rows: pd.DataFrame, text) -> str:
    """Return the smallest and largest estimate with their scenarios, or the only one."""
    if rows.empty:
        return "not applicable"
    low, high = rows.loc[rows.estimate.idxmin()], rows.loc[rows.estimate.idxmax()]
    if len(rows) == 1:
        return f"{text(low)}, {low.scenario}"
    return f"{text(low)}, {low.scenario}, to {text(high)}, {high.scenario}"


def headline(tables: dict[str, pd.DataFrame], designs: Sequence[str]) -> pd.DataFrame:
    """Return one row per design: ranges over the scenarios of the numbers asked for first."""

    def as_percent(entry):
        return percent(entry.estimate, entry.mcse)

    rows = []
    for design in designs:
        fwer = of_metric(tables["claims"], "fwer", design)
        highest = fwer[fwer.estimate == fwer.estimate.max()].head(1)
        power = of_metric(tables["claims"], "disjunctive_power", design)
        patients = of_metric(tables["size"], "patients", design, "mean")
        months = of_metric(tables["size"], "months", design, "mean")
        rows.append(
            {
                "design": design,
                "any false claim, highest": extremes(highest, as_percent),
                "any true claim, range": extremes(power, as_percent),
                "mean patients, range": extremes(patients, lambda e: number(e, "patients")),
                "mean duration, range": extremes(months, lambda e: number(e, "months")),
            }
        )
    return pd.DataFrame(rows)


def summary(
    results: Sequence[CellResult], tables: dict[str, pd.DataFrame], benchmark: str | None
) -> list[str]:
    """Return the plain-language paragraphs of the first page."""
    designs = list(dict.fromkeys(result.design for result in results))
    return [
        _what_was_done(results, designs),
        *_errors(tables["claims"], designs),
        *_power(tables["claims"], designs),
        *_advice(results),
        *_against_benchmark(tables["paired"], designs, benchmark),
        CAUTION,
    ]


def _what_was_done(results: Sequence[CellResult], designs: Sequence[str]) -> str:
    """Say what was simulated."""
    first = results[0]
    control, *experimental = first.arms
    sizes = sorted({result.n_trials for result in results})
    runs = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    scenarios = len({result.scenario for result in results})
    return (
        f"The trial compares {joined(experimental)} with {control} in {counted(len(first.subgroups), 'subgroup')} "
        f"({joined(first.subgroups)}). {counted(len(designs), 'design').capitalize()} ({joined(designs)}) "
        f"{'was' if len(designs) == 1 else 'were'} run on a computer in {counted(scenarios, 'scenario')}, with "
        f"{runs} virtual trials for each design in each scenario. A scenario is a set of assumptions "
        "about what is true: how often the outcome occurs, how well each arm works, how fast patients enter."
    )


def _errors(claims: pd.DataFrame, designs: Sequence[str]) -> list[str]:
    """Say how often a design claims a benefit that is not there."""
    parts = []
    for design in designs:
        rows = of_metric(claims, "fwer", design)
        if len(rows):
            worst = rows.loc[rows.estimate.idxmax()]
            parts.append(f"{percent(worst.estimate, worst.mcse)} with {design} (scenario {worst.scenario})")
    if not parts:
        return ["No scenario has an arm without benefit, so this study says nothing of the type I error."]
    return [
        "Claiming a benefit that is not there is the error that matters most. The estimated probability of at "
        f"least one such claim in a trial was, in each design's least favourable scenario, {joined(parts)}."
    ]


def _power(claims: pd.DataFrame, designs: Sequence[str]) -> list[str]:
    """Say how often a design finds a benefit that is there."""
    parts = []
    for design in designs:
        rows = of_metric(claims, "disjunctive_power", design)
        if len(rows):
            parts.append(f"{extremes(rows, lambda e: percent(e.estimate, e.mcse))} with {design}")
    if not parts:
        return ["No scenario has an arm with a benefit, so this study says nothing of power."]
    return [
        "Where an arm does work somewhere, the estimated probability of finding a true benefit in at least one "
        f"subgroup was {'; '.join(parts)}."
    ]


def _advice(results: Sequence[CellResult]) -> list[str]:
    """Say which rules only advise."""
    designs = list(dict.fromkeys(r.design for r in results if has_advisory_rules(r)))
    if not designs:
        return []
    return [
        f"In {joined(designs)} the rules for giving up are non-binding: they advise. Error rates and power are "
        "given with the advice ignored and with it followed."
    ]


def _against_benchmark(paired: pd.DataFrame, designs: Sequence[str], benchmark: str | None) -> list[str]:
    """Say how each design differs from the benchmark on the same virtual patients."""
    if benchmark is None or paired.empty:
        return []
    sentences = []
    for design in designs:
        patients = of_metric(paired, "patients", design, "difference")
        power = of_metric(paired, "disjunctive_power", design, "difference")
        if design == benchmark or patients.empty:
            continue
        parts = [f"mean patients differ by {extremes(patients, lambda e: number(e, 'patients'))}"]
        if len(power):
            points = extremes(power, lambda e: percent(e.estimate, e.mcse).replace("%", " percentage points"))
            parts.append(f"the probability of a true claim by {points}")
        sentences.append(
            f"Against the benchmark {benchmark}, on the same virtual patients, {design}: {joined(parts)}."
        )
    return sentences


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
            f"{counted(int(failures.failed.sum()), 'trial')} failed and are not in any denominator; the table of "
            "failures shows the worst case for the error rate."
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
