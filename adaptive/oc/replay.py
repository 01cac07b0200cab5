"""One virtual trial, look by look, as readable text: what was seen, what the rules said, what was true.

The trial is simulated again from its address (seed, trial); its numbers are those of the stored rows.
What is said is ``examples_course.trial_course``, the same that the report shows; here it becomes lines.
"""

from collections.abc import Callable, Iterator

import numpy as np

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.io.frames import Tables, tables
from adaptive.oc.describe import describe_truth, labels_of
from adaptive.oc.examples_course import trial_course
from adaptive.scenario.truth import Scenario
from adaptive.simulate.drivers import simulate as simulate_trials

LARGEST = 2**32


def replay_tables(
    design: Design, scenario: Scenario, seed: int, trial: int, *, simulate: Callable = simulate_trials
) -> Tables:
    """Return the result tables of one trial, looks included, as they are stored.

    Raises
    ------
    BadInput
        If seed or trial is out of range.
    """
    faults = [
        f"{name} is {value}; give a whole number from 0 to {LARGEST - 1}"
        for name, value in (("seed", seed), ("trial", trial))
        if not 0 <= value < LARGEST
    ]
    if faults:
        raise BadInput(faults)
    result, looks = simulate(design, scenario, seed=seed, trials=np.array([trial]))
    return tables(labels_of(design), np.array([trial]), result, looks)


def replay(
    design: Design,
    scenario: Scenario,
    seed: int,
    trial: int,
    *,
    horizon: float = 24.0,
    simulate: Callable = simulate_trials,
) -> str:
    """Return one virtual trial as text.

    Parameters
    ----------
    design, scenario
        The protocol and the assumed truth.
    seed, trial
        Address of the trial.
    horizon
        Months of follow-up at which the true log hazard ratio is stated.
    simulate
        Stands in for the simulator in tests.

    Returns
    -------
    Per look: month; patients, events and exposure per cell; estimate; each rule's probability against its
    threshold and whether it fired; allocation until the next look; decision. At the end the true log hazard
    ratios beside the estimates.

    Raises
    ------
    BadInput
        If seed or trial is out of range or the horizon is not positive.
    """
    again = replay_tables(design, scenario, seed, trial, simulate=simulate)
    course = trial_course(design, again, describe_truth(design, scenario, horizon))
    lines = [f"Trial {trial} of design {design.name!r} in scenario {scenario.name!r}, seed {seed}"]
    for look in course["looks"]:
        lines += ["", *_look_lines(look)]
    return "\n".join([*lines, "", *_end_lines(course["end"])]) + "\n"


def _look_lines(look: dict) -> Iterator[str]:
    final = ", the final look" if look["is_final"] else ""
    yield f"Look {look['look']} of {look['of']}{final}, month {look['month']:.2f}, fit {look['health']}"
    if look["health"] != "OK":
        yield "  The fit is not usable: no rule is applied at this look."
    subgroup = None
    for cell in look["cells"]:
        if cell["subgroup"] != subgroup:
            subgroup = cell["subgroup"]
            yield f"  {subgroup}"
        yield from _cell_lines(cell)
    yield f"  The trial ends: {_words(look['ends'])}." if look["ends"] else "  The trial goes on."


def _cell_lines(cell: dict) -> Iterator[str]:
    """Return the lines of one arm in one subgroup."""
    data = f"{cell['patients']} patients, {cell['events']} events, {cell['exposure']:.2f} person-months"
    best = f"P(best) {_shown(cell['p_best'])}"
    yield f"    {cell['arm']}: {data}, {best}, allocation until the next look {cell['allocation']:.4f}"
    if "status" not in cell:
        return
    if cell["mean"] is None:
        yield "      no estimate"
    else:
        interval = f"95% interval {_shown(cell['lower'])} to {_shown(cell['upper'])}"
        yield f"      log HR {_shown(cell['mean'])}, SD {_shown(cell['sd'])}, {interval}"
    for rule in cell["rules"]:
        yield from ("      " + line for line in _rule_lines(rule))
    yield "      " + _decision_line(cell)


def _rule_lines(rule: dict) -> Iterator[str]:
    """Return what a rule asked of an open cell, and whether it fired; a line per measure.

    Parts that have parts are numbered; cells are named once for the rule, or per line where parts differ.
    """
    asks = rule["asks"]
    nested = any("." in ask["part"] for ask in asks)
    shared = len({ask["scope"] for ask in asks}) == 1
    scope = f", {asks[0]['scope']}" if shared and asks[0]["scope"] else ""
    kind = f"{rule['kind']} rule{'' if rule['binding'] else ' (advice)'}{scope}:"
    for number, ask in enumerate(asks):
        begin = [f"  {ask['joined']}" if number else kind]
        begin += [f"({ask['part']})"] * nested + [f"[{ask['scope']}]"] * bool(ask["scope"] and not shared)
        said = f"{' '.join(begin)} {_ask_text(ask)}"
        last = number == len(asks) - 1 and rule["applied"]
        yield f"{said}: {'FIRES' if rule['fired'] else 'does not fire'}" if last else said


def _ask_text(ask: dict) -> str:
    """Return one comparison with its value."""
    value = "nan" if ask["value"] is None else f"{ask['value']:.6f}"
    said = f"{ask['words']} = {value}, "
    if ask["threshold"] is None:
        return said + "not applied at this look"
    said += f"fires if {ask['sign']} {ask['threshold']:g}"
    least, events = ask["min_events"], ask["events"]
    return said + (f" and {least:g} events or more (has {events:g})" if events < least else "")


def _decision_line(cell: dict) -> str:
    given = f"verdict {cell['verdict']}" if cell["verdict"] != "NONE" else "no verdict"
    advised = f", advice {cell['advice']}" if cell["advice"] != "NONE" else ""
    return f"{given}{advised}; state {cell['status']}"


def _end_lines(end: dict) -> Iterator[str]:
    """Return how the trial ended and the estimates beside the truth."""
    yield (
        f"Ended in month {end['months']:.2f} after {end['looks_held']} looks: {_words(end['reason'])}; "
        f"{end['patients']} patients randomised of {end['screened']} screened, {end['events']} events"
    )
    yield f"True log HR at {end['horizon_months']:g} months beside the estimate at the deciding look:"
    for cell in end["cells"]:
        place = f"{cell['subgroup']}, {cell['arm']}"
        true = "not finite" if cell["true_log_hr"] is None else _shown(cell["true_log_hr"])
        yield f"  {place}: true {true}, {_estimate(cell)}, {cell['status']}"


def _estimate(cell: dict) -> str:
    if cell["mean"] is None:
        return "no estimate"
    return f"estimate {_shown(cell['mean'])} ({_shown(cell['lower'])} to {_shown(cell['upper'])})"


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
