"""The part of a report's content that averages over the design prior: tables, weights and notes."""

import pandas as pd

from adaptive.oc.design_prior import prior_rows, weighted_results
from adaptive.oc.posterior_calibration import calibration_rows
from adaptive.oc.source import Source
from adaptive.oc.tables import tidy

AVERAGE = "design prior"
"""Stands in the column of scenarios for the average over them."""


def bayes_part(source: Source, _: dict[str, pd.DataFrame]) -> dict:
    """Return the Bayesian operating characteristics under the dossier's design prior.

    ``prior`` lists the weights, empty where the dossier declares none; ``notes`` say what could not be had.
    """
    prior = source.dossier.get("design_prior") or {}
    weighted, notes = weighted_results(source.results, prior) if prior else ({}, [])
    total = sum(prior.values()) or 1.0
    averages, calibration = [], []
    for design, own in weighted.items():
        place = {"scenario": AVERAGE, "design": design}
        averages += [place | entry for entry in prior_rows(own)]
        found = calibration_rows(own)
        calibration += [place | entry for entry in found]
        if not found:
            notes.append(f"Calibration of {design} needs stored looks with P(HR < 1); its results have none.")
    return {
        "prior": [{"scenario": name, "weight": float(w) / total} for name, w in prior.items()],
        "notes": notes,
        "tables": {"bayes": tidy(averages), "posterior_calibration": tidy(calibration)},
    }
