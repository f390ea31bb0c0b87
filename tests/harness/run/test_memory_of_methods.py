"""Whose memory a figure is: of a method's process, that of the method alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.contract.protocols import Meter
from adabench.harness.contract.registry import find
from adabench.harness.plan.grid import plan, select_settings
from adabench.harness.run import block, execute
from adabench.harness.run.settings import Settings
from adabench.profilers.memory import absence

MIB = 1024 * 1024
HEAD = """\
from adabench.harness.contract.card import Card
CARD = Card(title="holds", role="static")
MIB = 1024 * 1024
HELD = []
"""
Peaks = Callable[[str], list[float]]
pytestmark = [
    pytest.mark.skipif(absence() is not None, reason="the kernel resets no peak of memory"),
    pytest.mark.cold,
]


@pytest.fixture
def peaks(toy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Peaks:
    """Return what the records of a method with this text say, in MiB."""
    info = tmp_path / "holds-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: holds\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[adabench.methods]\nroots/holds = holds_method\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(text: str) -> list[float]:
        (tmp_path / "holds_method.py").write_text(HEAD + text)
        methods = (find("roots/fixed"), find("roots/holds"))
        turns = plan([select_settings(find("roots"), one, star=False) for one in methods],
                     seeds=(0,))  # fmt: skip
        records = list(execute.execute(turns, Settings(window_s=0.0)))
        assert {record.status for record in records} == {"ok"}, records[0].note
        return [r.values["rss_peak_bytes"] / MIB for r in records
                if r.cell.method == "holds" and r.phase == "solve"]  # fmt: skip

    return run


IDLE = "def solve(task, case, point):\n    return task.step(case, 1.0)\n"
FIRST = """\
def solve(task, case, point):
    if not HELD:
        HELD.extend(bytearray(60_000) for _ in range(3500))
    return task.step(case, 1.0)
"""
PREPARED = """\
def prepare(task, point, seed):
    {state}
def solve(state, case, point):
    return state[0].step(case, 1.0)
"""


def test_what_a_warm_up_took_and_keeps_is_in_every_figure(peaks: Peaks) -> None:
    found = peaks(FIRST)
    assert len(found) == 12
    assert all(190 < figure < 215 for figure in found), found


def test_what_a_preparation_keeps_is_in_every_figure(peaks: Peaks) -> None:
    found = peaks(PREPARED.format(state="return task, bytearray(200 * MIB)"))
    assert all(190 < figure < 215 for figure in found), found


def test_what_a_preparation_gave_back_is_in_none(peaks: Peaks) -> None:
    """In pieces that the C library keeps for later."""
    found = peaks(PREPARED.format(
        state="pieces = [bytearray(60_000) for _ in range(3500)]; HELD.append(bytearray(2000))\n"
        "    return [task]"))  # fmt: skip
    assert max(found) < 5, found


@dataclass
class Large:
    """A number, and a part of a case that is as large as what a method might take."""

    value: float
    group: str = "large"
    part: np.ndarray = field(default_factory=lambda: np.ones(MIB))


@dataclass
class Substrate:
    """What a server holds: as much memory as a table of weights takes."""

    meter: Meter = field(default_factory=Meter)
    weights: np.ndarray = field(default_factory=lambda: np.ones(16 * MIB))
    pieces: list[bytearray] = field(default_factory=list)

    def warm(self) -> None:
        """Leave much that was freed."""
        self.pieces = [bytearray(60_000) for _ in range(2000)]
        self.pieces = self.pieces[-1:]

    def step(self, case: Large, guess: float) -> float:
        """Write into what is shared: pages are copied."""
        self.meter["steps"] += 1
        self.weights += case.part[0]
        return guess

    def cases(self) -> Iterator[Large]:
        """Yield cases of 8 MiB."""
        return (Large(float(index)) for index in range(6))

    def substrate(self) -> "Substrate":
        """Return a copy without what was counted."""
        return Substrate()

    def score(self, case: Large, answer: float) -> dict[str, float]:
        """Everything is right."""
        del case, answer
        return {"right": 1.0}


def test_a_method_that_takes_nothing_reads_next_to_nothing(
    peaks: Peaks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside 128 MiB of the server that it writes into, and cases of 8 MiB that pile up."""
    loaded = block.load_block

    def load(cell: object) -> block.LoadedBlock:
        found = loaded(cell)  # type: ignore[arg-type]
        found.task, found.cases = Substrate(), list(Substrate().cases())
        return found

    monkeypatch.setattr(execute, "load_block", load)
    found = peaks(IDLE)
    assert len(found) == 6
    assert max(found) < 5, found
    taken = peaks(FIRST)
    assert all(190 < figure < 215 for figure in taken), taken
