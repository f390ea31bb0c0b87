"""A program in which substrates live alone, as in a method's process, and what it says of them.

    python -P -m tests.workloads.lone_substrate [NAME]     a list of pickles on standard input

It says as JSON which modules of tasks and of truth are loaded once each substrate is there and what
it calls `NAME` was called, how many threads there are, and of each whether it has cases, and what its
meter holds.
"""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adabench.harness.run.guards.truth_guard import is_truth, refuse_truth

ROOT = Path(__file__).parents[2]
ALONE = (sys.executable, "-P", "-m", "tests.workloads.lone_substrate")


def seen_alone(substrates: Sequence[bytes], call: str = "") -> dict[str, Any]:
    """Return what a process of their own says of pickled substrates."""
    done = subprocess.run(
        [*ALONE, call], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
        input=pickle.dumps(list(substrates)), capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def assert_knows_nothing(
    substrates: Sequence[bytes], call: str = "", *, counts: bool = False
) -> None:
    """Hold pickled substrates to having neither cases nor truth; and nothing counted, unless it counts."""
    found = seen_alone(substrates, call)
    assert (found["tasks"], found["truth"]) == ([], [])
    assert [one["cases"] for one in found["substrates"]] == [False] * len(substrates)
    assert counts or not any(one["meter"] for one in found["substrates"])


def state_of(substrate: Any) -> dict[str, Any]:
    """Return what is to be seen of one."""
    return {"cases": hasattr(substrate, "cases"), "meter": dict(substrate.meter)}


def main() -> None:
    """Let substrates live here, and say what is to be seen then."""
    refuse_truth()
    substrates = [pickle.loads(data) for data in pickle.load(sys.stdin.buffer)]
    if call := sys.argv[1]:
        for substrate in substrates:
            getattr(substrate, call)()
    loaded = sorted(name for name in sys.modules if name.startswith("adabench."))
    found = {
        "tasks": [name for name in loaded if name.endswith(".task")],
        "truth": [name for name in sys.modules if is_truth(name)],
        "threads": len(os.listdir("/proc/self/task")),
        "substrates": [state_of(substrate) for substrate in substrates],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
