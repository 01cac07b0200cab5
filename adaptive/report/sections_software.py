"""Sections of the chapter on software: the nine rows of the reproducibility block, and what was checked."""

import pandas as pd

from adaptive.report.blocks import Items, Notice, Text
from adaptive.report.pivot import plain
from adaptive.report.section import Section, section

COVERS = ("L",)


def trust_section(content: dict) -> Section | None:
    """Return what was checked before the report was made, and what stands in the way of a final one."""
    trust = content.get("trust")
    if not trust:
        return None
    faults = list(trust["faults"])
    notice = Notice("What stands in the way of a final report", faults) if faults else None
    return section(
        "checks",
        "What was checked before this report was made",
        [
            "A final report is refused where one of these fails; a draft shows the faults instead. Target "
            "and achieved Monte Carlo standard error of every metric are in chapter 6."
        ],
        notice,
        Items("", [text[:1].upper() + text[1:] + "." for text in trust["checked"]]),
        covers=("L",),
    )


def configuration_facts_section(content: dict) -> Section:
    """Return overrides and hashes of the configurations."""
    hashes = pd.DataFrame(
        [(c["scenario"], c["design"], c["sha256"]) for c in content["configs"]],
        columns=["scenario", "design", "SHA-256"],
    )
    frame = content["software"]["overrides"].merge(hashes, on=["scenario", "design"], how="left")
    return section(
        "configuration-hashes",
        "Configuration",
        [
            "The resolved configuration of every cell is in the appendix. Its hash is of its values in "
            "canonical form, so that layout and comments do not change it.",
            f"SHA-256 of the list of scenarios: {content['software']['scenario_list_sha256']}. Schema "
            f"version of stored results: {content['software']['schema_version']}.",
        ],
        plain(
            frame,
            name="overrides",
            made_by="configuration",
            caption="Overrides of each cell as typed (but folders); SHA-256 of its resolved configuration.",
            stub=2,
            titles={"scenario": "Scenario", "design": "Design", "overrides": "Overrides"},
            collapse=len(frame) > 12,
        ),
        covers=COVERS,
    )


def random_section(content: dict) -> Section:
    """Return how random numbers are addressed."""
    return section(
        "random-numbers",
        "Random numbers",
        [],
        Items("", content["software"]["random"]),
        plain(
            content["software"]["streams"],
            name="streams",
            made_by="report",
            caption="Streams of random numbers; the number is part of an address and is never used twice.",
            titles={"number": "Number", "stream": "Stream", "holds": "What for"},
        ),
        covers=COVERS,
    )


def numeric_section(content: dict) -> Section:
    """Return the numeric contract."""
    return section(
        "numeric-contract", "Numeric contract", [], Items("", content["software"]["numeric"]), covers=COVERS
    )


def output_section(content: dict) -> Section:
    """Return the files of results and report."""
    return section(
        "bundle",
        "Files",
        [
            "The report is made from stored results without simulating; results are made from their "
            "configurations alone. The SHA-256 of every file used is in the appendix, that of every file "
            "of the report in its manifest.json."
        ],
        plain(
            content["software"]["files"],
            name="bundle",
            made_by="report",
            caption="What a result and a report consist of.",
            titles={"file": "File", "part of": "Part of", "holds": "Holds"},
        ),
        covers=COVERS,
    )


def trail_section(content: dict) -> Section:
    """Return the history of the study, and what is left to the sponsor's systems."""
    trail = content["software"]["trail"]
    table = plain(
        trail,
        name="history",
        made_by="dossier",
        caption="History of the study as its authors wrote it.",
        titles={"date": "Date", "who": "Who", "what": "What", "why": "Why"},
    )
    return section(
        "audit-trail",
        "Audit trail",
        content["software"]["status"],
        table if len(trail) else Text("The dossier holds no history (key history: date, who, what, why)."),
        Items(
            "What the program does, and what it leaves to the sponsor:",
            [
                "It records in every manifest the code, configuration, versions and SHA-256 of every file; a "
                "changed configuration is refused as a continuation of the same result.",
                "It takes the authors' history and the name, day and reason of a freeze from the "
                "dossier, and prints them; a frozen dossier without them is refused.",
                "Signatures, access rights, time stamps that nobody can alter, and retention are the "
                "sponsor's systems; the SHA-256 of the report's manifest is what they can sign.",
            ],
        ),
        covers=COVERS,
    )


def validation_section(content: dict) -> Section:
    """Return which claim is checked by which test."""
    frame = content["software"]["validation"]
    return section(
        "validation",
        "Validation",
        [
            f"{len(frame)} claims about the program, each with the independent witness it was checked "
            "against and the test that does so. scripts/test repeats all of it: it installs by hashes "
            "(installation), runs the tests below (operation), and runs commands and documents from "
            "start to end (performance). Validation for an intended use remains the user's.",
        ],
        plain(
            frame,
            name="validation",
            made_by="report",
            caption="Claims, witnesses, tests, and the smallest error that each test would see.",
            titles={
                "part": "Part",
                "claim": "Claim",
                "witness": "Witness",
                "tests": "Test",
                "smallest error seen": "Smallest error seen",
            },
            collapse=True,
        ),
        covers=COVERS,
    )


def interim_section(content: dict) -> Section:
    """Return how blinding and the conduct of the real trial are served."""
    del content
    return section(
        "conduct",
        "Blinding and conduct of the trial",
        [],
        Items(
            "",
            [
                "The interim command reads a patient file and writes its decision, memo and posterior "
                "into a folder of its own; it needs neither this report nor the simulated results, so "
                "that it can be run by an unblinded statistician elsewhere. Who may read that folder is "
                "for the sponsor to set.",
                "A look of the real trial is computed by the functions that computed the simulated ones "
                "(adaptive.analysis.fit_look and weigh_look, adaptive.design.decide), with NUTS in place "
                "of the fast engine; how often that changes a decision is what the engine audit "
                "estimates. A real look is fitted again with more draws while a rule's probability is close "
                "to its threshold; the audit does not do this, so that its count of differing decisions "
                "holds more of NUTS's own Monte Carlo error than a real analysis would have.",
                "Each decision record holds the SHA-256 of the patient file, of the design and of the former "
                "record, the cut-off, the seed, the versions and the rules with their probabilities.",
                "Not available: a comparison of the observed data at a look with their simulated "
                "distribution.",
            ],
        ),
        covers=COVERS,
    )
