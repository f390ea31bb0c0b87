"""Prepared states on disk: bound to the live task, keyed by sources, dropped when damaged."""

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


class Method:
    """A module with a way to store its states."""

    @staticmethod
    def pack(state: State) -> dict[str, Any]:
        return {"weights": state.weights}

    @staticmethod
    def unpack(task: Substrate, point: Any, data: dict[str, Any]) -> State:
        return State(task, data["weights"])


PREPARED = PreparedState(State(Substrate("old"), [1.5]), {"latency_s": 2.0})


def test_a_state_counts_into_the_live_task(tmp_path: Path) -> None:
    live, path = Substrate("live"), tmp_path / "x.state"
    prepared_states.save(path, Method, PREPARED)
    found = prepared_states.load(path, Method, live, {})
    assert found is not None
    assert found.state.task is live
    assert found.state.weights == [1.5]
    assert found.values == {"latency_s": 2.0}


def test_a_method_without_a_way_to_store_its_states_leaves_none(tmp_path: Path) -> None:
    prepared_states.save(tmp_path / "x.state", object(), PREPARED)
    assert list(tmp_path.iterdir()) == []
    prepared_states.save(tmp_path / "x.state", Method, PREPARED)
    assert prepared_states.load(tmp_path / "x.state", object(), None, {}) is None


@pytest.mark.parametrize("cut", [0, 10, 40])
def test_a_damaged_state_is_prepared_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cut: int
) -> None:
    path = tmp_path / "x.state"
    prepared_states.save(path, Method, PREPARED)
    path.write_bytes(path.read_bytes()[:cut])
    assert prepared_states.load(path, Method, None, {}) is None
    assert "cannot be read" in caplog.text


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_any_flipped_bit_is_seen(place: int, bit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.state"
        prepared_states.save(path, Method, PREPARED)
        data = bytearray(path.read_bytes())
        data[place % len(data)] ^= 1 << bit
        path.write_bytes(data)
        assert prepared_states.load(path, Method, None, {}) is None


def test_a_folder_that_cannot_be_written_is_no_error() -> None:
    path = Path("/proc/nowhere/x.state")
    prepared_states.save(path, Method, PREPARED)
    assert prepared_states.load(path, Method, None, {}) is None


def test_a_state_that_is_not_plain_leaves_nothing(tmp_path: Path) -> None:
    odd = PreparedState(State(Substrate("old"), [print]), {})  # type: ignore[list-item]
    prepared_states.save(tmp_path / "x.state", Method, odd)
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


def test_the_key_follows_the_task_s_checkpoints_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "keyed_task"
    folder.mkdir()
    for name in ("task", "mine"):
        (folder / f"{name}.py").write_text('"""x."""\nCARD = 1\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    task = Entry("t", "keyed_task.task", folder / "task.py", Card("t"))
    mine = Entry("t/mine", "keyed_task.mine", folder / "mine.py", Card("m"))
    keys = [prepared_states.key(CELL, task, mine)]
    for file in ("other_task/a.bin", "keyed_task/a.bin", "keyed_task/b.bin"):
        path = tmp_path / "cache" / "checkpoints" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)
        keys.append(prepared_states.key(CELL, task, mine))
    assert keys[0] == keys[1]
    assert len({*keys}) == 3


def test_the_key_follows_a_file_that_the_conditions_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "keyed_task"
    folder.mkdir()
    for name in ("task", "mine"):
        (folder / f"{name}.py").write_text('"""x."""\nCARD = 1\n')
    monkeypatch.syspath_prepend(tmp_path)
    task = Entry("t", "keyed_task.task", folder / "task.py", Card("t"))
    mine = Entry("t/mine", "keyed_task.mine", folder / "mine.py", Card("m"))
    trace = tmp_path / "requests.csv"
    trace.write_text("a\nb\n")
    cells = [replace(CELL, conditions={"trace": f"{trace}{column}"}) for column in ("", ":url")]
    before = [prepared_states.key(cell, task, mine) for cell in cells]
    trace.write_text("a\nc\nd\n")
    after = [prepared_states.key(cell, task, mine) for cell in cells]
    assert len({*before, *after}) == 4


def test_the_key_follows_the_weights_of_another_task_that_sources_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = tmp_path / "family"
    for folder in ("mine", "mine/substrate", "theirs/checkpoints", "others/checkpoints"):
        (family / folder).mkdir(parents=True)
    place = 'FOLDER = Path(__file__).parents[2] / "theirs" / "checkpoints"'
    (family / "mine/substrate/weights.py").write_text(f"from pathlib import Path\n{place}\n")
    (family / "mine/task.py").write_text("import family.mine.substrate.weights\nCARD = 1\n")
    (family / "mine/own.py").write_text("CARD = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    task = Entry("t", "family.mine.task", family / "mine/task.py", Card("t"))
    mine = Entry("t/own", "family.mine.own", family / "mine/own.py", Card("m"))
    keys = [prepared_states.key(CELL, task, mine)]
    for file in (family / "others/checkpoints/a.bin", family / "theirs/checkpoints/a.bin",
                 tmp_path / "cache/checkpoints/theirs/b.bin"):  # fmt: skip
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("weights")
        keys.append(prepared_states.key(CELL, task, mine))
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
