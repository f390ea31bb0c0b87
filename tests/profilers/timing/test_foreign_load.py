"""Processor time of strangers: whose it is, and that it only grows."""

import os
from array import array
from pathlib import Path

import pytest

from adabench.profilers.timing.disturbance import FOREIGN_LOAD, Look, Samples, Watch
from adabench.profilers.timing.foreign_load import ALL_PROCESSES, ForeignLoad

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def run(proc: Path, pid: int, ticks: int, parent: int = 1, ended: int = 0) -> None:
    """Let a process have used so many ticks."""
    folder = proc / str(pid)
    (folder / "task" / str(pid)).mkdir(parents=True, exist_ok=True)
    fields = ["S", str(parent), *["0"] * 9, str(ticks), "0", str(ended), "0", "0"]
    (folder / "stat").write_text(f"{pid} (a (program)) {' '.join(fields)}")
    (folder / "cmdline").write_bytes(b"program\0")
    children = folder / "task" / str(pid) / "children"
    children.write_text(children.read_text() if children.exists() else "")


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    (tmp_path / "self" / "ns").mkdir(parents=True)
    (tmp_path / "self" / "ns" / "pid").symlink_to(ALL_PROCESSES)
    run(tmp_path, os.getpid(), 100)
    run(tmp_path, 1_000_001, 40)
    return tmp_path


def test_what_strangers_take_is_spread_over_the_processors(proc):
    load = ForeignLoad(proc)
    assert load.now_ns() == 0
    run(proc, 1_000_001, 46)
    assert load.now_ns() == 3 * TICK_NS
    assert load.now_ns() == 3 * TICK_NS


def test_this_process_and_its_children_are_no_strangers(proc):
    own = proc / str(os.getpid()) / "task" / str(os.getpid()) / "children"
    own.write_text("1000002")
    run(proc, 1_000_002, 10, os.getpid())
    load = ForeignLoad(proc)
    load.now_ns()
    run(proc, os.getpid(), 900)
    run(proc, 1_000_002, 800, os.getpid())
    assert load.now_ns() == 0


def test_a_stranger_that_begins_counts_and_one_that_ends_takes_nothing_back(proc):
    load = ForeignLoad(proc)
    load.now_ns()
    run(proc, 1_000_003, 4)
    assert load.now_ns() == 2 * TICK_NS
    (proc / "1000003" / "stat").unlink()
    assert load.now_ns() == 2 * TICK_NS


def test_what_a_stranger_waited_for_was_no_load_of_this_moment(proc):
    load = ForeignLoad(proc)
    load.now_ns()
    run(proc, 1_000_001, 40, ended=500)
    assert load.now_ns() == 0


def test_without_processes_to_look_at_nothing_is_known(tmp_path):
    assert ForeignLoad(tmp_path / "absent").now_ns() is None


def test_in_a_container_that_hides_strangers_nothing_is_known(proc):
    (proc / "self" / "ns" / "pid").unlink()
    (proc / "self" / "ns" / "pid").symlink_to("pid:[4026532000]")
    assert ForeignLoad(proc).now_ns() is None


def test_a_watch_of_strangers_says_who_had_the_processor():
    watch = Watch()
    watch.watch_strangers()
    assert isinstance(watch.delay, ForeignLoad)
    samples, calm = Samples(), (Look(0), Look(1))
    samples.add(array("q", [1000, 1000]), array("q", [49, 51]), 1, calm, FOREIGN_LOAD)
    assert (samples.taken, samples.dropped) == (2, 1)
    assert "others had a processor: 1" in samples.says()
