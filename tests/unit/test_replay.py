"""A replayed trial has the numbers of its stored rows, and says why each rule fired."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from adaptive.codes import CellStatus
from adaptive.errors import BadInput
from adaptive.oc.replay import replay, replay_tables
from adaptive.oc.study import run_cell
from tests.toy import ARMS, SUBGROUPS, toy_design, toy_scenario

SCENARIO = toy_scenario(((-0.7, 0.0), (0.0, 0.6)))
N = 40


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    cell = run_cell(
        toy_design(),
        SCENARIO,
        study="s",
        seed=9,
        n_trials=N,
        chunk_size=N,
        path=tmp_path_factory.mktemp("replay"),
        resolved_config={},
        keep_looks=True,
        progress=False,
    )
    return {name: pq.read_table(cell / f"{name}.parquet") for name in ("trials", "cells", "looks")}


def _rows(table: pa.Table, trial):
    return table.filter(pc.equal(table["trial"], trial)).to_pylist()


@pytest.fixture(scope="module")
def chosen(stored):
    """Trials that between them show efficacy, harm, futility and the final look."""
    trials = set()
    for status in ("EFFICACY", "FUTILITY", "HARM", "COMPLETED"):
        hits = stored["cells"].filter(pc.equal(stored["cells"]["status"], status))["trial"].to_pylist()
        trials.update(hits[:1])
    assert len(trials) >= 3
    return sorted(trials)


def test_replay_equals_the_stored_rows(stored, chosen):
    for trial in chosen:
        again = replay_tables(toy_design(), SCENARIO, 9, trial)
        for name in ("trials", "cells", "looks"):
            assert getattr(again, name).to_pylist() == _rows(stored[name], trial)


def _blocks(text):
    """Split the text into looks: month, and per subgroup and arm the block of lines."""
    for part in re.split(r"\n\nLook ", text)[1:]:
        lines = part.split("\n\n")[0].splitlines()
        cells, subgroup, arm = {}, None, None
        for line in lines[1:]:
            if found := re.fullmatch(r"  (\w+)", line):
                subgroup = found[1]
            elif found := re.match(r"    (\w+): ", line):
                arm = found[1]
                cells[subgroup, arm] = [line]
            elif line.startswith("      "):
                cells[subgroup, arm].append(line)
        yield lines[0], cells


def test_the_text_shows_the_stored_numbers(stored, chosen):
    for trial in chosen:
        rows = iter(_rows(stored["looks"], trial))
        for head, cells in _blocks(replay(toy_design(), SCENARIO, 9, trial)):
            assert list(cells) == [(s, a) for s in SUBGROUPS for a in ARMS]
            for lines in cells.values():
                _check_cell(head, lines, next(rows))
        assert next(rows, None) is None


def _check_cell(head, lines, row):
    text = "\n".join(lines)
    assert head.startswith(f"{row['look'] + 1} of ") and f"month {row['month']:.2f}" in head
    assert f"{row['patients']} patients, {row['events']} events, {row['exposure']:.2f} person-months" in text
    assert f"allocation until the next look {row['allocation']:.4f}" in text
    if row["status"] == "CONTROL":
        return
    assert f"log HR {row['log_hr_mean']:.4f}" in text
    assert f"{row['log_hr_lower']:.4f} to {row['log_hr_upper']:.4f}" in text
    assert f"state {row['status']}" in text
    shown = row["verdict"] if row["verdict"] != "NONE" else None
    assert (f"verdict {shown}" in text) if shown else ("no verdict" in text)
    fired = [line.split()[0].upper() for line in lines if line.endswith(": FIRES")]
    if shown in ("EFFICACY", "FUTILITY", "HARM"):
        assert shown in fired
    else:
        assert not fired
    for line in lines:
        if line.strip().startswith("efficacy"):
            assert f"P(HR < 1) = {row['p_below_1']:.6f}" in line
        if line.strip().startswith("harm"):
            assert f"P(HR ≥ 1) = {1 - row['p_below_1']:.6f}" in line


def test_the_end_shows_truth_beside_estimates(stored, chosen):
    trial = chosen[0]
    text = replay(toy_design(), SCENARIO, 9, trial, horizon=18.0)
    end = text[text.index("Ended in month") :]
    assert "True log HR at 18 months" in end
    assert "red, low: true -0.7000" in end and "blue, high: true 0.6000" in end
    for row in _rows(stored["cells"], trial):
        if row["status"] not in ("CONTROL", "NEVER_OPENED"):
            assert f"estimate {row['log_hr_mean']:.4f}" in end and row["status"] in CellStatus.__members__
    assert f"{_rows(stored['trials'], trial)[0]['patients']} patients randomised" in end


def test_planted_bug_the_neighbouring_trial_would_be_noticed(stored, chosen):
    wrong = replay_tables(toy_design(), SCENARIO, 9, chosen[0] + 1)
    assert wrong.cells.drop_columns("trial").to_pylist() != [
        {key: value for key, value in row.items() if key != "trial"}
        for row in _rows(stored["cells"], chosen[0])
    ]


def test_addresses_out_of_range_are_refused():
    with pytest.raises(BadInput) as caught:
        replay(toy_design(), SCENARIO, -1, 2**32)
    assert len(caught.value.faults) == 2
