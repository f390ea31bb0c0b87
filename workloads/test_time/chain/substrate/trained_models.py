"""Policies, judges and routers that are shipped or in the user's cache, behind engines, in single precision.

Seeds of a run take the trainings of `lm-s` in turn, as many as the condition `trainings` wants; what is
missing of them is named, and nothing stands in for it. Of other policies they take those that are there.

In the format `orders` each training of `lm-s` has a judge, a table of strategies, a router to the largest policy, a
collection of responses and a policy that revises, all of its own. In `splits`, with one training, which is the default, `lm-s` has the judge `judge-s0`, on which recorded runs rest;
with more, each training has a judge of its own completions, all of one make (`judge-x`), and revises by
a policy of its own: where one of those is missing, none of them revises.
"""

from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from adabench.harness.errors import MissingAbility, SelectionError, nearest
from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import Head, Judge
from adabench.workloads.shared.language_model.step_router import RouterHead, StepRouter
from adabench.workloads.shared.training import checkpoints, int8_packing
from adabench.workloads.test_time.chain.recipes import (
    ATTEMPT_JUDGE,
    ORDERS,
    REVISER,
    REVISION_TABLE,
    ROUTER,
    TABLE,
    TRAININGS,
    Layout,
    recipes,
)
from adabench.workloads.test_time.chain.substrate.attempt_judge import (
    ORDERS_RETRY,
    RETRY,
    AttemptJudge,
)
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.strategies import Plan
from adabench.workloads.test_time.substrate.strategy_store import restored

FOLDER = Path(__file__).parents[1] / "checkpoints"
JUDGES = "judge-x"
"""Judges of further trainings, and of the first beside these."""
ORDER_POLICIES = ("lm-s", "lm-x", "lm-l")
"""Of the format `orders`, from the smallest."""
TRUNKS = {"lm-x": "judge"}
"""By policy: the judge whose trunk it is, a language model that was trained for longer than others."""


class TrainingMissing(MissingAbility):
    """A training that is wanted was not made yet: what rests on it is skipped."""


def policy_name(policy: str, layout: Layout, seed: int, trainings: int = 1) -> str:
    """Return the name of a policy's checkpoint for a run seed.

    Raises:
        SelectionError: if there is no such policy.
        TrainingMissing: if one that is wanted was not made yet, whichever seed takes it.
    """
    base = f"{policy}{'-single' if layout == 'single' else ''}"
    known = dict.fromkeys(
        name.rpartition("-s")[0]
        for name, plan in recipes().items()
        if name.startswith("lm-") and plan.format == "splits"
    )
    known |= dict.fromkeys(TRUNKS)
    if base not in known:
        raise SelectionError(f"There is no policy {base!r}.", nearest(base, known))
    base = TRUNKS.get(base, base)
    if policy == "lm-s" and trainings > 1:
        _require_trainings(trainings, ("lm-s", JUDGES))
    return f"{base}-s{seed % min(trainings, _trainings(base))}"


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


def _trainings(base: str) -> int:
    """Count a policy's trainings that are there, with the judges of their completions."""
    needed = (base, JUDGES) if base.startswith("lm-s") else (base,)
    for k in TRAININGS:
        if not all(checkpoints.is_there(f"{name}-s{k}", FOLDER) for name in needed):
            return max(k, 1)
    return len(TRAININGS)


def models(policy: str, layout: Layout, seed: int, trainings: int = 1) -> Models:
    """Return the engines for a policy and a run seed.

    Raises:
        SelectionError: if there is no such policy.
        EnvironmentProblem: if one of them was not trained yet.
    """
    own = policy_name(policy, layout, seed, trainings)
    if policy != "lm-s":
        return Models(engine(own), None, (own,), FOLDER)
    number = own.rpartition("-s")[2]
    judge_name = f"{JUDGES if trainings > 1 else 'judge'}-s{number}"
    found = Models(engine(own), judge(judge_name), (own, judge_name), FOLDER)
    if layout == "single":
        return found
    plans = {"search": partial(strategy_plan, _table_name(TABLE, seed, trainings))}
    revising = reviser(seed, trainings)
    if revising is not None:
        name = _table_name(REVISION_TABLE, seed, trainings)
        plans["revisions"] = partial(strategy_plan, name)
    drafting = pair(seed) if has_pair(trainings) else None
    return replace(found, pair=drafting, plans=plans, reviser=revising)


def order_models(policy: str, seed: int, trainings: int = 1) -> Models:
    """Return the engines of the format `orders` for a policy and a run seed.

    Raises:
        SelectionError: if there is no such policy.
        TrainingMissing: if one that is wanted was not made yet, whichever seed takes it.
    """
    names = order_names(policy, seed, trainings)
    own = engine(names[0])
    if policy != "lm-s":
        return Models(own, None, names, FOLDER)
    plans = {"search": partial(strategy_plan, order_file(TABLE, seed, trainings))}
    revising = None
    if all_there(REVISER, trainings):
        revisions = order_file(REVISER, seed, trainings)
        reader = AttemptJudge(judge(names[1]), ORDERS_RETRY)
        revising = Models(engine(revisions), reader, (revisions, names[1]), FOLDER)
        plans["revisions"] = partial(strategy_plan, order_file(REVISION_TABLE, seed, trainings))
    drafting = _pair(order_file(ROUTER, seed, trainings)) if all_there(ROUTER, trainings) else None
    return Models(own, judge(names[1]), names, FOLDER, plans=plans, reviser=revising, pair=drafting)


def order_file(base: str, seed: int, trainings: int) -> str:
    """Return the name of a file of the format `orders` that belongs to a run seed's training."""
    return f"{base}{ORDERS}-s{seed % trainings}"


def all_there(base: str, trainings: int) -> bool:
    """Say whether a file of the format `orders` is there for each training."""
    return all(
        checkpoints.is_there(order_file(base, k, trainings), FOLDER) for k in range(trainings)
    )


def order_names(policy: str, seed: int, trainings: int = 1) -> tuple[str, ...]:
    """Return the names of a policy of the format `orders` and of its judge, if it has one.

    Raises:
        SelectionError: if there is no such policy.
        TrainingMissing: if one that is wanted was not made yet, whichever seed takes it.
    """
    if policy not in ORDER_POLICIES:
        raise SelectionError(
            f"There is no policy {policy!r} of the format orders.",
            nearest(policy, ORDER_POLICIES),
        )
    own = f"{policy}{ORDERS}"
    if policy != "lm-s":
        _require_trainings(1, (own,))
        return (in_turn(own, seed),)
    bases = (own, f"judge{ORDERS}")
    _require_trainings(trainings, bases)
    return tuple(f"{base}-s{seed % trainings}" for base in bases)


def has_revisers(trainings: int = 1) -> bool:
    """Say whether a policy that revises is there for each training."""
    return all(checkpoints.is_there(f"{REVISER}-s{k}", FOLDER) for k in range(trainings))


def has_pair(trainings: int = 1) -> bool:
    """Say whether a router is there: for the first training alone, and the judge that it has by itself."""
    return trainings == 1 and any(checkpoints.is_there(name, FOLDER) for name in _names(ROUTER))


def reviser(seed: int, trainings: int = 1) -> Models | None:
    """Return a policy that revises, by run seed, and who judges it; None where one was not trained.

    The judge is that of single solutions of the policy that it was trained from. One of revisions
    (`judge-revisions`) can be trained, and chose worse than a majority does.
    """
    if not has_revisers(trainings):
        return None
    number = seed % trainings
    own = f"{REVISER}-s{number}"
    judge_name = f"{JUDGES}-s{number}" if trainings > 1 else ATTEMPT_JUDGE
    return Models(engine(own), AttemptJudge(judge(judge_name), RETRY), (own, judge_name), FOLDER)


def in_turn(base: str, seed: int) -> str:
    """Return the name of the training that a run seed takes, of those that are there: the first if none is."""
    names = [name for name in _names(base) if checkpoints.is_there(name, FOLDER)]
    return names[seed % len(names)] if names else f"{base}-s0"


def _table_name(base: str, seed: int, trainings: int) -> str:
    """Return the name of a seed's table: of the first policy there are several, of others one each."""
    return f"{base}-x-s{seed % trainings}" if trainings > 1 else in_turn(base, seed)


def pair(seed: int) -> Models:
    """Return draft, target, judge and router of a run seed, where there is one."""
    return _pair(in_turn(ROUTER, seed))


def _pair(name: str) -> Models:
    """Return a router's draft, target and judge, and the router itself."""
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


def _names(base: str) -> list[str]:
    return [f"{base}-s{k}" for k in TRAININGS]


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
    model = LanguageModel(_shape(name))
    model.load_state_dict(_weights(name, folder, head=False))
    return model.eval().requires_grad_(False)


def engine(name: str, folder: Path | None = None) -> NativeEngine:
    """Return an engine over a checkpoint's language model; a judge's trunk is a policy like others."""
    base = name.rpartition("-s")[0]
    called = {judge: policy for policy, judge in TRUNKS.items()}
    return NativeEngine(restore(name, folder), called.get(base, base))


def judge(name: str, folder: Path | None = None) -> Judge:
    """Return a judge."""
    head = Head(_shape(name).width)
    head.load_state_dict(_weights(name, folder, head=True))
    trunk = restore(name, folder)
    return Judge(NativeEngine(trunk, name.rpartition("-s")[0], role="judge"), head.eval())


def router_head(name: str, folder: Path | None = None) -> RouterHead:
    """Return a router's head; its trunk is that of a judge."""
    head = RouterHead(_shape(name).width)
    head.load_state_dict(_weights(name, folder, head=True))
    return head.eval()


def _shape(name: str) -> Shape:
    return checkpoints.find_recipe(name, recipes()).shape


def _weights(name: str, folder: Path | None, *, head: bool) -> dict[str, Any]:
    forecast_s = checkpoints.find_recipe(name, recipes()).forecast_s
    found = checkpoints.weights(name, folder or checkpoints.home(name, FOLDER), forecast_s)
    return {
        key.removeprefix("head."): value
        for key, value in int8_packing.unpacked(found).items()
        if key.startswith("head.") == head
    }
