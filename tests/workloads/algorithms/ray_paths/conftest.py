"""Small cases, and methods by name."""

from types import ModuleType

from adabench.harness import registry
from adabench.workloads.ray_paths.scene import generate
from adabench.workloads.ray_paths.tracing import RayPaths


def method(name: str) -> ModuleType:
    return registry.load(registry.find(f"ray_paths/{name}"))


def small(family: str = "street", scenes: int = 8, order: int = 2, seed: int = 0) -> RayPaths:
    return RayPaths((generate(family, scenes, order, seed),))


def run(name: str, task: RayPaths, **knobs: int | str) -> dict[str, float]:
    (case,) = task.cases()
    module = method(name)
    task.meter.clear()
    answer = module.solve(task, case, {**module.CARD.defaults, **knobs})
    return {**task.meter, **task.score(case, answer)}
