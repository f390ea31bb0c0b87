"""HiGHS, opened quietly: its library greets on file descriptor 1, where our data goes."""

import os
import sys
from pathlib import Path
from typing import Any


def highs(path: Path) -> Any:
    """Return HiGHS with a model read from a file, silent from now on."""
    import highspy

    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)  # whatever it says is talk
        solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        solver.setOptionValue("output_flag", False)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    # for all alike: a process that ran it with another number of threads is refused a run
    solver.setOptionValue("threads", 1)
    solver.readModel(str(path))
    return solver
