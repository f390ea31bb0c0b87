"""The expert store: every tier brings the same bytes, order decides who is in a slot, and a loader that ends changes nothing."""

import os
import threading
from pathlib import Path

import pytest
import torch

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.moe.substrate import expert_tiers
from adabench.workloads.moe.substrate.expert_store import ExpertStore
from adabench.workloads.moe.substrate.expert_tiers import BLOCK, Memory, open_tier, refuse_no_disk

EXPERTS = torch.randint(
    0, 256, (6, 2 * BLOCK), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)


def has_disk(folder: Path) -> bool:
    """Say whether files of a folder lie on a disk, and not in memory."""
    try:
        refuse_no_disk(str(folder))
    except EnvironmentProblem:
        return False
    return True


class Fails:
    """A tier that fails so many times before it works."""

    def __init__(self, times: int) -> None:
        self.times, self.memory = times, Memory(EXPERTS)
        self.failed = threading.Event()

    def bring(self, expert: int, slot: torch.Tensor) -> None:
        self.times -= 1
        if self.times >= 0:
            self.failed.set()
            raise OSError("the disk is gone")
        self.memory.bring(expert, slot)


@pytest.mark.parametrize("name", ["memory", "inflate", "file"])
def test_each_tier_brings_the_same_bytes(name: str, tmp_path: Path) -> None:
    if name == "file" and not has_disk(tmp_path):
        with pytest.raises(EnvironmentProblem, match="is no place for experts in a file"):
            open_tier(name, EXPERTS, str(tmp_path))
        return
    tier = open_tier(name, EXPERTS, str(tmp_path))
    before = expert_tiers.blocks_read()
    with ExpertStore(tier, 3, 2 * BLOCK) as store:
        for expert in (5, 0, 3):
            store.fetch(expert, expert % 3, urgent=expert == 3)
        assert torch.equal(store.arrived(2), EXPERTS[5])
        assert torch.equal(store.arrived(0), EXPERTS[3])
    assert store.moved_bytes == 3 * 2 * BLOCK
    if name == "file":
        assert expert_tiers.blocks_read() - before >= store.moved_bytes
    assert not list(tmp_path.iterdir())


def test_copies_into_one_slot_keep_their_order() -> None:
    store = ExpertStore(Memory(EXPERTS), 2, 2 * BLOCK)  # not entered: nothing loads beside
    store.fetch(1, 0)
    store.fetch(2, 1)
    store.fetch(4, 0, urgent=True)
    assert torch.equal(store.arrived(0), EXPERTS[4])
    store.fetch(5, 0)
    assert torch.equal(store.arrived(1), EXPERTS[2])
    assert torch.equal(store.arrived(0), EXPERTS[5])
    assert store.fetches == 4
    assert store.late == 3


def test_who_waits_brings_what_a_dead_loader_does_not() -> None:
    tier = Fails(1)
    with ExpertStore(tier, 2, 2 * BLOCK) as store:
        for expert in (1, 2, 3):
            store.fetch(expert, expert % 2)
        if len(os.sched_getaffinity(0)) > 1:
            assert tier.failed.wait(60)  # it was the loader's, which ended by it
        else:  # no core is left for a loader
            tier.times = 0
        assert torch.equal(store.arrived(1), EXPERTS[3])
        assert torch.equal(store.arrived(0), EXPERTS[2])
    assert store.moved_bytes == 3 * 2 * BLOCK


def test_a_failure_that_lasts_meets_who_waits() -> None:
    with pytest.raises(OSError, match="disk is gone"), ExpertStore(Fails(9), 2, 2 * BLOCK) as store:
        store.fetch(1, 0)
        store.arrived(0)


def test_what_was_ordered_is_brought_although_nobody_waits() -> None:
    with ExpertStore(Memory(EXPERTS), 4, 2 * BLOCK) as store:
        for expert in range(4):
            store.fetch(expert, expert)
    assert torch.equal(store.slots, EXPERTS[:4])
    assert store.moved_bytes == 4 * 2 * BLOCK


def test_a_file_that_no_disk_is_read_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = tmp_path / "io"
    still.write_text("rchar: 10\nread_bytes: 0\n")
    monkeypatch.setattr(expert_tiers, "COUNTER", still)
    with pytest.raises(EnvironmentProblem, match="is no place for experts in a file") as refused:
        open_tier("file", EXPERTS, str(tmp_path))
    assert "tier=inflate" in refused.value.hint
    with pytest.raises(EnvironmentProblem, match="no whole number of blocks"):
        open_tier("file", EXPERTS[:, :100], str(tmp_path))


def test_tiers_that_cannot_be_had_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match="'disk' is no tier"):
        open_tier("disk", EXPERTS)
    with pytest.raises(SelectionError, match="is no folder"):
        open_tier("file", EXPERTS, str(tmp_path / "none"))
    if not torch.cuda.is_available():
        with pytest.raises(EnvironmentProblem, match="there is none"):
            open_tier("host", EXPERTS)
