import json
import subprocess
import sys

import pytest

from adabench.profilers import memory
from adabench.profilers.memory import PeakMemory, absence

pytestmark = pytest.mark.cold

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
    with PeakMemory(clear_refs=refused) as probe:
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
from adabench.profilers.memory import Baseline, PeakMemory
held = bytearray(64 * 1024 * 1024)  # what a server holds when it forks
held[::4096] = b"x" * len(held[::4096])
reading, writing = os.pipe()
if os.fork() == 0:
    with PeakMemory(Baseline()) as probe:
        {body}
    os.write(writing, json.dumps(probe.read()).encode())
    os._exit(0)
print(os.read(reading, 4096).decode())
"""
BASED = """
import importlib.util, json, mmap
from pathlib import Path
from adabench.profilers.memory import Baseline, PeakMemory
MIB = 1024 * 1024
baseline = Baseline()
found = []

def read():
    with PeakMemory(baseline) as probe:
        pass
    found.append(probe.read()["rss_peak_bytes"] / MIB)

kept = bytearray(200 * MIB)  # before any window: a warm-up that keeps it
read()
with baseline.ours():
    case = bytearray(100 * MIB)
read()
with baseline.ours():
    del case
read()
library = Path(importlib.util.find_spec("torch").origin).parent / "lib" / "libtorch_cpu.so"
with library.open("rb") as file, mmap.mmap(file.fileno(), 64 * MIB, prot=mmap.PROT_READ) as mapped:
    with PeakMemory(baseline) as probe:
        for page in range(0, 64 * MIB, 4096):
            mapped[page]
found.append(probe.read()["rss_peak_bytes"] / MIB)
del kept
read()
print(json.dumps(found))
"""

COMPILED = """
import json
from numba.core.event import trigger_event
from adabench.profilers.memory import Baseline, PeakMemory, leave_out_compiler
baseline = Baseline()
leave_out_compiler(baseline)
with trigger_event("numba:compile"), trigger_event("numba:compile"):
    compiler = bytearray(64 * 1024 * 1024)
with PeakMemory(baseline) as probe:
    block = bytearray(32 * 1024 * 1024)
print(json.dumps(probe.read()))
"""


def printed(program: str):
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(not WINDOWED, reason="the kernel refuses to reset the peak of memory")
@pytest.mark.parametrize("body", ["sum(held[::4096])", "held[::4096] = b'y' * len(held[::4096])"])
def test_what_a_forked_process_shares_with_its_parent_is_not_its_growth(body):
    """Neither what it reads of it, nor the pages that it copies by writing."""
    assert printed(FORKED.format(body=body))["rss_peak_bytes"] < 5 * MIB


@pytest.mark.skipif(not WINDOWED, reason="the kernel refuses to reset the peak of memory")
def test_what_was_taken_before_the_window_counts_from_the_baseline_on():
    """Kept, with a case of ours, without it, with a file that is mapped, and given back."""
    *holding, after = printed(BASED)
    assert all(180 < figure < 220 for figure in holding), holding
    assert after < 5


@pytest.mark.skipif(not WINDOWED, reason="the kernel refuses to reset the peak of memory")
def test_what_a_compiler_keeps_is_left_out_once():
    """Also where one function is compiled within another."""
    assert 27 * MIB < printed(COMPILED)["rss_peak_bytes"] < 37 * MIB
