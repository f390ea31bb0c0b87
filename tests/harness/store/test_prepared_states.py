"""Prepared states on disk: bound to the live task, keyed by sources, dropped when damaged."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adabench.harness.contract.card import Card
from adabench.harness.contract.protocols import Meter
from adabench.harness.contract.record import Cell
from adabench.harness.contract.registry import Entry
from adabench.harness.store import prepared_states
from adabench.harness.store.prepared_states import PreparedState

CELL = Cell("t", "m", {"k": 1}, {}, "embedded", 0)


@dataclass
class Substrate:
    name: str
    meter: Meter = field(default_factory=Meter)


@dataclass
class State:
    task: Substrate
    weights: list[float]


def test_a_state_counts_into_the_live_task(tmp_path: Path) -> None:
    old, live = Substrate("old"), Substrate("live")
    prepared_states.save(tmp_path, "x", PreparedState(State(old, [1.5]), {"latency_s": 2.0}), old)
    found = prepared_states.load(tmp_path, "x", live)
    assert found is not None
    assert found.state.task is live
    assert found.state.weights == [1.5]
    assert found.values == {"latency_s": 2.0}


def test_a_damaged_state_is_prepared_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "x.pickle").write_bytes(b"\x80\x05garbage")
    assert prepared_states.load(tmp_path, "x", None) is None
    assert "cannot be read" in caplog.text


def test_a_folder_that_cannot_be_written_is_no_error() -> None:
    prepared_states.save(Path("/proc/nowhere"), "x", PreparedState(1, {}), None)
    assert prepared_states.load(Path("/proc/nowhere"), "x", None) is None


def test_a_state_that_cannot_be_pickled_leaves_nothing(tmp_path: Path) -> None:
    prepared_states.save(tmp_path, "x", PreparedState(lambda: None, {}), None)
    assert list(tmp_path.iterdir()) == []


def test_the_key_follows_the_sources_it_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "keyed_task"
    folder.mkdir()
    for name in ("task", "parts", "mine", "other"):
        head = "\nCARD = 1\n" if name != "parts" else "\n"
        (folder / f"{name}.py").write_text(f'"""x."""\nimport keyed_task.parts\n{head}')
    monkeypatch.syspath_prepend(tmp_path)
    task = Entry("t", "keyed_task.task", folder / "task.py", Card("t"))
    mine = Entry("t/mine", "keyed_task.mine", folder / "mine.py", Card("m"))
    first = prepared_states.key(CELL, task, mine)
    (folder / "other.py").write_text('"""y."""\nCARD = 1\n')
    assert prepared_states.key(CELL, task, mine) == first
    for name in ("parts", "mine", "task"):
        before = prepared_states.key(CELL, task, mine)
        path = folder / f"{name}.py"
        path.write_text('"""Other prose."""\n' + path.read_text().partition("\n")[2])
        assert prepared_states.key(CELL, task, mine) == before
        path.write_text(path.read_text() + "x = 1\n")
        assert prepared_states.key(CELL, task, mine) != before
