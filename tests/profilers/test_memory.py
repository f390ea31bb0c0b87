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
    assert high - low > 48 * MIB  # the kernel's counters are batched: MiB on many cores
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
