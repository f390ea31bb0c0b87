"""FMT*: a new fast marching tree at every update.

The method that FMTx repairs, without the repair: everything is forgotten and planned again on the
tested edges. `share` is its only setting: a tree on a quarter of the samples costs a fifth and its
ways are a little longer. These are the settings of the static mixture.

**What to expect.** Written before measuring, from the card: 0.47 to 0.61 million relaxations an
update on 5,000 samples, whatever moved.

**Ways to fake it.** Keeping anything from update to update.
"""

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.algorithms.replanning.substrate.disc_graph import Ints
from adabench.workloads.algorithms.replanning.substrate.fast_marching import begin, march
from adabench.workloads.algorithms.replanning.substrate.replay import Drive, Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import Floats, Scene
from adabench.workloads.algorithms.replanning.substrate.world import Space, clear, compiled

CARD = Card(
    title="FMT* from scratch",
    paper="Janson et al., Fast marching tree, International Journal of Robotics Research, 2015",
    adapts="nothing: it plans anew whatever changed",
    role="static",
    knobs=(Knob("share", (0.1, 0.25, 0.5, 1.0), 1.0),),
)


@compiled
def plan(space: Space, tune: Floats) -> None:
    """Grow the tree from the goal, each sample once."""
    begin(space)
    march(space, False, False)


@compiled
def repair(space: Space, blocked: Ints, more: int, freed: Ints, less: int, tune: Floats) -> None:
    """Forget everything and plan."""
    clear(space)
    begin(space)
    march(space, False, False)


def solve(task: Replanning, case: Scene, point: Point) -> Drive:
    """Drive the scene."""
    return task.drive(case, plan, repair, share=float(point["share"]), drained=False)
