"""Make the patient file of the colon-cancer example: one row per patient, recurrence, simulated entry dates.

The public data have times since randomisation but no calendar dates, so entry dates are drawn uniformly
over 1984-03-01 to 1987-10-31, the accrual period assumed for the trial, from a fixed seed and without looking
at arm or outcome. Everything else is copied. Run: ``python scripts/prepare_colon.py``.
"""

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

SEED = 19840301
FIRST, LAST = date(1984, 3, 1), date(1987, 10, 31)
FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data" / "colon"
RECURRENCE = "1"


def entry_dates(n: int, seed: int = SEED) -> list[date]:
    """Return ``n`` dates drawn uniformly over the accrual period, both ends included."""
    offsets = np.random.default_rng(seed).integers(0, (LAST - FIRST).days + 1, size=n)
    return [FIRST + timedelta(days=int(offset)) for offset in offsets]


def prepare(source: Path, target: Path) -> int:
    """Write the example file and return its number of patients."""
    with source.open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["etype"] == RECURRENCE]
    with target.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["id", "arm", "node4", "entry_date", "days", "recurrence"])
        for row, entered in zip(rows, entry_dates(len(rows)), strict=True):
            writer.writerow([row["id"], row["rx"], row["node4"], entered, row["time"], row["status"]])
    return len(rows)


if __name__ == "__main__":
    print(f"{prepare(FOLDER / 'colon.csv', FOLDER / 'patients.csv')} patients")
