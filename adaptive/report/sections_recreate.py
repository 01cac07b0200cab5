"""Sections on how to make everything again: the commands, and the code of every part. Computes nothing."""

import pandas as pd

from adaptive.report.blocks import Code, Items, Text
from adaptive.report.pivot import plain
from adaptive.report.section import Section, section

COVERS = ("L",)
INSTALL = """\
git clone <address of the repository> adaptive && cd adaptive
git checkout {commit}
python3 -m venv .venv
.venv/bin/python -m pip install --require-hashes -r requirements-build.lock
.venv/bin/python -m pip install --require-hashes --no-build-isolation -r requirements.lock
.venv/bin/python -m pip install --no-deps --no-build-isolation --editable .
. .venv/bin/activate"""
DOSSIER = (
    "The dossier is the authors' file dossier.yaml in the folder of the study, SHA-256 {sha256}. The first "
    "command writes it there where the configuration names it; else put the file there."
)
CHECKED = (
    "The configurations that the commands compose are no part of that hash; before the report was made, each "
    "recorded command of a simulation, audit or search over nulls was composed by the version that made the "
    "report and compared with the stored configuration, and the declared factors of the sensitivity analysis "
    "with the stored ones. The functions that choose what to audit or search, and that summarise it, are "
    "outside that hash too: only running their commands again tests these."
)
ORDER = ("simulate", "audit", "nulls", "sensitivity", "truth", "report", "verify")


def recreate_section(content: dict) -> Section:
    """Return the commands that install the program, make everything again and check it."""
    commands = content.get("commands", {})
    lines = [line for name in ORDER for line in commands.get(name, [])]
    again = "\n".join(f"{line}    # S{number}" for number, line in enumerate(lines, start=1))
    dossier = content.get("dossier", {}).get("sha256")
    return section(
        "commands",
        "Install, run again, verify",
        [
            "Needed: Linux or macOS on Apple silicon, Python 3.11, 3.12 or 3.13, 1.2 GB of disk. "
            "Packages are installed by the hashes in requirements.lock."
        ],
        Code(
            INSTALL.format(commit=_commit(content)), "Install the version that made this report.", shell=True
        ),
        Code(
            again,
            "Make everything again in the folder of the checkout, then check it; each command writes where "
            "the next ones read. Tables name these commands S1, S2, and so on.",
            shell=True,
        )
        if again
        else None,
        Items("Before the report is made again:", [DOSSIER.format(sha256=dossier)]) if dossier else None,
        Items(
            "What the last command does, and what to do with its answer:",
            [
                "adaptive verify compares every hash, makes the report again from the stored results and "
                "compares it value by value, and simulates a random sample of trials again. Exit code 0: "
                "nothing differs; 2: something does, and the first differences are listed.",
                "Whoever can replace every file can also replace the manifest. Keep the SHA-256 that "
                "adaptive verify prints (of the report's manifest) where the files are not.",
                "A virtual trial is told look by look by adaptive replay RESULT trial=NUMBER.",
                "Nothing here needs R. Analyses on real data were compared with R survival, and "
                "group-sequential designs with gsDesign and rpact; the reference values and the versions "
                "are stored with the tests (docs/external_checks.md).",
            ],
        ),
        covers=COVERS,
    )


def _commit(content: dict) -> str:
    """Return the commit that made the report, or what to put in its place."""
    frame = content["software"]["versions"]
    found = frame.loc[frame.item == "git commit", "report"].tolist() if "item" in frame else []
    known = found and found[0] not in ("", "\N{EN DASH}")
    return found[0] if known else "<commit of this report; it was not made under version control>"


def version_section(content: dict) -> Section:
    """Return versions of code, packages and machine."""
    return section(
        "versions",
        "Versions",
        [
            "A dash stands for what was not recorded. The simulation code is the part of the source that "
            "determines a trial's numbers; a report may be made by a later version, but only from "
            "results of the same simulation code. No image of the operating system is made; its name and "
            "version are given."
        ],
        plain(
            content["software"]["code"],
            name="code",
            made_by="report",
            caption="The code of the results, of each piece of evidence (its folder in brackets) and of "
            "this report.",
            titles={
                "what": "What",
                "commit": "Commit",
                "uncommitted changes": "Uncommitted changes",
                "simulation code": "Simulation code (SHA-256, first 12 digits)",
            },
        ),
        *_between(content["software"]["code"]),
        plain(
            content["software"]["versions"],
            name="versions",
            made_by="report",
            caption="What made the results, and what made this report.",
            titles={"item": "Item", "results": "Results", "report": "This report"},
        ),
        covers=COVERS,
    )


def _between(code: pd.DataFrame) -> list:
    """Return how the commits differ, as far as that was checked, and how to see the rest."""
    known = code.commit != "\N{EN DASH}"
    ours = code.commit.iloc[-1]
    others = [commit for commit in dict.fromkeys(code.commit[known]) if commit != ours]
    if not others or not known.iloc[-1]:
        return []
    same = code["simulation code"].nunique() == 1
    told = (
        "All have the same simulation code, so that what the commits changed is outside it: commands, "
        "summaries, report. " + CHECKED
        if same
        else "They do not all have the same simulation code; a final report is refused."
    )
    lines = [f"git diff --stat {commit} {ours} -- adaptive conf" for commit in others]
    return [Text(told), Code("\n".join(lines), "What else the commits changed.", shell=True)]
