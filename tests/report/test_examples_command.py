"""The command printed with an example is run as it stands, and gives the example's numbers."""

import re
import shlex

import pytest

from adaptive.cli import main
from adaptive.config import build_analysis
from adaptive.config.build import build_design, build_scenario
from adaptive.oc.examples import examples_part
from adaptive.oc.load import load_results
from adaptive.oc.source import Makers, Source
from tests.toy import ToyEngine

pytestmark = pytest.mark.slow

STUDY = [
    "experiment=primary_residual",
    "scenario=residual_null",
    "design=residual_fixed",
    "design.max_patients=300",
    "design.n_arrivals=400",
    "looks.counts=[20,30,40,50]",
    "model=gamma_hazards",
    "posterior=conjugate",
    "n_trials=64",
    "chunk_size=64",
    "seed=5",
    "keep_looks=true",
    "report.enabled=false",
]


def test_the_printed_command_shows_the_example_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build_analysis, "_engine_class", lambda kind: ToyEngine)
    assert main(["simulate", *STUDY, f"output={tmp_path / 'with space'}"]) == 0
    results = load_results([tmp_path / "with space"])
    part = examples_part(Source(results, makers=Makers(build_design, build_scenario)), {})
    assert part["items"]
    item = part["items"][0]
    program, *argv = shlex.split(item["command"])
    capsys.readouterr()
    assert program == "adaptive" and main(argv) == 0
    told = capsys.readouterr().out
    values = [float(x) for x in re.findall(r"P\(HR [<>≥]=? [\d.]+\) = ([\d.]+)", told)]
    stored = [
        ask["value"]
        for look in item["looks"]
        for cell in look["cells"]
        for rule in cell.get("rules", [])
        for ask in rule["asks"]
    ]
    assert len(values) > 4 and values == [pytest.approx(value, abs=5e-7) for value in stored]
    for look in item["looks"]:
        assert f"Look {look['look']} of {look['of']}" in told and f"month {look['month']:.2f}" in told
    for cell in item["end"]["cells"]:
        if cell["mean"] is not None:
            assert f"estimate {cell['mean']:.4f} ({cell['lower']:.4f} to {cell['upper']:.4f})" in told
