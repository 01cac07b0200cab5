"""Run one cell of a study, a design in a scenario, into a result directory that survives a kill.

The only place where the simulator meets the store. It computes no metric and judges no design.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from tqdm import tqdm

from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.io import store
from adaptive.io.atomic import unwritable, write_atomic
from adaptive.io.frames import Tables, schemas, tables
from adaptive.io.hashing import plain, sha256_data
from adaptive.io.lock import CellLock
from adaptive.io.manifest import code_state, machine, read_manifest, verify_files, versions, write_manifest
from adaptive.oc.describe import describe_design, describe_truth, labels_of
from adaptive.oc.precision import Until, check_until
from adaptive.oc.precision_grow import reopen
from adaptive.oc.precision_run import Pursuit
from adaptive.oc.verify import EVIDENCE
from adaptive.scenario.truth import Scenario
from adaptive.simulate.drivers import check_compatible
from adaptive.simulate.drivers import simulate as simulate_trials

CONFIG, TRUTH = "config.yaml", "truth.json"
ATTEMPTS = 2
LARGEST = 2**32
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=-]*")


class CellFailedError(RuntimeError):
    """Every chunk of a cell failed; no result was made."""


@dataclass(frozen=True)
class Failure:
    """Trials that could not be simulated, and why."""

    trials: range
    reason: str


@dataclass(frozen=True)
class Batch:
    """How to simulate at most ``size`` trials and turn them into tables."""

    simulate: Callable
    design: Design
    scenario: Scenario
    seed: int
    size: int
    keep_looks: bool

    def run(self, trials: range) -> Tables:
        """Return the tables of the trials; the simulator sees to it that no batch size compiles anew."""
        wanted = np.arange(trials.start, trials.stop)
        result, looks = self.simulate(self.design, self.scenario, seed=self.seed, trials=wanted)
        return tables(labels_of(self.design), wanted, result, looks if self.keep_looks else None)


def cell_path(root: Path | str, study: str, design: str, scenario: str) -> Path:
    """Return ``<root>/<study>/<design>/<scenario>``.

    Raises
    ------
    BadInput
        If a name cannot be a folder name, or a design or scenario has that of a folder for evidence.
    """
    named = {"study": study, "design": design, "scenario": scenario}
    faults = [
        f"{role} name {name!r} cannot name a folder; start with a letter, a digit or _ and use only letters, "
        "digits and _ . + = -"
        for role, name in named.items()
        if not _FOLDER.fullmatch(name)
    ]
    faults += [
        f"{role} name {name!r} is that of a folder for evidence; give another than {', '.join(EVIDENCE)}"
        for role, name in (("design", design), ("scenario", scenario))
        if name in EVIDENCE
    ]
    if faults:
        raise BadInput(faults)
    return Path(root) / study / design / scenario


def run_cell(
    design: Design,
    scenario: Scenario,
    *,
    study: str,
    seed: int,
    n_trials: int,
    chunk_size: int,
    path: Path | str,
    resolved_config: dict[str, Any],
    benchmark: str | None = None,
    keep_looks: bool = False,
    command: str = "",
    progress: bool = True,
    estimand_horizon: float = 24.0,
    estimand_absent: tuple[str, ...] = (),
    until: Until | None = None,
    simulate: Callable = simulate_trials,
) -> Path:
    """Simulate a design in a scenario and store the result; resume if it was interrupted.

    Giving the same arguments again resumes an unfinished cell and returns at once from a finished one. The
    final Parquet files depend on neither ``chunk_size`` nor interruptions.

    Parameters
    ----------
    design, scenario
        The protocol and the assumed truth.
    study
        Name of the study.
    seed, n_trials
        Root seed; trials 0 to ``n_trials - 1`` are simulated.
    chunk_size
        Trials simulated and stored together; a multiple of the simulator's block size wastes nothing.
    path
        Root of the results; the cell goes to ``<path>/<study>/<design>/<scenario>``.
    resolved_config
        What determines the result, as plain data; neither output paths nor the chunk size belong in it,
        because a run may be resumed only with the same configuration.
    benchmark
        Name of the study's benchmark design.
    keep_looks
        Whether to store ``looks.parquet``.
    command
        Command line that made the result, for the manifest.
    progress
        Whether to show a progress bar on standard error.
    estimand_horizon
        Months of follow-up at which the true values are stated.
    estimand_absent
        Channels (dropout, say) switched off for the true cumulative incidence.
    until
        Precision asked for; then the number of trials follows from it, and ``n_trials`` is only what is
        simulated where the characteristic does not exist. The same cell grows when more is asked for later.
    simulate
        Stands in for ``adaptive.simulate.drivers.simulate`` in tests.

    Returns
    -------
    Directory of the cell.

    Raises
    ------
    BadInput
        If arguments are out of range, the directory holds something else, another process writes it, a
        finished result was altered, or the disk refuses.
    CellFailedError
        If every chunk of trials failed twice.
    """
    _check(design, scenario, seed, n_trials, chunk_size)
    truth = describe_truth(design, scenario, estimand_horizon, estimand_absent)
    batch = Batch(simulate, design, scenario, seed, min(chunk_size, n_trials), keep_looks)
    until = None if until is None else check_until(until, design.subgroups, design.arms[1:])
    order = _Order(study, benchmark, n_trials, plain(resolved_config), truth, until)
    cell = cell_path(path, study, design.name, scenario.name)
    identity = _identity(order, batch)
    if _finished(cell, identity) and not store.has_leftovers(cell) and _precise(cell, order, batch):
        return cell
    with _locked(cell):
        if not _finished(cell, identity) or not _precise(cell, order, batch):
            _make(cell, order, batch, identity, chunk_size, command, progress)
        store.clear(cell)
    return cell


@dataclass(frozen=True)
class _Order:
    """What is asked for beside the simulation itself."""

    study: str
    benchmark: str | None
    n_trials: int
    config: dict[str, Any]
    truth: dict[str, Any]
    until: Until | None = None


def _identity(order: _Order, batch: Batch) -> dict[str, Any]:
    """Return what makes two requests the same one."""
    return {
        "study": order.study,
        "design": batch.design.name,
        "scenario": batch.scenario.name,
        "config_sha256": sha256_data(order.config),
        "seed": batch.seed,
        "n_trials": order.n_trials if order.until is None else "until",
        "keep_looks": batch.keep_looks,
        "dtype": str(batch.scenario.hazards.base.dtype),
        "benchmark": order.benchmark,
        "truth_sha256": sha256_data(order.truth),
    }


def _make(
    cell: Path,
    order: _Order,
    batch: Batch,
    identity: dict[str, Any],
    chunk_size: int,
    command: str,
    progress: bool,
) -> None:
    """Simulate and store what the cell lacks, then complete it."""
    made_by = {
        "device": device_name(),
        "machine": machine() | {"accelerator": _accelerator()},
        "versions": versions(),
        "code": code_state(),
    }
    plan, kinds = _plan(identity, made_by, chunk_size), _kinds(batch)
    if (cell / store.MANIFEST).exists():
        reopen(cell, plan, kinds, read_manifest(cell))
    opened = store.CellStore.open(cell, plan, kinds)
    write_atomic(cell / CONFIG, lambda file: file.write(_yaml(order.config)))
    write_atomic(cell / TRUTH, lambda file: file.write(store.json_bytes(order.truth)))
    if order.until is None:
        counted, failures, reached = order.n_trials, _fill(opened, batch, order.n_trials, progress), None
    else:
        pursuit = _pursuit(order, batch)
        counted, failures, reached = pursuit.run(opened, lambda n: _fill(opened, batch, n, False), progress)
    _complete(opened, batch.design, identity, made_by, failures, command, counted, reached)


def _check(design: Design, scenario: Scenario, seed: int, n_trials: int, chunk_size: int) -> None:
    """Raise ``BadInput`` with every fault of the arguments."""
    faults = []
    try:
        check_compatible(design, scenario)
    except ValueError as error:
        faults.append(str(error))
    for name, value, low, high in (
        ("seed", seed, 0, LARGEST - 1),
        ("n_trials", n_trials, 1, LARGEST),
        ("chunk_size", chunk_size, 1, LARGEST),
    ):
        if not low <= value <= high:
            faults.append(f"{name} is {value}; give a whole number from {low} to {high}")
    if faults:
        raise BadInput(faults)


def _finished(cell: Path, identity: dict[str, Any]) -> bool:
    """Return whether the cell is complete and sound; an altered one is refused."""
    if not store.is_complete(cell, identity):
        return False
    faults = verify_files(cell)
    if faults:
        raise BadInput(faults)
    return True


def _locked(cell: Path) -> CellLock:
    try:
        cell.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(cell, error) from error
    return CellLock(cell)


def _plan(identity: dict[str, Any], made_by: dict[str, Any], chunk_size: int) -> store.Plan:
    """Return the plan; a run may move to another host and past a commit, but not to other code."""
    packages = {name: version for name, version in made_by["versions"].items() if name != "platform"}
    environment = {"device": made_by["device"], "code_sha256": made_by["code"]["sha256"], **packages}
    return store.Plan(identity, environment, chunk_size)


def _kinds(batch: Batch) -> dict[str, pa.Schema]:
    """Return the schema of each table that is stored."""
    kinds = schemas(labels_of(batch.design))
    if not batch.keep_looks:
        del kinds["looks"]
    return kinds


def _pursuit(order: _Order, batch: Batch) -> Pursuit:
    title = f"{batch.design.name} / {batch.scenario.name}"
    return Pursuit(order.until, order.n_trials, plain(describe_design(batch.design)), order.truth, title)


def _precise(cell: Path, order: _Order, batch: Batch) -> bool:
    """Return whether a finished cell needs no more trials."""
    return order.until is None or _pursuit(order, batch).is_over(cell, _kinds(batch))


def _fill(opened: store.CellStore, batch: Batch, n_trials: int, progress: bool) -> list[Failure]:
    """Simulate and store the trials that are missing; return those that failed."""
    todo = opened.missing(n_trials, batch.size)
    finished = n_trials - sum(map(len, todo))
    failures = []
    title = f"{batch.design.name} / {batch.scenario.name}"
    with tqdm(
        total=n_trials, initial=finished, desc=title, unit="trial", file=sys.stderr, disable=not progress
    ) as bar:
        for trials in todo:
            outcome = _attempt(batch, trials)
            if isinstance(outcome, Failure):
                failures.append(outcome)
            else:
                opened.put(trials, [table for table in outcome if table is not None])
            bar.update(len(trials))
    if not opened.done:
        raise CellFailedError(
            f"{title}: all {n_trials} trials failed; the first reason: {failures[0].reason}"
        )
    return failures


def _attempt(batch: Batch, trials: range) -> Tables | Failure:
    """Simulate a chunk, once more if that fails, and give it up as a ``Failure`` then."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return batch.run(trials)
        except BadInput:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:1000]
            if attempt == ATTEMPTS:
                return Failure(trials, reason)
    raise AssertionError("unreachable")


def _complete(
    opened: store.CellStore,
    design: Design,
    identity: dict[str, Any],
    made_by: dict[str, Any],
    failures: list[Failure],
    command: str,
    requested: int,
    reached: dict[str, Any] | None,
) -> None:
    """Merge the chunks and write the manifest."""
    files = [*opened.merge(), CONFIG, TRUTH]
    content = {
        **{
            key: identity[key] for key in ("study", "scenario", "seed", "dtype", "benchmark", "config_sha256")
        },
        "design": describe_design(design),
        **made_by,
        "counts": _counts(opened.path, requested, failures),
        "failures": [
            {"first": lost.trials.start, "stop": lost.trials.stop, "reason": lost.reason} for lost in failures
        ],
        "command": command,
        "identity": identity,
    }
    content |= {} if reached is None else {"until": reached}
    write_manifest(opened.path, content, files)


def _counts(cell: Path, requested: int, failures: list[Failure]) -> dict[str, int]:
    kept = pq.read_table(cell / "trials.parquet", columns=["unhealthy_looks", "arrivals_exhausted"])
    unhealthy, exhausted = (column.to_numpy() for column in kept.itercolumns())
    return {
        "requested": requested,
        "finished": kept.num_rows,
        "failed": sum(len(lost.trials) for lost in failures),
        "unhealthy_looks": int(unhealthy.sum()),
        "arrivals_exhausted": int(exhausted.sum()),
    }


def device_name() -> str:
    """Return the platform that JAX computes on, and the kind of device where the platform has several."""
    device = jax.devices()[0]
    kind = device.device_kind
    return device.platform if kind == device.platform else f"{device.platform}: {kind}"


def _accelerator() -> str | None:
    """Return runtime and driver of an accelerator as JAX names them; ``None`` on a CPU."""
    device = jax.devices()[0]
    return None if device.platform == "cpu" else str(device.client.platform_version)


def _yaml(config: Any) -> bytes:
    return yaml.safe_dump(config, sort_keys=True, allow_unicode=True).encode()
