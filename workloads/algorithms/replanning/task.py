"""Replanning: obstacles move, and a way must be found again.

A case is a scene: samples of a space, connected to all neighbours within a radius, and obstacles
that move at every update (`scenes.py` has the families). A planner keeps a tree of costs to the
goal, and hands two compiled kernels to `Replanning.drive`, which moves the obstacles, tests the
edges near them, and counts.

    def solve(task, case, point):
        return task.drive(case, plan, repair)

**What is given to everybody alike.** Samples, graph, queue and tree (`world.py`), and the tests of
edges near moving obstacles (`moving_obstacles.py`): after them every planner knows which edges
changed. Where obstacles will be stays with the task; a case shows where they are at first.

**What is scored.** `path_quality`: the length of the shortest way on the graph of all samples over
that of the way returned, averaged over updates; 0 where none is returned though there is one, or
where it meets an obstacle. `graph_quality`: the same on the graph of the samples the planner asked
for (`share`). `update_cpu_s` and `slow_update_cpu_s`: the median update's processor time and the
99th percentile's. `g_gap`: the largest error of a cost that is claimed to be right. `work`:
relaxations, collision checks and heap operations an update, one each; they are also given apart, in
all. Truth is Dijkstra's on edges tested anew (`full_replan.py`).

**Safety.** `safe` is the share of updates whose returned way is free, by tests of its own.

**Limits.** The robot does not move. A relaxation, a check and a queue operation do not cost the
same; `latency_s` is beside them, per scene: all updates and the first plan, edge tests included.
"""

from adabench.harness.contract.card import Card, Gap, Knob, Metric
from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.algorithms.replanning.conformance import check
from adabench.workloads.algorithms.replanning.substrate.replay import Drive, Replanning
from adabench.workloads.algorithms.replanning.substrate.scenes import FAMILIES, generate
from adabench.workloads.algorithms.replanning.truth.full_replan import scored_task

CARD = Card(
    title="Replanning among moving obstacles",
    paper="FMT^x, arXiv 2509.08521, September 2025",
    adapts="which part of a tree of ways is searched again when obstacles move",
    gaps=(
        Gap(
            mixture=("dijkstra", "fmt_star"),
            methods=("fmtx", "lpa_star", "rrtx", "random_repair"),
            oracle="hindsight",
            coin="random_repair",
        ),
    ),
    knobs=(
        Knob("speed", (0.25, 1.0, 5.0), 1.0, open=True, low=0.0),
        Knob("samples", (2000,), 2000, open=True, low=20),
        Knob("updates", (20,), 20, open=True, low=1),
        Knob("scene", ("suite",), "suite", open=True),
    ),
    cases="nested",
    metrics=(
        Metric("path_quality", "", "higher", "quality", primary=True, low=0.0),
        Metric("work", "operations/update", "lower", "work", primary=True),
        Metric("graph_quality", "", "higher", "quality", low=0.0),
        Metric("relaxations", "looks", "lower", "cost"),
        Metric("collision_checks", "checks", "lower", "work"),
        Metric("heap_operations", "operations", "lower", "work"),
        Metric("relaxations_calm relaxations_rough", "looks/update", "lower", "work"),
        Metric("first_checks", "checks", "lower", "work"),
        Metric("safe", "", "higher", "quality"),
        Metric("update_cpu_s slow_update_cpu_s", "s", "lower", "cost"),
        Metric("g_gap", "", "lower", "cost"),
        Metric("tolerance orphaned reachable", "", "higher", "info"),
        Metric("instance", "hash", "higher", "info"),
    ),
)

CHECK_CONDITIONS = {"samples": 300, "updates": 4}
OUTCOMES = (Drive,)

__all__ = ["CARD", "CHECK_CONDITIONS", "OUTCOMES", "check", "load"]


def load(
    scale: str,
    seed: int,
    *,
    speed: float = 1.0,
    samples: int = 2000,
    updates: int = 20,
    scene: str = "suite",
) -> Replanning:
    """Return the task under the given conditions.

    Raises:
        SelectionError: for a scale or a family that it does not have.
    """
    if scale != "embedded":
        raise SelectionError(f"replanning has no scale {scale!r}.", "It runs at `embedded`.")
    if scene != "suite" and scene not in FAMILIES:
        raise SelectionError(f"There is no family of scenes {scene!r}.", nearest(scene, FAMILIES))
    names = tuple(FAMILIES) if scene == "suite" else (scene,)
    return scored_task([generate(name, samples, updates, speed, seed) for name in names])
