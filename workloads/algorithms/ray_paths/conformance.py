"""What every search for paths must obey, ours or a plug-in's, tried on small cases.

    source      it names nothing of the task that a search has no business with (oracles excepted)
    contract    it answers with the task's own tracing
    paths       what it found are paths, by a second tracer, each once
    blind       what it proposes does not depend on the name of the case or the hidden answer

`check` yields a sentence per broken rule and nothing for a sound method. It catches honest mistakes
and the usual ways to fake a result; it proves nothing.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

import numpy as np

from adabench.harness.contract.card import Card
from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.ray_paths.substrate.replay import RayPaths, Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, generate
from adabench.workloads.algorithms.ray_paths.truth.all_paths import AllPaths
from adabench.workloads.algorithms.ray_paths.truth.second_tracer import is_path
from adabench.workloads.shared.counting.conformance_kit import prepared_state, source_problems
from adabench.workloads.shared.counting.source_rules import Rules

SCENES = 6
FAMILIES = ("street", "yard")
OFF_LIMITS = frozenset((
    "account", "enter", "judge", "judge_dense", "exhaust", "triangles_in_view", "trace_all",
    "reference", "score", "truth", "meter",
    "generate", "instance", "group", "oracle_environment",
))  # fmt: skip
"""Names that no honest search needs: a tracer that does not count, the answer, the case's name."""
TRACERS = ("compiled_tracer", "tensor_tracer")


def tracer_imports(node: ast.AST) -> Iterator[str]:
    """Find imports of or from the tracers: whoever runs them itself is not counted."""
    match node:
        case ast.ImportFrom(module=str(module)) if module.endswith(TRACERS):
            yield module
        case ast.ImportFrom(names=names) | ast.Import(names=names):
            yield from (one.name for one in names if one.name.endswith(TRACERS))


RULES = Rules(
    "adabench.workloads.algorithms.ray_paths",
    off_limits=OFF_LIMITS,
    strings=OFF_LIMITS,
    more=tracer_imports,
    who="search",
)


def check(method: ModuleType, card: Card) -> Iterator[str]:
    """Yield one sentence for each rule that `method` breaks."""
    broken = list(source_problems(RULES, method, card))
    yield from broken
    if broken:
        return
    for family in FAMILIES:
        case = generate(family, SCENES, 2, seed=7)
        try:
            answer = attempt(method, card, case)
            other = attempt(method, card, replace(case, group="other", instance=-case.instance))
        except MethodContractError as breach:
            yield breach.message
            return
        yield from _paths(case, answer)
        same = zip(answer.paths, other.paths, strict=True)
        if not all(np.array_equal(a, b) for a, b in same):
            yield f"It finds other paths when {family} bears another name."


def attempt(method: ModuleType, card: Card, case: Case) -> Tracing:
    """Run a method on one case.

    Raises:
        MethodContractError: if it breaks the contract.
    """
    task = RayPaths((case,), AllPaths())
    task.cases()
    state = prepared_state(method, task, card.defaults)
    answer: Tracing = method.solve(state, case, card.defaults)
    task.score(case, answer)
    return answer


def _paths(case: Case, answer: Tracing) -> Iterator[str]:
    for at, (query, paths) in enumerate(zip(case.queries, answer.paths, strict=True)):
        if len({*map(tuple, paths.tolist())}) != len(paths):
            yield f"It counts a path twice in scene {at} of {case.group}."
        for path in paths:
            if not is_path(query, path):
                yield f"What it found in scene {at} of {case.group} is no path: {path.tolist()}."
