"""Small cases, and methods by name."""

from types import ModuleType

from adabench.harness.contract import registry
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths
from adabench.workloads.algorithms.ray_paths.substrate.scenes import generate
from adabench.workloads.algorithms.ray_paths.truth.all_paths import scored_task


def method(name: str) -> ModuleType:
    return registry.load(registry.find(f"ray_paths/{name}"))


def small(family: str = "street", scenes: int = 8, order: int = 2, seed: int = 0) -> RayPaths:
    return scored_task((generate(family, scenes, order, seed),))


def run(name: str, task: RayPaths, **knobs: int | str) -> dict[str, float]:
    (case,) = task.cases()
    module = method(name)
    task.meter.clear()
    answer = module.solve(task, case, {**module.CARD.defaults, **knobs})
    return {**task.meter, **task.score(case, answer)}
