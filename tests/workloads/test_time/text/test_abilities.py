"""What a card says that its method needs is what the method refuses to run without."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card, Point
from adabench.workloads.shared.language_model.backends.thinned_model import thin
from adabench.workloads.shared.language_model.backends.transformers_engine import TransformersEngine
from adabench.workloads.shared.language_model.contract import (
    CapabilityMissing,
    Chunk,
    Engine,
    Floats,
    Seq,
    require,
)
from adabench.workloads.shared.sources.judge_spec import judge_spec
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.shared.sources.torch_place import torch_device, torch_dtype
from adabench.workloads.test_time.substrate.search_models import Models
from adabench.workloads.test_time.substrate.step_hand_over import TARGET
from adabench.workloads.test_time.substrate.strategies import MECHANISMS, Plan, StrategyTable
from adabench.workloads.test_time.text import task as text
from adabench.workloads.test_time.text.abilities import absences
from adabench.workloads.test_time.text.substrate.configuration_pool import LARGE, read_responses
from adabench.workloads.test_time.text.substrate.draft_doubt import DraftDoubt
from adabench.workloads.test_time.text.substrate.likelihood import LikelihoodJudge
from adabench.workloads.test_time.text.substrate.random_model import random_engine
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix
from adabench.workloads.test_time.text.substrate.target_likelihood import TargetLikelihood
from adabench.workloads.test_time.text.substrate.text_models import TextModels
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.substrate.vote_plan import vote_plan

METHODS = sorted(entry.name for entry in registry.methods("text").values())
MISSING = ("samples", "logprobs", "hidden", "scores", "watch", "draft", "pool")
ROOM = 3
"""Words of a completion: what is refused is refused at the first ones."""


class Restricted(SharedPrefix):
    """An engine that lacks something, and says so as the backends do."""

    lacks: frozenset[str] = frozenset()

    def decode(self, seqs: Any, *, temperature: float = 1.0, **options: Any) -> list[Chunk]:
        if temperature and "samples" in self.lacks:
            raise CapabilityMissing("samples: not supported on this backend.")
        return super().decode(seqs, temperature=temperature, **options)

    def hidden(self, seq: Seq, start: int) -> Floats:
        require(self, "hidden")
        return super().hidden(seq, start)


@pytest.fixture(scope="module")
def task() -> GradedText:
    return text.load("embedded", 0, model="builtin", problems=1, room=ROOM)


@pytest.fixture(scope="module")
def engine() -> Engine:
    """A model of random weights, with all that it can do."""
    return random_engine(torch_dtype(None, None), torch_device(None))


def restricted(task: GradedText, engine: Engine, missing: str) -> GradedText:
    models = task.load_models
    assert isinstance(models, TextModels)
    policy = Restricted(engine, (*models.prefixes, *models.bare_prefixes))
    policy.lacks = frozenset({missing})
    policy.caps = engine.caps - policy.lacks
    judge = None if missing == "scores" else LikelihoodJudge(policy, models.marks)
    pair = None if missing == "draft" else drafted(models, policy, engine, judged=judge is not None)
    plans = {"votes": partial(vote_plan, models.policy)}
    pool = None if missing == "pool" else pooled(models, engine, missing)
    own = Models(policy, judge, pair=pair, pool=pool, plans=plans)
    return replace(task, load_models=lambda: own)


def pooled(models: TextModels, engine: Engine, missing: str) -> Models:
    """A pool whose first policy may lack states; who draws no samples is a server's, and has none."""
    assert isinstance(engine, TransformersEngine)
    draft = Restricted(thin(engine), models.prefixes)
    draft.lacks = frozenset({missing} & {"hidden"})
    draft.caps = engine.caps - draft.lacks
    responses = partial(read_responses, models.policy, None)
    whole = SharedPrefix(engine, (*models.prefixes, *models.bare_prefixes))
    return Models(draft, None, others={LARGE: whole}, responses=responses)


def drafted(models: TextModels, target: SharedPrefix, engine: Engine, *, judged: bool) -> Models:
    """The pair of a policy that lacks something; the draft is another model, which has it all."""
    assert isinstance(engine, TransformersEngine)
    draft = SharedPrefix(thin(engine), models.prefixes)
    judge = TargetLikelihood(target, models.marks) if judged else None
    router = DraftDoubt(draft, models.marks)
    return Models(draft, judge, others={TARGET: target}, router=router)


def settings(card: Card) -> list[Point]:
    """Return the default point; and for each knob that does without an ability, all that it takes."""
    names = dict.fromkeys(name for one in card.abilities for name in one.unless)
    turned = [
        {**card.defaults, knob.name: value}
        for knob in card.knobs
        if knob.name in names
        for value in (
            *knob.values,
            *knob.also,
            *(one.unless.get(knob.name) for one in card.abilities),
        )
        if value is not None
    ]
    return [card.defaults, *turned]


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_refused_just_where_its_card_says_so(
    task: GradedText, engine: Engine, name: str, missing: str
) -> None:
    entry = registry.find(f"text/{name}")
    card, method = entry.card, registry.load(entry)
    absent = {missing, "scores"} if missing == "logprobs" else {missing}
    given = restricted(task, engine, missing)
    for point in settings(card):
        needed = any(one.name in absent and one.is_needed(point) for one in card.abilities)
        few = {**point, **({"N": 2} if "N" in point else {})}
        refusals = [refusal(method, one, few) for one in with_each_strategy(given, few)]
        for why in refusals:
            # Tables of searches are fitted on `chain` alone.
            unfitted = few.get("mechanism") == "search" and "A table of strategies" in why
            assert not why or needed or unfitted, f"{few} is refused, and the card does not say so"
        assert any(refusals) or not needed, f"{few} runs, and the card says that it cannot"


def with_each_strategy(given: GradedText, point: Point) -> list[GradedText]:
    """The task, once for each strategy that a table may choose: a card needs what any of them needs."""
    if point.get("mechanism") != "votes":
        return [given]
    models, found = given.load_models(), []
    for name in MECHANISMS["votes"]:
        table = StrategyTable("agreement", (), (1,), ((name,),))
        own = replace(models, plans={"votes": partial(Plan, table, table)})
        found.append(replace(given, load_models=partial(replace, own)))
    return found


def refusal(method: ModuleType, given: GradedText, point: Point) -> str:
    """Why a method does not run at a point; empty where it does."""
    state = given.oracle_substrate() if method.CARD.role == "oracle" else given.substrate()
    try:
        ready = method.prepare(state, point, 0) if hasattr(method, "prepare") else state
        method.solve(ready, next(given.cases()), point)
    except CapabilityMissing as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(
    ("conditions", "absent"),
    [
        ({"model": "builtin"}, set()),
        ({"model": "hf:nowhere", "judge": "hf:nowhere"}, set()),
        ({"model": "smollm2", "judge": "none"}, {"scores"}),
    ],
)
def test_what_runs_here_lacks_a_judge_at_most_and_nothing_is_loaded_to_know(
    conditions: Mapping[str, str], absent: set[str]
) -> None:
    found = text.missing_abilities(conditions)
    assert found.keys() - {"exact"} == absent
    assert all(why.endswith(".") and remedy.endswith(".") for why, remedy in found.values())


def test_a_server_lacks_what_its_probe_did_not_find(monkeypatch: pytest.MonkeyPatch) -> None:
    from adabench.workloads.shared.sources import model_source

    lacks = {"logprobs": "none came", "hidden": "the protocol shows no states"}
    monkeypatch.setattr(model_source, "missing_abilities", lambda spec: lacks)
    model = model_spec("openai:http://127.0.0.1:9/v1#m")
    found = absences(model, judge_spec("likelihood"))
    assert found.keys() == {"logprobs", "hidden", "scores", "draft", "pool"}
    assert "none came" in found["scores"][0]
    assert "--judge hf:NAME" in found["scores"][1]
    assert absences(model, judge_spec("hf:judge")).keys() == {"logprobs", "hidden", "draft", "pool"}
