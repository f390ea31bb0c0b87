import json
import subprocess
import sys

import pytest

from adabench.profilers import memory
from adabench.profilers.memory import PeakMemory, absence

MIB = 1024 * 1024
WINDOWED = absence() is None
WINDOWS = """
import json
from adabench.profilers.memory import PeakMemory
neighbour = bytearray(64 * 1024 * 1024)
with PeakMemory() as probe:
    block = bytearray(96 * 1024 * 1024)
    del block
high = probe.read()["rss_peak_bytes"]
with PeakMemory() as probe:
    pass
print(json.dumps([high, probe.read()["rss_peak_bytes"], list(probe.read())]))
"""


@pytest.mark.skipif(not WINDOWED, reason="the kernel refuses to reset the peak of memory")
def test_the_peak_is_that_of_the_window_and_not_of_what_came_before():
    """In a process of its own: one that freed much before takes no new pages for the block."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", WINDOWS], capture_output=True, text=True, check=True
    )
    high, low, names = json.loads(done.stdout)
    assert 48 * MIB < high < 160 * MIB  # the kernel's counters are batched: MiB on many cores
    assert low < 5 * MIB  # what others of this process hold is not the block's
    assert set(names) <= PeakMemory.levels


def test_without_a_window_the_peak_has_another_name(tmp_path):
    refused = tmp_path / "clear_refs"
    with PeakMemory(refused) as probe:
        pass
    assert list(probe.read()) == ["rss_process_peak_bytes"]
    assert probe.read()["rss_process_peak_bytes"] > MIB
    assert not refused.exists()


def test_a_refused_reset_is_explained(monkeypatch):
    monkeypatch.setattr(memory, "reset_peak", lambda: False)
    reason, remedy = memory.absence()
    assert "clear_refs" in reason
    assert remedy


FORKED = """
import json, os
from adabench.profilers.memory import PeakMemory
held = bytearray(64 * 1024 * 1024)  # what a server holds when it forks
reading, writing = os.pipe()
if os.fork() == 0:
    with PeakMemory() as probe:
        total = sum(held[::4096])
    os.write(writing, json.dumps(probe.read()).encode())
    os._exit(0)
print(os.read(reading, 4096).decode())
"""


@pytest.mark.skipif(not WINDOWED, reason="the kernel refuses to reset the peak of memory")
def test_what_a_forked_process_shares_with_its_parent_is_not_its_growth():
    done = subprocess.run(
        [sys.executable, "-P", "-c", FORKED], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["rss_peak_bytes"] < 5 * MIB
