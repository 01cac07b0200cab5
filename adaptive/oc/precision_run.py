"""Runs a cell until the precision asked for is reached, looking at it after fixed numbers of trials."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from tqdm import tqdm

from adaptive.io import store
from adaptive.io.manifest import read_manifest
from adaptive.oc.precision import Until, Watch, cautious_error
from adaptive.oc.precision_grow import stored_tables


@dataclass(frozen=True)
class Pursuit:
    """A request for precision in one cell.

    Attributes
    ----------
    until
        The request.
    otherwise
        Trials where the characteristic does not exist.
    design, truth
        Descriptions, as a manifest and ``truth.json`` hold them.
    title
        What the progress bar is called.
    """

    until: Until
    otherwise: int
    design: dict[str, Any]
    truth: dict[str, Any]
    title: str

    def is_over(self, cell: Path, schemas: dict[str, pa.Schema]) -> bool:
        """Return whether a finished cell is as precise as asked, or has all the trials it may have."""
        done = int(read_manifest(cell)["counts"]["requested"])
        watch = Watch(self.until, self.design, self.truth)
        for trials, part in stored_tables(cell, schemas):
            watch.add(trials, part)
        if not watch.exists:
            return done >= self.otherwise
        enough = done >= self.until.boundaries()[0] and watch.is_met()
        return enough or done >= self.until.at_most

    def run(
        self, opened: store.CellStore, fill: Callable[[int], list], progress: bool
    ) -> tuple[int, list, dict[str, Any]]:
        """Simulate until the precision is reached.

        Parameters
        ----------
        opened
            The store of the cell.
        fill
            Simulates and stores what the first ``n`` trials lack, and returns those that failed.
        progress
            Whether to show a bar on standard error.

        Returns
        -------
        The number of trials, those that failed, and what was asked and reached.
        """
        watch = Watch(self.until, self.design, self.truth)
        stored = max((held.stop for held in opened.done), default=0)
        ends = self.until.boundaries(stored)
        n, failures = 0, []
        with tqdm(
            total=self.until.at_most, desc=self.title, unit="trial", file=sys.stderr, disable=not progress
        ) as bar:
            while ends:
                n = ends.pop(0)
                # Trials that failed before are tried again; those that fail now are the ones to report.
                failures = fill(n)
                for trials in opened.done:
                    if not watch.knows(trials):
                        watch.add(trials, opened.tables(trials))
                if watch.exists:
                    error = cautious_error(watch.values())
                    bar.set_postfix_str(f"MCSE {error:.2g}, {self.until.mcse:g} asked")
                bar.update(n - bar.n)
                if not watch.exists and n < self.otherwise:
                    ends = [self.otherwise]
                elif watch.is_met():
                    break
        return n, failures, watch.state(n)
