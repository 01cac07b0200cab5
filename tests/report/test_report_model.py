"""Prior prediction and borrowing in the report: made from stored results, printed, explained when missing."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from adaptive.design.protocol import Analysis
from adaptive.errors import BadInput
from adaptive.models import GammaHazards, PartialPooling
from adaptive.oc.borrowing import borrowed_events
from adaptive.oc.load import load_results
from adaptive.oc.model_content import model_content
from adaptive.oc.report_content import build_content
from adaptive.oc.study import run_cell
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import NutsEngine
from adaptive.report import render_report
from adaptive.report.figures_model import prior_figures
from adaptive.report.html import inline_svg
from tests.results_toys import fake_looks, fake_result, fake_simulate
from tests.toy import ARMS, SUBGROUPS, toy_design, toy_scenario

PARTIAL = PartialPooling(1.0, 0.5, 0.1, 1.0)
ANALYSES = {
    "partial": Analysis(cuts=np.array([0.0, 6.0]), model=PARTIAL, engine=LaplaceEngine()),
    "hazards": Analysis(cuts=np.array([0.0]), model=GammaHazards(0.5, 5.0), engine=ConjugateEngine()),
}
N = 24


def build(config):
    """Stand in for the builder of configurations."""
    return dataclasses.replace(toy_design(), analysis=ANALYSES[config["model"]["kind"]])


def refuse(config):
    raise BadInput("model.kind: unknown")


def write(root, kind, *, looks=True, names=("fixed", "adaptive")):
    for name in names:
        run_cell(
            dataclasses.replace(toy_design(), name=name),
            toy_scenario(),
            study="pilot",
            seed=3,
            n_trials=N,
            chunk_size=12,
            path=root,
            resolved_config={"model": {"kind": kind}},
            benchmark="fixed",
            keep_looks=looks,
            progress=False,
            simulate=fake_simulate,
        )
    return root


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return build_content([write(tmp_path_factory.mktemp("results"), "partial")], build)


def fake_tables():
    """Events and exposure of every trial at its first held look and at its end, as they were simulated."""
    first, last = [], []
    for trial in range(N):
        rng = np.random.default_rng([3, trial])
        result, looks = fake_result(rng, 1), fake_looks(rng, 1)
        last.append((result.events[0], result.exposure[0]))
        held = np.flatnonzero(looks.held[0])
        if held.size:
            evidence = looks.evidence
            first.append((evidence.events[0, held[0]], evidence.exposure[0, held[0]]))
    return first, last


@pytest.mark.parametrize("when", ["first", "last"])
def test_borrowing_is_that_of_the_stored_tables(content, when):
    tables = fake_tables()[when == "last"]
    events, exposure = (np.array([pair[i] for pair in tables])[..., None] for i in (0, 1))
    expected = borrowed_events(LaplaceEngine(), PARTIAL, events, exposure).borrowed
    frame = content["tables"]["borrowing"]
    own = frame[(frame.design == "fixed") & (frame.level == "50%")]
    for s, subgroup in enumerate(SUBGROUPS):
        for b, arm in enumerate(ARMS[1:]):
            cell = own[(own.subgroup == subgroup) & (own.arm == arm)].set_index("metric")
            values = np.sort(expected[:, s, b])
            median = values[int(np.ceil(values.size / 2)) - 1]
            np.testing.assert_allclose(cell.estimate[f"borrowed_events_{when}"], median, rtol=1e-6)
            counts = np.sort(events[:, s, 0, 0] + events[:, s, b + 1, 0])
            assert cell.estimate[f"own_events_{when}"] == counts[int(np.ceil(counts.size / 2)) - 1]
            assert cell.n[f"borrowed_events_{when}"] == len(tables)


def test_designs_with_one_model_share_a_prior(content):
    prior = content["tables"]["prior_predictive"]
    assert set(prior.design) == {"fixed, adaptive"}
    assert set(prior.metric) == {
        "prior_hr",
        "prior_hr_below",
        "prior_hr_above",
        "prior_events",
        "prior_survival",
        "prior_spread",
        "prior_ratio",
        "prior_ratio_above",
        "prior_correlation",
    }
    assert (prior.mcse > 0).all()
    assert content["model_notes"] == []


def test_the_report_prints_every_number(content, tmp_path):
    page = render_report(content, tmp_path)
    text = page.read_text(encoding="utf-8")
    assert 'id="model"' in text and "Event-free survival on control" in text
    tables = content["tables"]
    shown = tables["prior_predictive"].query("metric != 'prior_hr' or level in ('2.5%', '50%', '97.5%')")
    shown = shown.query("metric != 'prior_ratio' or level != '5%'")
    shown = shown[~shown.level.str.contains(r"months, (?:25|75)%", regex=True)]
    assert all(value in text for value in shown.text)
    borrowing = tables["borrowing"]
    printed = borrowing[(borrowing.level == "50%") | borrowing.metric.str.startswith("borrowed")]
    assert all(value in text for value in printed.text)
    assert json.loads((tmp_path / "report.json").read_text())["tables"]["borrowing"]
    (drawing,) = prior_figures(content)
    assert inline_svg(drawing) in text and "Largest over smallest hazard ratio" in drawing.svg


def test_without_looks_or_a_builder_the_report_says_so(tmp_path):
    results = load_results([write(tmp_path / "results", "hazards", looks=False, names=("fixed",))])
    made = model_content(results, build)
    assert set(made["tables"]["borrowing"].metric) == {"own_events_last", "borrowed_events_last"}
    assert made["notes"] == ["Results without stored looks show borrowing at the last look alone."]
    borrowed = made["tables"]["borrowing"].query("metric == 'borrowed_events_last'")
    np.testing.assert_allclose(borrowed.estimate, 0.0, atol=1e-9)
    refused = model_content(results, refuse)
    assert refused["tables"]["prior_predictive"].empty
    assert refused["notes"] == [
        "The stored configuration of fixed builds no design in this version: model.kind: unknown"
    ]
    page = render_report(build_content([tmp_path / "results"]), tmp_path / "out").read_text(encoding="utf-8")
    assert "were not built into designs" in page


def test_numbers_do_not_depend_on_the_precision_of_the_process(tmp_path):
    results = load_results([write(tmp_path, "hazards", looks=False, names=("fixed",))])
    double = model_content(results, build)["tables"]["prior_predictive"]
    with jax.enable_x64(False):
        single = model_content(results, build)["tables"]["prior_predictive"]
    np.testing.assert_array_equal(single.estimate, double.estimate)


def test_a_model_that_no_quick_engine_fits_has_no_borrowing(tmp_path):
    odd = Analysis(cuts=np.array([0.0]), model=GammaHazards(0.5, 5.0), engine=NutsEngine())
    results = load_results([write(tmp_path, "hazards", looks=False, names=("fixed",))])
    made = model_content(results, lambda config: dataclasses.replace(toy_design(), analysis=odd))
    assert made["tables"]["borrowing"].empty and len(made["tables"]["prior_predictive"])
    assert any("Borrowing under fixed cannot be computed" in note for note in made["notes"])
