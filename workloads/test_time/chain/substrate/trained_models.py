"""Policies, judges and routers that are shipped or in the user's cache, behind engines, in single precision.

Seeds of a run take the trainings of `lm-s` in turn, as many as the condition `trainings` wants; what is
missing of them is named, and nothing stands in for it. Of other policies they take those that are there. Each
training of `lm-s` has a judge, a table of strategies, a router to the largest policy, a collection of responses and a
policy that revises, all of its own; what stands on files of which one is missing is not there for any of them. The
policies of the format `splits` stand alone; that of experts and those of the format `paths` run on the pooled engine.
"""

from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from adabench.harness.errors import MissingAbility, SelectionError, nearest
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.pooled.routed_engine import RoutedEngine
from adabench.workloads.shared.language_model.pooled.thought_engine import ThoughtEngine
from adabench.workloads.shared.language_model.pooled.thought_model import (
    ThoughtModel,
    ThoughtShape,
    thinking,
)
from adabench.workloads.shared.language_model.reward_model import Head, Judge
from adabench.workloads.shared.language_model.routed_model import (
    RoutedModel,
    RoutedShape,
    upcycled,
)
from adabench.workloads.shared.language_model.step_router import RouterHead, StepRouter
from adabench.workloads.shared.training import checkpoints, int8_packing
from adabench.workloads.test_time.chain.recipes import (
    EFFORT,
    EFFORT_START,
    EFFORTS,
    EXPERTS,
    ORDERS,
    PATHS,
    REVISER,
    REVISION_TABLE,
    ROUTER,
    START,
    SUCCESSORS,
    TABLE,
    TRAININGS,
    Recipe,
    recipes,
)
from adabench.workloads.test_time.chain.substrate.attempt_judge import RETRY, AttemptJudge
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.strategies import Plan
from adabench.workloads.test_time.substrate.strategy_store import restored

FOLDER = Path(__file__).parents[1] / "checkpoints"
SMALL = "lm-s"
LARGER = "lm-x"
POLICIES = (SMALL, LARGER, "lm-l")
"""From the smallest."""


class TrainingMissing(MissingAbility):
    """A training that is wanted was not made yet: what rests on it is skipped."""


def policy_names(policy: str, seed: int, trainings: int = 1) -> tuple[str, ...]:
    """Return the names of a policy's checkpoint for a run seed, and of its judge, if it has one.

    Raises:
        SelectionError: if there is no such policy.
        TrainingMissing: if one that is wanted was not made yet, whichever seed takes it.
    """
    if policy not in POLICIES:
        raise SelectionError(f"There is no policy {policy!r}.", nearest(policy, POLICIES))
    own = f"{policy}{ORDERS}"
    if policy != SMALL:
        _require_trainings(1, (own,))
        return (in_turn(own, seed),)
    bases = (own, f"judge{ORDERS}")
    _require_trainings(trainings, bases)
    return tuple(f"{base}-s{seed % trainings}" for base in bases)


def splits_name(policy: str, seed: int, trainings: int = 1) -> str:
    """Return the name of the checkpoint of a policy of the format `splits` for a run seed.

    Raises:
        SelectionError: if there is no such policy.
        TrainingMissing: if one that is wanted was not made yet, whichever seed takes it.
    """
    if policy not in (SMALL, EXPERTS):
        raise SelectionError(
            f"There is no policy {policy!r} of the format splits.",
            f"Choose policy={SMALL} or policy={EXPERTS}.",
        )
    if policy == EXPERTS:
        _require_trainings(1, (EXPERTS,))
        return in_turn(EXPERTS, seed)
    _require_trainings(trainings, (SMALL,))
    return f"{SMALL}-s{seed % trainings}"


def _require_trainings(wanted: int, bases: tuple[str, ...]) -> None:
    """See that so many trainings of models are there: of the small policy and the judges of its completions."""
    names = [f"{base}-s{k}" for k in range(wanted) for base in bases]
    missing = [name for name in names if not checkpoints.is_there(name, FOLDER)]
    if not missing:
        return
    forecast_s = sum(recipes()[name].forecast_s for name in missing)
    verb, them = ("are", "them") if len(missing) > 1 else ("is", "it")
    raise TrainingMissing(
        f"trainings={wanted} needs {', '.join(missing)}, which {verb} not here; a run trains nothing.",
        f"Make {them} first, in about {forecast_s} s of one core: adabench train "
        f"{' '.join(f'chain/{name}' for name in missing)}",
    )


def splits_models(policy: str, seed: int, trainings: int = 1) -> Models:
    """Return the engine of the format `splits` for a policy and a run seed.

    Raises:
        SelectionError: if there is no such policy.
        TrainingMissing: if one that is wanted was not made yet, whichever seed takes it.
    """
    own = splits_name(policy, seed, trainings)
    if policy == EXPERTS:
        return Models(routed_engine(own), None, (own,), FOLDER)
    following = successors(seed) if own == START else {}
    return Models(
        engine(own), None, (own,), FOLDER, successors=following, successor_recipes="chain/{}-s*"
    )


def successors(seed: int) -> dict[str, Models]:
    """Return by recipe the policies that go on from the first of `splits`: seeds take the trainings that are there in turn."""
    return _trained_on(SUCCESSORS, seed)


def effort_models(seed: int) -> Models:
    """Return the first policy that takes an effort, and by name those that go on from it.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    following = _trained_on({f"{EFFORT}-{name}": many for name, many in EFFORTS.items()}, seed)
    return Models(
        engine(EFFORT_START), None, (EFFORT_START,), FOLDER,
        successors=following, successor_recipes="chain/{}-s*",
    )  # fmt: skip


def paths_models(seed: int) -> Models:
    """Return the policy that sums up paths of its own, as `serial` one that tries one order after another, and a larger one.

    Raises:
        EnvironmentProblem: if one was not trained yet.
    """
    own = in_turn(PATHS, seed)
    serial = Models(engine(EFFORT_START), None, (EFFORT_START,), FOLDER)
    name = in_turn(f"{LARGER}{ORDERS}", seed)
    larger = Models(engine(name), None, (name,), FOLDER)
    others = {"serial": serial, "larger": larger}
    return Models(thought_engine(own), None, (own,), FOLDER, successors=others)


def _trained_on(bases: Mapping[str, int], seed: int) -> dict[str, Models]:
    """Return by name the policies that are there of those with so many trainings each."""
    found = {}
    for base, many in bases.items():
        every = [f"{base}-s{k}" for k in range(many)]
        if names := [name for name in every if checkpoints.is_there(name, FOLDER)]:
            name = names[seed % len(names)]
            found[base] = Models(engine(name), None, (name,), FOLDER)
    return found


def models(policy: str, seed: int, trainings: int = 1) -> Models:
    """Return the engines for a policy and a run seed.

    Raises:
        SelectionError: if there is no such policy.
        TrainingMissing: if one that is wanted was not made yet, whichever seed takes it.
    """
    names = policy_names(policy, seed, trainings)
    own = engine(names[0])
    if policy != SMALL:
        return Models(own, None, names, FOLDER)
    plans = {"search": partial(strategy_plan, file_of(TABLE, seed, trainings))}
    revising = reviser(seed, trainings)
    if revising is not None:
        plans["revisions"] = partial(strategy_plan, file_of(REVISION_TABLE, seed, trainings))
    drafting = pair(seed, trainings) if all_there(ROUTER, trainings) else None
    return Models(own, judge(names[1]), names, FOLDER, plans=plans, reviser=revising, pair=drafting)


def file_of(base: str, seed: int, trainings: int) -> str:
    """Return the name of a file that belongs to a run seed's training of the small policy."""
    return f"{base}{ORDERS}-s{seed % trainings}"


def all_there(base: str, trainings: int) -> bool:
    """Say whether a file is there for each training of the small policy."""
    return all(checkpoints.is_there(file_of(base, k, trainings), FOLDER) for k in range(trainings))


def reviser(seed: int, trainings: int = 1) -> Models | None:
    """Return a policy that revises, by run seed, and the judge of single solutions of the policy that it goes on from.

    None where one was not trained for each training.
    """
    if not all_there(REVISER, trainings):
        return None
    own, judge_name = file_of(REVISER, seed, trainings), file_of("judge", seed, trainings)
    return Models(engine(own), AttemptJudge(judge(judge_name), RETRY), (own, judge_name), FOLDER)


def in_turn(base: str, seed: int) -> str:
    """Return the name of the training that a run seed takes, of those that are there: the first if none is."""
    every = [f"{base}-s{k}" for k in TRAININGS]
    names = [name for name in every if checkpoints.is_there(name, FOLDER)]
    return names[seed % len(names)] if names else every[0]


def pair(seed: int, trainings: int = 1) -> Models:
    """Return draft, target, judge and router of a run seed."""
    name = file_of(ROUTER, seed, trainings)
    plan = checkpoints.find_recipe(name, recipes())
    files = (plan.policy, plan.target, plan.trunk, name)
    return Models(
        engine(plan.policy),
        judge(plan.trunk),
        files,
        FOLDER,
        others={"target": engine(plan.target)},
        router=StepRouter(judge(plan.trunk), router_head(name), ROUTER),
    )


def strategy_plan(name: str) -> Plan:
    """Return the tables of strategies that were fitted to a policy and its judge, and note their use.

    Raises:
        CapabilityMissing: if they were not fitted yet.
    """
    if not checkpoints.is_there(name, FOLDER):
        raise CapabilityMissing(
            f"A table of strategies: {name} was not fitted yet.", f"Fit it: adabench train {name}."
        )
    checkpoints.note(name, FOLDER)
    return restore_plan(name)


@lru_cache(maxsize=8)
def restore_plan(name: str) -> Plan:
    """Return tables of strategies.

    Raises:
        EnvironmentProblem: if they were not fitted yet.
    """
    recipe = checkpoints.find_recipe(name, recipes())
    found = checkpoints.weights(name, checkpoints.home(name, FOLDER), recipe.forecast_s)
    return restored(recipe.mechanism, found)


@lru_cache(maxsize=8)
def restore(name: str, folder: Path | None = None) -> LanguageModel:
    """Return a checkpoint's language model (a judge's trunk) in fp32, by default of where it was put.

    Raises:
        EnvironmentProblem: if it was not trained yet.
    """
    shape = _shape(name)
    model = (
        RoutedModel(shape) if isinstance(shape, RoutedShape)
        else ThoughtModel(shape) if isinstance(shape, ThoughtShape)
        else LanguageModel(shape)
    )  # fmt: skip
    model.load_state_dict(_weights(name, folder, head=False))
    return model.eval().requires_grad_(False)


def routed_engine(name: str, folder: Path | None = None) -> RoutedEngine:
    """Return an engine over a checkpoint's model of experts."""
    model = restore(name, folder)
    assert isinstance(model, RoutedModel), "its recipe has a shape of experts"
    return RoutedEngine(model, _model(name))


def thought_engine(name: str, folder: Path | None = None) -> ThoughtEngine:
    """Return an engine over a checkpoint's model of segments."""
    model = restore(name, folder)
    assert isinstance(model, ThoughtModel), "its recipe has a shape of segments"
    return ThoughtEngine(model, _model(name))


def start_of(recipe: Recipe, folder: Path | None = None) -> LanguageModel:
    """Return the model to which a recipe's file says the differences; experts begin as parts of a dense one's MLP, thoughts at zero."""
    start = restore(recipe.start, folder)
    if isinstance(recipe.shape, ThoughtShape):
        return thinking(start, recipe.shape)
    return (
        upcycled(start, recipe.shape, recipe.seed)
        if isinstance(recipe.shape, RoutedShape)
        else start
    )


def engine(name: str, folder: Path | None = None) -> NativeEngine:
    """Return an engine over a checkpoint's language model; a judge's trunk is a policy like others."""
    return NativeEngine(restore(name, folder), _model(name))


def judge(name: str, folder: Path | None = None) -> Judge:
    """Return a judge."""
    head = Head(_shape(name).width)
    head.load_state_dict(_weights(name, folder, head=True))
    trunk = restore(name, folder)
    return Judge(NativeEngine(trunk, _model(name), role="judge"), head.eval())


def router_head(name: str, folder: Path | None = None) -> RouterHead:
    """Return a router's head; its trunk is that of a judge."""
    head = RouterHead(_shape(name).width)
    head.load_state_dict(_weights(name, folder, head=True))
    return head.eval()


def _model(name: str) -> str:
    """Return what a checkpoint's model is called, of whichever format and training."""
    return name.rpartition("-s")[0].removesuffix(ORDERS)


def _shape(name: str) -> Shape:
    return checkpoints.find_recipe(name, recipes()).shape


def _weights(name: str, folder: Path | None, *, head: bool) -> dict[str, Any]:
    recipe = checkpoints.find_recipe(name, recipes())
    found = checkpoints.weights(name, folder or checkpoints.home(name, FOLDER), recipe.forecast_s)
    weights = int8_packing.unpacked(found)
    if recipe.start:  # what is written is by how much they differ from it
        start = start_of(recipe).state_dict()
        weights = {key: start[key] + value for key, value in weights.items()}
    return {
        key.removeprefix("head."): value
        for key, value in weights.items()
        if key.startswith("head.") == head
    }
