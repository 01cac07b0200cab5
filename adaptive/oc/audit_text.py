"""What an audit found, in sentences with as many digits as their errors allow."""

from typing import Any

from adaptive.montecarlo import decimals_by_se, round_by_se

Summary = dict[str, Any]
REFITTED = (
    "A real interim analysis is fitted again with more draws while a probability that a rule compares is "
    "within 3 of its own Monte Carlo standard errors of the threshold; the audit fits again only what fails "
    "a check. So the decisions that differ, and any bound made of them, hold Monte Carlo error of NUTS that "
    "the refits of a real analysis would reduce."
)


def told(summary: Summary) -> list[str]:
    """Return the sentences about an audit: sample, fits, decisions, probabilities, claims."""
    return [
        sample_sentence(summary),
        fit_sentence(summary),
        *(decision_sentence(summary, sample) for sample in ("random", "near")),
        *([REFITTED] if summary["flips"] else []),
        *difference_sentences(summary),
        claim_sentence(summary),
    ]


def counted(n: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def share_text(share: float, lower: float, upper: float) -> str:
    """Return a share in per cent with its limits; the digits follow from the width of the interval."""
    places = decimals_by_se(100.0 * (upper - lower) / 4.0)
    shown = 1 if places is None else max(places, 0)
    return f"{100 * share:.{shown}f}% ({100 * lower:.{shown}f}% to {100 * upper:.{shown}f}%)"


def sample_sentence(summary: Summary) -> str:
    """Say what was audited and what it stands for."""
    fits, behind = summary["fits"], summary["behind"]
    return (
        f"{counted(fits['looks'], 'look')} were fitted again with NUTS, {fits['random']:,} drawn at random "
        f"and {fits['near']:,} nearest to a threshold ({fits['both']:,} are both), from "
        f"{counted(behind['looks'], 'look')} of {counted(behind['trials'], 'trial')}."
    )


def fit_sentence(summary: Summary) -> str:
    """Say how good the reference fits are; none is left out silently."""
    fits = summary["fits"]
    if not fits["looks"]:
        return "There is no reference fit."
    bad = ", ".join(f"{name} {n}" for name, n in fits["health"].items() if name != "OK")
    end = f"{fits['unresolved']} fail still ({bad}) and are counted apart" if bad else "none fails in the end"
    fast = sum(n for name, n in fits["fast_health"].items() if name != "OK")
    return (
        f"Of the NUTS fits {fits['repeated']} failed a check and were made again with more draws; {end}. "
        f"Worst R-hat {fits['worst_rhat']:.4f}, smallest effective sample size {fits['least_ess']:.0f}, "
        f"{counted(fits['divergences'], 'divergent transition')}. The audited engine's own fit was not "
        f"usable at {counted(fast, 'look')}; {counted(fits['not_reproduced'], 'look')} did not come out "
        "exactly as stored."
    )


def decision_sentence(summary: Summary, sample: str) -> str:
    """Say how many decisions differ in one sample, and how many beyond the sampler's own error."""
    name = "random looks" if sample == "random" else "the looks nearest to a threshold"
    rows = {row["stratum"]: row for row in summary["flips"] if row["sample"] == sample}
    if not rows:
        return f"No decision at {name} was audited."
    row = rows["all"]
    return (
        f"At {name} {row['flips']} of {counted(row['decisions'], 'decision')} differ: "
        f"{share_text(row['share'], row['lower'], row['upper'])}. NUTS leaves {row['undecided']} of them "
        "undecided, within 3 of its own Monte Carlo standard errors of the threshold; the other "
        f"{row['real']} are {share_text(row['real_share'], row['real_lower'], row['real_upper'])} of all."
        + _where_told(rows)
    )


def _where_told(rows: dict[str, Summary]) -> str:
    """Say how many decisions could differ: those near a threshold, and those to which no rule is applied."""
    near, none = rows.get("within"), rows.get("unapplied")
    text = ""
    if near:
        text += (
            f" {near['flips']} of them are among the {counted(near['decisions'], 'decision')} within 1 logit "
            f"of a threshold, {share_text(near['share'], near['lower'], near['upper'])} of those."
        )
    if none and none["sample"] == "random":
        text += (
            f" {counted(none['decisions'], 'decision')} cannot differ: no rule was applied to the cell at "
            "that look, for want of events or because none has a threshold there."
        )
    return text


def difference_sentences(summary: Summary) -> list[str]:
    """Say how far the probabilities are apart at random looks."""
    sentences = []
    for row in summary["differences"]:
        if row["sample"] == "random" and row["all"]:
            mean = mean_text(row)
            quantity = row["quantity"].replace(">=", "≥")
            sentences.append(
                f"{quantity}: {'mean difference ' + mean + ', ' if mean else ''}largest "
                f"{row['largest']:.3f}; root mean square {row['excess']:.4f} beyond the Monte Carlo error of "
                f"NUTS ({row['mcse']:.4f}), at most {row['excess_upper']:.4f}."
            )
    return sentences


def missing(value: float | None) -> bool:
    """Return whether a number cannot be had; a stored summary has null, a fresh one NaN."""
    return value is None or value != value


def mean_text(row: dict[str, Any]) -> str:
    """Return a mean difference with its standard error, or an empty text."""
    if missing(row["mean"]) or missing(row["mean_se"]):
        return ""
    mean, error = round_by_se(row["mean"], row["mean_se"])
    return f"{mean} (SE {error})"


def claim_sentence(summary: Summary) -> str:
    """Say what the differing decisions can do to error rates and power."""
    row, settled = (row for row in summary["changes"] if row["change"] == "any")
    if missing(row["per_trial"]):
        return "Without random looks beside the nearest ones nothing can be said of whole trials."
    every, beyond = (share_text(r["per_trial"], r["lower"], min(r["upper"], 1.0)) for r in (row, settled))
    return (
        f"Looks with a differing decision per trial: {every}, beyond NUTS's own error {beyond}. A trial that "
        "decides anything differently has at least one, so this bounds any change of a type I error or power."
    )
