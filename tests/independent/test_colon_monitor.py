"""The colon-cancer trial replayed look by look: counted by hand, decisions carried, nothing seen early."""

import csv
import json
from datetime import date, timedelta

import equinox as eqx
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from adaptive.config.build import build_design
from adaptive.config.schema import register
from adaptive.errors import BadInput
from adaptive.interim.commands import DECIDED, run_analyse
from adaptive.interim.identity import design_hash
from adaptive.interim.monitor import run_monitor
from adaptive.interim.request import AnalysisRequest, MonitorRequest, Sampling
from adaptive.io.columns import ColumnMap
from tests.colon_example import COLUMNS, FOLDER, PATIENTS, NormalEngine, design

CONF = FOLDER.parents[2] / "conf"
QUICK = Sampling(engine="design")


@pytest.fixture(scope="module")
def quick_design():
    return eqx.tree_at(lambda d: d.analysis.engine, design(), NormalEngine())


@pytest.fixture(scope="module")
def replay(tmp_path_factory, quick_design):
    folder = tmp_path_factory.mktemp("replay")
    assert run_monitor(quick_design, MonitorRequest(PATIENTS, COLUMNS, QUICK), folder) == DECIDED
    records = [json.loads((place / "decision.json").read_text()) for place in sorted(folder.glob("look_*"))]
    return folder, records


def trial_rows():
    with PATIENTS.open() as stream:
        for row in csv.DictReader(stream):
            entry = date.fromisoformat(row["entry_date"])
            yield (
                row["arm"],
                row["node4"],
                entry,
                entry + timedelta(days=int(row["days"])),
                row["recurrence"] == "1",
            )


def seen_by_hand(cutoff, closed):
    """Count patients and events at a date; ``closed`` maps (node4, arm) to the date accrual to it ended."""
    patients = events = 0
    for arm, node4, entry, end, happened in trial_rows():
        stop = closed.get((node4, arm))
        if entry <= cutoff and not (stop and entry > stop):
            patients += 1
            events += happened and end <= cutoff
    return patients, events


def test_looks_come_at_the_planned_events_and_see_what_a_hand_count_sees(replay):
    _, records = replay
    closed = {}
    for record in records:
        cutoff = date.fromisoformat(record["cutoff"]["label"])
        assert seen_by_hand(cutoff, closed) == (record["totals"]["patients"], record["totals"]["events"])
        if record["stop_reason"] != "TIME_LIMIT":
            wanted = 100 * record["look"]
            assert record["totals"]["events"] >= wanted
            assert seen_by_hand(cutoff - timedelta(days=1), closed)[1] < wanted
        for cell in record["cells"]:
            if cell["verdict"]:
                closed[("0" if cell["subgroup"].startswith("up") else "1", cell["arm"])] = cutoff
        for node4 in "01":
            if (node4, "Lev") in closed and (node4, "Lev+5FU") in closed:
                closed.setdefault((node4, "Obs"), cutoff)


def test_decisions_are_final_and_handed_from_look_to_look(replay):
    _, records = replay
    state = dict.fromkeys(((c["subgroup"], c["arm"]) for c in records[0]["cells"]), "OPEN")
    for before, record in zip([None, *records], records, strict=False):
        assert (record["previous"] or {}).get("look") == (before["look"] if before else None)
        for cell in record["cells"]:
            at = cell["subgroup"], cell["arm"]
            assert cell["status_before"] == state[at]
            assert state[at] == "OPEN" or cell["status_after"] == state[at]
            state[at] = cell["status_after"]
    assert records[-1]["stop_reason"] != "RUNNING" and "OPEN" not in state.values()


def test_levamisole_is_dropped_and_the_combination_graduates(replay):
    folder, records = replay
    final = {(c["subgroup"], c["arm"]): c for c in records[-1]["cells"]}
    for subgroup in ("up to 4 nodes", "more than 4 nodes"):
        assert final[subgroup, "Lev"]["status_after"] == "FUTILITY"
        assert final[subgroup, "Lev+5FU"]["status_after"] == "EFFICACY"
    overview = (folder / "overview.html").read_text()
    assert "dropped for futility" in overview and "the arm graduates" in overview
    assert len((folder / "looks.csv").read_text().splitlines()) == 1 + 4 * len(records)


def test_first_look_is_the_analyse_command_at_that_date(replay, quick_design, tmp_path):
    _, records = replay
    run_analyse(
        quick_design,
        AnalysisRequest(PATIENTS, records[0]["cutoff"]["label"], COLUMNS, sampling=QUICK),
        tmp_path,
    )
    alone = json.loads((tmp_path / "decision.json").read_text())
    for key in ("totals", "stop_reason", "recommendation", "health"):
        assert alone[key] == records[0][key]
    for ours, theirs in zip(alone["cells"], records[0]["cells"], strict=True):
        assert ours["status_after"] == theirs["status_after"]
        assert ours["log_hr"] == pytest.approx(theirs["log_hr"], rel=1e-12)


def test_a_monitor_who_sees_a_month_ahead_is_detected(replay, quick_design, tmp_path):
    _, records = replay
    ahead = date.fromisoformat(records[0]["cutoff"]["label"]) + timedelta(days=30)
    run_analyse(quick_design, AnalysisRequest(PATIENTS, ahead.isoformat(), COLUMNS, sampling=QUICK), tmp_path)
    early = json.loads((tmp_path / "decision.json").read_text())
    expected = seen_by_hand(date.fromisoformat(records[0]["cutoff"]["label"]), {})
    assert (early["totals"]["patients"], early["totals"]["events"]) != expected


def test_a_file_without_entry_dates_cannot_be_replayed(quick_design, tmp_path):
    columns = ColumnMap(
        "id", "node4", "arm", None, end="days", end_as="days", event="recurrence", subgroups=COLUMNS.subgroups
    )
    with pytest.raises(BadInput, match="when each patient was randomised"):
        run_monitor(quick_design, MonitorRequest(PATIENTS, columns, QUICK), tmp_path)


def test_configuration_describes_the_same_protocol_and_columns():
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config", ["design=colon"]), resolve=True)
    assert design_hash(build_design(config)) == design_hash(design())
    columns = OmegaConf.to_container(OmegaConf.load(CONF / "columns" / "colon.yaml"))
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in columns.items()}
    assert ColumnMap(**values) == COLUMNS


@pytest.mark.slow
def test_nuts_passes_its_gates_and_decides_alike_at_the_first_look(replay, tmp_path):
    _, records = replay
    request = AnalysisRequest(PATIENTS, records[0]["cutoff"]["label"], COLUMNS, sampling=Sampling(seed=0))
    assert run_analyse(design(), request, tmp_path) == DECIDED
    found = json.loads((tmp_path / "decision.json").read_text())
    assert all(gate["passed"] for gate in found["diagnostics"]["gates"])
    assert (tmp_path / "posterior.nc").stat().st_size > 10_000
