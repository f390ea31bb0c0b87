"""What comes of one planner in one scene: the score reads it, and nobody else writes it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats


@dataclass(frozen=True, eq=False)
class Drive:
    """What came of one planner in one scene; row 0 is before the first update."""

    instance: float
    samples: int
    drained: bool
    """Whether every sample's cost is claimed to be right, and not the robot's alone."""
    cost: Floats
    """(1 + updates,) the robot's, by the planner's own account."""
    paths: tuple[Ints, ...]
    """The samples from the robot to the goal; empty where none was found."""
    g: Floats
    """(1 + updates, m)"""
    work: npt.NDArray[np.int64]
    """(1 + updates, 3) relaxations, collision checks and heap operations."""
    update_s: Floats
    """(updates,) CPU seconds of each update: the tests of edges near obstacles, and the repair."""
    first_checks: int
    """Collision checks of a first plan in a world where no edge was tested yet."""
