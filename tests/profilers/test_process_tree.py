import os
import subprocess
import sys

import pytest

from adabench.profilers import process_tree
from adabench.profilers.timing.clock import Cpu

pytestmark = pytest.mark.cold

SERVER = process_tree.SERVER
SPIN = "import time; t = time.process_time()\nwhile time.process_time() - t < 0.25: pass\n"


class Tree:
    """A /proc of processes that do not exist."""

    def __init__(self, root):
        self.root = root

    def add(self, pid, parent, *words, ticks=(0, 0, 0, 0)):
        folder = self.root / str(pid)
        (folder / "task" / str(pid)).mkdir(parents=True)
        (folder / "task" / str(pid) / "children").write_text("")
        before = "S " + f"{parent} " + "0 " * 9  # state, parent, and nine that nobody asks for
        text = before + " ".join(map(str, ticks))
        (folder / "stat").write_text(f"{pid} (a) b) c) {text} 0 0")
        (folder / "cmdline").write_bytes(b"\0".join(word.encode() for word in words) + b"\0")
        above = self.root / str(parent) / "task" / str(parent) / "children"
        if above.exists():
            above.write_text(above.read_text() + f"{pid} ")


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_descendants_are_all_that_is_below(tree):
    for pid, parent in ((5, 1), (6, 5), (7, 6), (8, 5), (9, 1)):
        tree.add(pid, parent, "x")
    assert process_tree.descendants(5, tree.root) == {6, 7, 8}
    assert process_tree.descendants(9, tree.root) == frozenset()
    assert process_tree.descendants(77, tree.root) == frozenset()


@pytest.mark.parametrize(
    ("above", "root"),
    [
        # shell 10, run 11, server 12, method 13
        ((("bash",), ("python", "/usr/bin/adabench", "run"), ("python", "-m", SERVER, "3")), 11),
        # a program of somebody's calls from Python
        ((("bash",), ("python", "mine.py"), ("python", "-P", "-m", SERVER, "3")), 11),
        # nothing of adabench: the process itself, and no shell
        ((("bash",), ("python", "mine.py"), ("python", "other.py")), 13),
        # adabench within adabench: a gate and the run that it starts
        ((("python", "-m", "adabench.cli"), ("bash",), ("python", "-m", SERVER)), 10),
    ],
)
def test_the_run_is_the_topmost_process_of_adabench(tree, above, root):
    for pid, words in zip((10, 11, 12), above, strict=True):
        tree.add(pid, pid - 1, *words)
    tree.add(13, 12, *above[-1] if SERVER in above[-1] else ("python", "third.py"))
    assert process_tree.run_root(13, tree.root) == root


def test_the_processor_time_of_a_process_survives_odd_names_and_its_end(tree):
    tree.add(5, 1, "x", ticks=(3, 4, 5, 6))
    assert process_tree.cpu_ns(5, tree.root) == 18 * 10**9 // os.sysconf("SC_CLK_TCK")
    assert process_tree.cpu_ns(6, tree.root) == 0


def test_the_processor_time_of_children_is_the_methods_own():
    with Cpu() as probe:
        subprocess.run([sys.executable, "-c", SPIN], check=True)
    assert probe.read()["cpu_s"] >= 0.24


@pytest.mark.skipif(not process_tree.PROC.joinpath("self/task").exists(), reason="no /proc")
def test_a_child_that_still_lives_counts_too():
    done = "print(flush=True)\nimport sys; sys.stdin.read()"
    with Cpu() as probe:
        child = subprocess.Popen(
            [sys.executable, "-c", SPIN + done], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        child.stdout.readline()
    child.communicate()
    assert probe.read()["cpu_s"] >= 0.2
