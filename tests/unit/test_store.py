"""The store: whole chunks or none, the same bytes however the trials were cut, and one writer at a time."""

import errno
import functools
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adaptive.errors import BadInput
from adaptive.io import atomic, chunks, manifest, store
from adaptive.io.frames import Labels, schemas, tables
from adaptive.io.lock import LOCK_NAME, CellLock
from adaptive.io.manifest import verify_files, write_manifest
from tests.results_toys import ARMS, SUBGROUPS, fake_simulate

LABELS = Labels(
    subgroups=SUBGROUPS, arms=ARMS, measures=(("p_below_1", 1.0), ("p_below_0.8", 0.8), ("p_below_1", 1.0))
)
KINDS = schemas(LABELS)
N = 20
FILES = [f"{name}.parquet" for name in KINDS]


@functools.cache
def _parts(trials):
    wanted = np.arange(trials.start, trials.stop)
    result, looks = fake_simulate(None, None, seed=5, trials=wanted)
    return list(tables(LABELS, wanted, result, looks))


def _plan(seed=5, size=7, version="1"):
    return store.Plan({"seed": seed, "n_trials": N}, {"jax": version}, size)


def _make(path, size=7):
    """Make a cell as the study does: resume or start, fill, merge, manifest, clear."""
    path.mkdir(exist_ok=True)
    plan = _plan(size=size)
    if not store.is_complete(path, plan.identity):
        opened = store.CellStore.open(path, plan, KINDS)
        for trials in opened.missing(N, size):
            opened.put(trials, _parts(trials))
        write_manifest(path, {"identity": plan.identity}, opened.merge())
    store.clear(path)


def _contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    path = tmp_path_factory.mktemp("reference") / "cell"
    _make(path)
    return _contents(path)


def test_a_finished_cell_holds_tables_and_manifest_only(reference):
    assert sorted(reference) == sorted([*FILES, "manifest.json"])


@pytest.mark.parametrize("group", [store.ROW_GROUP, 16])
@pytest.mark.parametrize("size", [1, 3, 8, 19, 20, 1000])
def test_the_bytes_do_not_depend_on_the_chunk_size(tmp_path, size, group, monkeypatch):
    monkeypatch.setattr(store, "ROW_GROUP", group)
    _make(tmp_path / "a", 7)
    _make(tmp_path / "b", size)
    assert _contents(tmp_path / "b") == _contents(tmp_path / "a")


def test_the_final_rows_are_the_rows_of_all_trials(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "ROW_GROUP", 16)
    _make(tmp_path / "cell", 3)
    for name, whole in zip(KINDS, _parts(range(N)), strict=True):
        read = pq.read_table(tmp_path / "cell" / f"{name}.parquet")
        assert read.schema.equals(KINDS[name], check_metadata=True)
        assert read.to_pylist() == whole.to_pylist()
        groups = pq.ParquetFile(tmp_path / "cell" / f"{name}.parquet").metadata
        sizes = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
        assert set(sizes[:-1]) <= {16} and 0 < sizes[-1] <= 16


def test_regroup_of_nothing_is_nothing_and_its_file_is_typed(tmp_path):
    assert list(store.regroup(iter([]), 4)) == []
    with open(tmp_path / "x", "wb") as file:
        store.write_parquet(file, KINDS["looks"], iter([]))
    assert pq.read_table(tmp_path / "x").num_rows == 0
    assert pq.read_schema(tmp_path / "x").equals(KINDS["looks"])


def test_missing_fills_the_gaps_between_chunks():
    opened = store.CellStore(Path(), KINDS)
    opened.done = [range(3, 5), range(5, 9), range(15, 20)]
    assert opened.missing(N, 4) == [range(0, 3), range(9, 13), range(13, 15)]


class Killed(BaseException):
    """Stands for the end of the process: nothing that it would have done afterwards happens."""


class Killer:
    """Lets ``fuel`` operations on the file system pass; the next one is cut short and none follows."""

    def __init__(self, monkeypatch, fuel):
        self.fuel, self.spent = fuel, 0
        self.dead = False
        for owner, name in (
            (os, "fsync"),
            (os, "replace"),
            (shutil, "rmtree"),
            (Path, "unlink"),
            (Path, "mkdir"),
        ):
            monkeypatch.setattr(owner, name, self._guard(getattr(owner, name)))
        monkeypatch.setattr(atomic, "open", self._open, raising=False)

    def spend(self):
        if self.dead or self.spent >= self.fuel:
            self.dead = True
            raise Killed
        self.spent += 1

    def _guard(self, function):
        def guarded(*args, **kwargs):
            self.spend()
            return function(*args, **kwargs)

        return guarded

    def _open(self, path, mode):
        self.spend()
        return io.BufferedWriter(TornFile(self, path, mode), 4096)


class TornFile(io.FileIO):
    """A file of which the killed write reaches the disk in half."""

    def __init__(self, killer, path, mode):
        super().__init__(path, mode)
        self._killer = killer

    def write(self, data):
        already = self._killer.dead
        try:
            self._killer.spend()
        except Killed:
            if not already:
                super().write(bytes(data)[: len(data) // 2])
            raise
        return super().write(data)


def _sweep(folder, reference, prepare=lambda patch: None):
    """Kill the making of a cell after each operation in turn, resume; yield where that went wrong."""
    fuel, ended = 0, False
    while not ended:
        path = folder / str(fuel)
        with pytest.MonkeyPatch.context() as patch:
            prepare(patch)
            killer = Killer(patch, fuel)
            try:
                _make(path, 10)
                ended = True
            except BaseException:
                assert killer.dead
        with pytest.MonkeyPatch.context() as patch:
            prepare(patch)
            try:
                _make(path, 6)
                sound = _contents(path) == reference and not verify_files(path)
            except (BadInput, OSError, pa.ArrowException):
                sound = False
        if not sound:
            yield fuel
        shutil.rmtree(path)
        fuel += 1
    assert fuel > 40


def test_a_kill_after_any_operation_is_survived(tmp_path, reference, monkeypatch):
    monkeypatch.setattr(manifest, "_REQUIRED", ("files", "identity"))
    assert list(_sweep(tmp_path, reference)) == []


def _write_under_the_final_name(path, write):
    """Planted bug: the name is there before the content is."""
    with atomic.open(path, "wb") if hasattr(atomic, "open") else open(path, "wb") as file:
        write(file)


def _torn_chunks(patch):
    patch.setattr(chunks, "write_atomic", _write_under_the_final_name)
    patch.setattr(chunks, "is_whole", lambda path, trials, kinds: True)


def _torn_manifest(patch):
    patch.setattr(manifest, "write_atomic", _write_under_the_final_name)


@pytest.mark.parametrize("bug", [_torn_chunks, _torn_manifest])
def test_planted_bug_renaming_before_writing_is_caught(tmp_path, reference, monkeypatch, bug):
    monkeypatch.setattr(manifest, "_REQUIRED", ("files", "identity"))
    assert next(_sweep(tmp_path, reference, bug), None) is not None


def _half_made(path):
    """Leave a cell with two of three chunks."""
    path.mkdir()
    opened = store.CellStore.open(path, _plan(), KINDS)
    for trials in opened.missing(N, 7)[:2]:
        opened.put(trials, _parts(trials))
    return sorted((path / store.CHUNKS).iterdir())


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
        lambda data: data + b"x",
    ],
)
def test_a_damaged_chunk_is_redone_and_the_others_kept(tmp_path, reference, damage):
    path = tmp_path / "cell"
    first, second = _half_made(path)
    before = second.stat().st_mtime_ns
    first.write_bytes(damage(first.read_bytes()))
    opened = store.CellStore.open(path, _plan(), KINDS)
    assert opened.done == [range(7, 14)] and second.stat().st_mtime_ns == before
    _make(path)
    assert _contents(path) == reference


def test_a_chunk_under_the_name_of_other_trials_is_redone(tmp_path):
    path = tmp_path / "cell"
    first, _ = _half_made(path)
    first.rename(first.with_name(chunks.chunk_name(range(14, 21))))
    assert store.CellStore.open(path, _plan(), KINDS).done == [range(7, 14)]


def test_resuming_something_else_is_refused_with_the_differences(tmp_path):
    path = tmp_path / "cell"
    kept = _half_made(path)
    with pytest.raises(
        BadInput, match=r"seed: then 5, now 6.*jax: then '1', now '2'.*another output.*delete"
    ):
        store.CellStore.open(path, _plan(seed=6, version="2"), KINDS)
    assert all(file.exists() for file in kept)


def test_chunks_without_a_plan_are_refused(tmp_path):
    path = tmp_path / "cell"
    _half_made(path)
    (path / store.PLAN).unlink()
    with pytest.raises(BadInput, match=r"chunks without plan\.json"):
        store.CellStore.open(path, _plan(), KINDS)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_an_unreadable_plan_is_refused(tmp_path, text):
    (tmp_path / store.PLAN).write_text(text)
    with pytest.raises(BadInput, match=r"plan\.json"):
        store.CellStore.open(tmp_path, _plan(), KINDS)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_reported_and_leaves_no_half_file(tmp_path, monkeypatch, call):
    path = tmp_path / "cell"
    _half_made(path)
    opened = store.CellStore.open(path, _plan(), KINDS)
    before = sorted((path / store.CHUNKS).iterdir())

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(BadInput, match=r"No space left on device.*same command again"):
        opened.put(range(14, 20), _parts(range(14, 20)))
    assert sorted((path / store.CHUNKS).iterdir()) == before
    assert opened.done == [range(0, 7), range(7, 14)]


def test_a_real_full_device_is_reported(tmp_path):
    """Linux offers a device on which every write fails for want of space."""
    if not os.path.exists("/dev/full"):
        pytest.skip("macOS has no /dev/full")
    with pytest.raises(BadInput, match="No space left"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "open", lambda path, mode: open("/dev/full", mode), raising=False)  # noqa: SIM115
        chunks.write_chunk(tmp_path / chunks.chunk_name(range(3)), _parts(range(3)))
    assert list(tmp_path.iterdir()) == []


def test_the_lock_refuses_a_second_holder_and_names_the_first(tmp_path):
    with (
        CellLock(tmp_path),
        pytest.raises(BadInput, match=rf"process {os.getpid()} on host"),
        CellLock(tmp_path),
    ):
        pass
    assert not (tmp_path / LOCK_NAME).exists()
    with CellLock(tmp_path):
        pass


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    script = (
        "import os, signal, sys; from adaptive.io.lock import CellLock; from pathlib import Path\n"
        "CellLock(Path(sys.argv[1])).__enter__(); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(BadInput, match=f"process {process.pid} "), CellLock(tmp_path):
            pass
        process.kill()
    assert json.loads((tmp_path / LOCK_NAME).read_text())["pid"] == process.pid
    with CellLock(tmp_path):
        assert json.loads((tmp_path / LOCK_NAME).read_text())["pid"] == os.getpid()


@pytest.mark.parametrize(("host", "refused"), [("elsewhere", True), (None, False)])
def test_without_kernel_locks_the_content_decides(tmp_path, monkeypatch, host, refused):
    """A holder on another host may be alive; one on this host that has ended is stale."""

    def unsupported(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("adaptive.io.lock.fcntl.flock", unsupported)
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    holder = {"pid": int(ended.stdout), "host": host or os.uname().nodename}
    (tmp_path / LOCK_NAME).write_text(json.dumps(holder))
    if refused:
        with pytest.raises(BadInput, match="on host elsewhere"), CellLock(tmp_path):
            pass
    else:
        with CellLock(tmp_path):
            assert True
