"""What every search for paths must obey, ours or a plug-in's, tried on small cases.

source      it names nothing of the task that a search has no business with (oracles excepted)
contract    it traces a case once, leaves it as it was, and answers with that tracing
paths       what it found are paths, by a second tracer, each once
blind       what it proposes does not depend on the name of the case or the hidden answer
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType

from adabench.harness.contract.card import Card
from adabench.workloads.algorithms.ray_paths.substrate.replay import Tracing
from adabench.workloads.algorithms.ray_paths.substrate.scenes import Case, generate
from adabench.workloads.algorithms.ray_paths.truth.all_paths import scored_task
from adabench.workloads.algorithms.ray_paths.truth.second_tracer import is_path
from adabench.workloads.shared.counting.method_trials import Trials, check_by
from adabench.workloads.shared.counting.snapshot import equal, snapshot
from adabench.workloads.shared.counting.source_rules import Rules

SCENES = 6
FAMILIES = ("street", "yard")
OFF_LIMITS = frozenset((
    "account", "enter", "judge", "judge_dense", "exhaust", "every_path", "triangles_in_view", "trace_all",
    "of", "score", "truth", "meter",
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
    trials = Trials(
        method, card, scored_task, "number of candidates",
        lambda trial: trial.values["candidates"] == trial.answer.traced.sum(),
    )  # fmt: skip
    yield from check_by(RULES, trials, tried)


def tried(method: Trials) -> Iterator[str]:
    """Yield one sentence for each rule that a method breaks when it runs."""
    for family in FAMILIES:
        case = generate(family, SCENES, 2, seed=7)
        (trial,) = method.attempt(({"K": 2}, [case]))
        renamed = replace(case, group="other", instance=-case.instance)
        (other,) = method.attempt(({"K": 2}, [renamed]))
        yield from _paths(case, trial.answer)
        if not equal(snapshot(trial.answer.paths), snapshot(other.answer.paths)):
            yield f"It finds other paths when {family} bears another name."


def _paths(case: Case, answer: Tracing) -> Iterator[str]:
    for at, (query, paths) in enumerate(zip(case.queries, answer.paths, strict=True)):
        if len({*map(tuple, paths.tolist())}) != len(paths):
            yield f"It counts a path twice in scene {at} of {case.group}."
        for path in paths:
            if not is_path(query, path):
                yield f"What it found in scene {at} of {case.group} is no path: {path.tolist()}."
