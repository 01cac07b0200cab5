"""Recorded commands are printed with the folders of a fresh checkout, and nothing else changed."""

import pytest

from adaptive.commands.recreating import unmade
from adaptive.oc.places import again, called, places_of


@pytest.mark.parametrize(
    ("command", "output", "shown"),
    [
        (
            "adaptive simulate --config-dir /srv/own experiment=s output=/srv/out 'scenario.note=two words'",
            None,
            "adaptive simulate --config-dir own experiment=s output=results 'scenario.note=two words'",
        ),
        ("adaptive simulate experiment=s report.output=/srv/r", None, "adaptive simulate experiment=s"),
        (
            "adaptive simulate report.dossier=../d.yaml ~rules.harm",
            None,
            "adaptive simulate report.dossier=d.yaml '~rules.harm'",
        ),
        (
            "adaptive nulls design=d 'box.channel={death:[0.5,2]}' partial=[arms] n_points=8 n_first=64",
            "results/s/nulls/d",
            "adaptive nulls design=d 'box.channel={death:[0.5,2]}' 'partial=[arms]' n_points=8 n_first=64 "
            "output=results/s/nulls/d",
        ),
        (
            "adaptive audit /srv/out/s/fixed n_random=5",
            "results/s/fixed",
            "adaptive audit results/s/fixed n_random=5",
        ),
        ("adaptive truth out/s seed=3", None, "adaptive truth results/s seed=3"),
        ("", None, ""),
    ],
)
def test_only_folders_change(command, output, shown):
    assert again(command, "s", output) == shown


def test_a_folder_is_called_by_its_study_else_by_what_another_machine_has(tmp_path):
    places = {str(tmp_path / "kept"): "results/s"}
    assert called(tmp_path / "kept" / "report", places) == "results/s/report"
    assert called(tmp_path / "kept", places) == "results/s"
    assert called(tmp_path / "kept2", places) == "kept2"
    assert called("out/report", places) == "out/report"
    assert called("../out", places) == "out"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"study": "s", "design": 3, "scenario": "a"}'])
def test_a_manifest_that_cannot_be_read_is_left_to_whoever_reads_it(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    assert places_of([tmp_path]) == {} and unmade([tmp_path], None) == []
