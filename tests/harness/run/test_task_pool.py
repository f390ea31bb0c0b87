"""Tasks that stay loaded for a race: how many processes they have on a device between them."""

from contextlib import closing
from dataclasses import dataclass, field

import pytest

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.contract.registry import Entry
from adabench.harness.run.block import MOST_ON_DEVICE, LoadedBlock
from adabench.harness.run.execute import Bench
from adabench.harness.run.open_turn import OpenTurn
from adabench.harness.run.settings import Settings
from adabench.harness.run.task_pool import BENCHES, TaskPool

METHODS = ("fixed", "residual", "coin")


@dataclass
class Device:
    """A device without anything on it but names of processes, and the most that were there."""

    living: list[str] = field(default_factory=list)
    most: int = 0


@dataclass
class Process:
    """What stands for a process of a method."""

    device: Device
    name: str
    alive: bool = True
    prepares: bool = False
    states: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.device.living.append(self.name)
        self.device.most = max(self.device.most, len(self.device.living))

    def finish(self) -> None:
        """End."""
        self.device.living.remove(self.name)
        self.alive = False

    close = finish


@pytest.fixture
def device(toy: None, monkeypatch: pytest.MonkeyPatch) -> Device:
    """Let benches start processes on a fake device, and make records of nothing."""
    made = Device()

    def start(self: Bench, block: LoadedBlock, entry: Entry) -> Process:
        return Process(made, f"{block.name} {entry.address}")

    def case(self: OpenTurn, index: int) -> Record:
        self.process()
        return Record(self.turn.cell, "solve", index, self.turn.repeat, "ok", {})

    monkeypatch.setattr(Bench, "_start", start)
    monkeypatch.setattr(OpenTurn, "solve", case)
    return made


def turns(scale: str, seeds: int) -> list[Turn]:
    return [
        Turn(Cell("roots", name, {}, {"spread": 4.0}, scale, seed), 0)
        for seed in range(seeds)
        for name in METHODS
    ]


@pytest.mark.parametrize("seeds", [2, BENCHES, BENCHES + 2])
def test_all_tasks_together_have_as_many_processes_on_a_device_as_one(
    device: Device, seeds: int
) -> None:
    with closing(TaskPool(Settings())) as pool:
        for _ in range(2):
            for turn in turns("gpu", seeds):
                assert len(list(pool.run(turn, {0, 1}, set()))) == 2
                assert any(name.endswith(turn.cell.address) for name in device.living)
    assert device.most == MOST_ON_DEVICE
    assert not device.living


def test_a_task_that_asks_for_fewer_gets_the_device_for_these(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adabench_toy.task.Roots.most_on_device", 1, raising=False)
    with closing(TaskPool(Settings())) as pool:
        for turn in turns("gpu", 3):
            list(pool.run(turn, {0}, set()))
    assert device.most == 1


def test_elsewhere_processes_stay(device: Device) -> None:
    with closing(TaskPool(Settings())) as pool:
        for turn in turns("embedded", 3):
            list(pool.run(turn, {0}, set()))
        assert len(device.living) == 3 * len(METHODS)
