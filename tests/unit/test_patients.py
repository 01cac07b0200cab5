"""Reading patient files: what is accepted, what is refused and how, and what a cut-off shows."""

from dataclasses import replace

import numpy as np
import pytest

from adaptive.errors import BadInput
from adaptive.io.columns import DAYS_PER_MONTH, ColumnMap
from adaptive.io.delimited import neutralise, restore, write_rows
from adaptive.io.patients import cut, cutoff_label, parse_cutoff, read_patients

ARMS, GROUPS = ("control", "drug"), ("A", "B")
DATES = ColumnMap(entry="entry", entry_as="date", end="end", end_as="date")
HEADER = "patient,subgroup,arm,entry,end,event\n"
GOOD = HEADER + (
    "p1,A,control,2026-01-01,2026-05-01,1\n"
    "p2,A,drug,2026-01-15,2026-07-01,0\n"
    "p3,B,control,2026-02-01,2026-03-01,1\n"
    "p4,B,drug,2026-03-01,2026-06-01,1\n"
)


def read(tmp_path, text, columns=DATES, encoding="utf-8"):
    path = tmp_path / "trial.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_patients(path, columns, ARMS, GROUPS)


def test_dates_become_days_since_the_first_patient(tmp_path):
    data = read(tmp_path, GOOD)
    assert data.clock == "days" and data.origin.isoformat() == "2026-01-01"
    assert data.frame["entry"].tolist() == [0, 14, 31, 59]
    assert data.frame["time"].tolist() == [120, 167, 28, 92]
    assert data.frame["event"].tolist() == [True, False, True, True]


@pytest.mark.parametrize(
    "unit, per_day", [("days", 1.0), ("weeks", 7.0), ("months", DAYS_PER_MONTH), ("years", 365.25)]
)
def test_every_unit_of_time_since_entry(tmp_path, unit, per_day):
    columns = replace(DATES, end_as=unit)
    data = read(tmp_path, HEADER + "p1,A,drug,2026-01-01,2.5,1\n", columns)
    assert data.frame["time"].item() == 2.5 * per_day


def test_months_stay_exact(tmp_path):
    columns = replace(DATES, entry_as="months", end_as="months")
    data = read(tmp_path, HEADER + "p1,A,drug,0.10000000000000001,7.3,1\n", columns)
    assert data.clock == "months" and data.origin is None
    assert (data.frame["entry"].item(), data.frame["time"].item()) == (0.1, 7.3)


def test_labels_and_event_codes_are_mapped(tmp_path):
    text = (
        HEADER.replace(",", ";")
        + "p1;1;ctl;01.02.2026;05.02.2026;dead\np2;2;drug;01.02.2026;05.02.2026;lost\n"
    )
    columns = replace(
        DATES,
        delimiter=";",
        date_format="%d.%m.%Y",
        arms={"ctl": "control"},
        subgroups={"1": "A", "2": "B"},
        event_values=("dead", "relapse"),
        censored_values=("alive", "lost"),
    )
    frame = read(tmp_path, text, columns).frame
    assert frame[["subgroup", "arm", "event"]].to_numpy().tolist() == [
        ["A", "control", True],
        ["B", "drug", False],
    ]


def broken(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


DAYS = replace(DATES, end_as="days")
BROKEN = {
    "missing column": (GOOD.replace("event\n", "evnt\n"), DATES, "did you mean 'evnt'"),
    "duplicate patient": (broken("p4", "p1"), DATES, "rows 2 and 5: patient 'p1' occurs 2 times"),
    "unknown arm": (
        broken("p2,A,drug", "p2,A,drugg"),
        DATES,
        "row 3: arm 'drugg' is not an arm of the design; allowed: 'control', 'drug'; did you mean 'drug'",
    ),
    "unknown subgroup": (
        broken("p3,B", "p3,C"),
        DATES,
        "row 4: subgroup 'C' is not a subgroup of the design; allowed: 'A', 'B'",
    ),
    "unparsable date": (
        broken("2026-07-01", "07/01/2026"),
        DATES,
        "row 3: end '07/01/2026' is not a date written like 2026-06-30",
    ),
    "impossible date": (broken("2026-07-01", "2026-02-30"), DATES, "row 3: end '2026-02-30' is not a date"),
    "event before entry": (
        broken("2026-05-01", "2025-12-31"),
        DATES,
        "row 2: end '2025-12-31' puts the event before randomisation",
    ),
    "contact before entry": (
        broken("2026-07-01", "2026-01-14"),
        DATES,
        "row 3: end '2026-01-14' puts the last contact before randomisation",
    ),
    "negative time": (HEADER + "p1,A,drug,2026-01-01,-3,1\n", DAYS, "row 2: end '-3' is negative"),
    "not a number": (
        HEADER + "p1,A,drug,2026-01-01,3 months,1\n",
        DAYS,
        "row 2: end '3 months' is not a number",
    ),
    "decimal comma": (HEADER + 'p1,A,drug,2026-01-01,"3,5",1\n', DAYS, "write decimals with a point"),
    "infinite time": (HEADER + "p1,A,drug,2026-01-01,inf,1\n", DAYS, "row 2: end 'inf' is not a number"),
    "missing value": (broken("p3,B", "p3,"), DATES, "row 4: subgroup is missing"),
    "missing event": (broken("2026-07-01,0", "2026-07-01,NA"), DATES, "row 3: event is missing"),
    "event code": (
        broken("2026-07-01,0", "2026-07-01,2"),
        DATES,
        "row 3: event '2' is not allowed; use '1' (event) or '0' (censored)",
    ),
    "empty file": ("", DATES, "the file is empty"),
    "only a header": (HEADER, DATES, "a header but no patient row"),
    "wrong encoding": (
        GOOD.replace("p2", "pé").encode("cp1252"),
        DATES,
        "row 3 holds a byte (0xe9) that is not utf-8",
    ),
    "utf-16": (GOOD.encode("utf-16"), DATES, "the file is UTF-16"),
    "binary": (b"PK\x03\x04\0\0", DATES, "NUL bytes"),
    "wrong delimiter": (GOOD.replace(",", ";"), DATES, "the file seems to use ';': set columns.delimiter"),
    "ragged row": (
        broken("2026-07-01,0", "2026-07-01,0,extra"),
        DATES,
        "row 3: 7 cells where the header has 6",
    ),
    "repeated column": (GOOD.replace("subgroup", "arm"), DATES, "column 'arm' occurs more than once"),
    "mixed units in the map": (GOOD, replace(DATES, entry_as="months"), "units are mixed"),
    "days read as years": (
        HEADER + "p1,A,drug,2026-01-01,900,1\n",
        replace(DATES, end_as="years"),
        "are units mixed?",
    ),
    "before the first patient": (
        GOOD,
        replace(DATES, origin="2026-01-10"),
        "row 2: entry lies before the first patient in",
    ),
    "unknown unit": (GOOD, replace(DATES, end_as="month"), "did you mean 'months'"),
    "unknown encoding": (GOOD, replace(DATES, encoding="utf-9"), "columns.encoding: 'utf-9' is unknown"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_fault_gives_one_clear_message(tmp_path, name):
    text, columns, expected = BROKEN[name]
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text, columns)
    assert len(caught.value.faults) == 1, caught.value.faults
    assert expected in caught.value.faults[0]


def test_missing_file(tmp_path):
    with pytest.raises(BadInput, match="No such file"):
        read_patients(tmp_path / "absent.csv", DATES, ARMS, GROUPS)


def test_all_faults_at_once(tmp_path):
    text = HEADER + (
        "p1,A,control,2026-01-01,2026-05-01,1\n"
        "p1,A,placebo,2026-01-15,2026-07-01,0\n"
        "p3,X,drug,2026-02-01,March,1\n"
        "p4,B,drug,,2026-06-01,yes\n"
    )
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text)
    faults = "\n".join(caught.value.faults)
    assert len(caught.value.faults) == 6
    for part in ("'p1' occurs", "'placebo'", "'X'", "'March'", "entry is missing", "'yes'"):
        assert part in faults


def test_many_rows_with_one_fault_make_one_message(tmp_path):
    rows = "".join(f"q{i},A,drugg,2026-01-01,2026-02-01,0\n" for i in range(30))
    with pytest.raises(BadInput) as caught:
        read(tmp_path, HEADER + rows)
    assert caught.value.faults[0].startswith("rows 2, 3, 4, 5, 6, 7, 8, 9 and 22 more: arm 'drugg'")


def test_cutoff_includes_its_day(tmp_path):
    data = read(tmp_path, GOOD)
    seen = cut(data, parse_cutoff("2026-03-01", data))
    assert seen["patient"].tolist() == ["p1", "p2", "p3", "p4"]
    assert seen["event"].tolist() == [False, False, True, False]
    np.testing.assert_allclose(seen["time"] * DAYS_PER_MONTH, [59, 45, 28, 0], rtol=1e-15)
    day_before = cut(data, parse_cutoff("2026-02-28", data))
    assert day_before["patient"].tolist() == ["p1", "p2", "p3"]
    assert not day_before["event"].any()


def test_cutoff_as_months_and_as_date_agree(tmp_path):
    data = read(tmp_path, GOOD)
    assert parse_cutoff(2, data) == 2 * DAYS_PER_MONTH
    assert cutoff_label(parse_cutoff("2026-06-30", data), data) == "2026-06-30"


@pytest.mark.parametrize(
    "cutoff, message",
    [
        ("2025-12-31", "no patient was randomised"),
        ("soon", "neither a date"),
        (-1, "not allowed"),
        ("nan", "not allowed"),
    ],
)
def test_bad_cutoffs(tmp_path, cutoff, message):
    data = read(tmp_path, GOOD)
    with pytest.raises(BadInput, match=message):
        cut(data, parse_cutoff(cutoff, data))


def test_date_cutoff_needs_dates(tmp_path):
    columns = replace(DATES, entry_as="months", end_as="months")
    data = read(tmp_path, HEADER + "p1,A,drug,0,7,1\n", columns)
    with pytest.raises(BadInput, match=r"columns\.origin"):
        parse_cutoff("2026-06-30", data)
    data = read(tmp_path, HEADER + "p1,A,drug,0,7,1\n", replace(columns, origin="2026-01-01"))
    assert cutoff_label(parse_cutoff("2026-06-30", data), data) == "2026-06-30"


def random_trial(rng, n=300):
    entry = rng.integers(0, 900, n)
    return "".join(
        f"p{i},{GROUPS[rng.integers(2)]},{ARMS[rng.integers(2)]},{entry[i]},"
        f"{rng.integers(0, 700)},{rng.integers(2)}\n"
        for i in range(n)
    )


def scrambled_after(data, cutoff):
    """Change everything that is not known at the cut-off: later entries, and what happens after it."""
    frame = data.frame.copy()
    late = frame["entry"] > cutoff
    open_ended = ~late & (frame["entry"] + frame["time"] > cutoff)
    frame.loc[late, "arm"] = "control"
    frame.loc[open_ended, "event"] = ~frame.loc[open_ended, "event"]
    frame.loc[open_ended, "time"] = frame.loc[open_ended, "time"] * 3 + 1
    return replace(data, frame=frame)


@pytest.mark.parametrize("cutoff", [100.0, 450.0, 820.0])
def test_nothing_after_the_cutoff_can_be_seen(tmp_path, cutoff):
    columns = replace(DATES, entry_as="days", end_as="days")
    data = read(tmp_path, HEADER + random_trial(np.random.default_rng(7)), columns)
    future = scrambled_after(data, cutoff)
    assert cut(data, cutoff).equals(cut(future, cutoff))
    # The planted bug: a monitor who looks one month ahead sees the difference.
    ahead = cutoff + DAYS_PER_MONTH
    assert not cut(data, ahead).equals(cut(future, ahead))


def test_cut_agrees_with_a_row_by_row_count(tmp_path):
    columns = replace(DATES, entry_as="days", end_as="days")
    data = read(tmp_path, HEADER + random_trial(np.random.default_rng(8)), columns)
    events = exposure = patients = 0
    for row in data.frame.itertuples():
        if row.entry <= 400:
            patients += 1
            days = [day for day in range(int(row.entry) + 1, 401) if day <= row.entry + row.time]
            exposure += len(days)
            events += row.event and row.entry + row.time <= 400
    seen = cut(data, 400.0)
    assert (len(seen), int(seen["event"].sum())) == (patients, events)
    np.testing.assert_allclose(seen["time"].sum() * DAYS_PER_MONTH, exposure, rtol=1e-12)


@pytest.mark.parametrize("text", ["=1+1", "+A", "-2", "@x", "\tcmd", "plain", "'quoted", ""])
def test_formula_cells_are_neutralised_and_restored(text):
    safe = neutralise(text)
    assert not safe.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert restore(safe) == text


def test_written_cells_are_safe_and_exact(tmp_path):
    path = tmp_path / "out.csv"
    write_rows(path, ("=h", "x"), [("=HYPERLINK(1)", 0.1 + 0.2), ("ok, then", 1 / 3)])
    lines = path.read_text().splitlines()
    assert lines[0] == "'=h,x" and lines[1].startswith("'=HYPERLINK(1),")
    assert [float(line.rsplit(",", 1)[1]) for line in lines[1:]] == [0.1 + 0.2, 1 / 3]
