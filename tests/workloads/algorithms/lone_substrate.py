"""A program in which a substrate lives alone, as in a method's process, and what it says of itself.

    python -P -m tests.workloads.algorithms.lone_substrate FILE     a pickled substrate

It says as JSON which modules of truth are loaded, how many threads there are and what
the meter holds once the substrate is warm.
"""

import json
import pickle
import sys
from pathlib import Path
from typing import Any

from adabench.harness.run.guards.truth_guard import is_truth, refuse_truth


def state_of(path: Path) -> dict[str, Any]:
    """Let a substrate live here, and return what is to be seen then."""
    substrate = pickle.loads(path.read_bytes())
    warm = getattr(substrate, "warm", None)
    if warm is not None:
        warm()
    status = Path("/proc/self/status").read_text().splitlines()
    return {
        "truth": sorted(name for name in sys.modules if is_truth(name)),
        "threads": [line.split()[1] for line in status if line.startswith("Threads:")],
        "meter": dict(substrate.meter),
    }


def main() -> None:
    """Say it of the file."""
    refuse_truth()
    print(json.dumps(state_of(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
