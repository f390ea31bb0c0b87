"""Trainings of the chain's models: which one a seed takes, what ships, and whether it is comparable."""

import json
import shutil
from dataclasses import asdict, fields, replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.contract import Costs, mix
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.language_model.native.engine import NativeEngine
from adabench.workloads.shared.language_model.reward_model import FEATURES
from adabench.workloads.test_time.chain import checkpoints
from adabench.workloads.test_time.chain.recipes import AS_GOOD_AS_FIRST, TRAININGS, Recipe, recipes
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.problems import (
    LONGEST,
    Problem,
    answer,
    draw,
    room,
    stream,
)
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    TrainingMissing,
    engine,
    judge,
    models,
    policy_name,
    restore,
)
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.chain.training import short_training, train_judge
from adabench.workloads.test_time.chain.training.train_models import accuracy
from adabench.workloads.test_time.chain.truth.worked_solutions import truth
from adabench.workloads.test_time.substrate.voting import vote

SECOND = tuple(
    name
    for name, recipe in recipes().items()
    if recipe.make == "second" and (FOLDER / f"{name}.safetensors").exists()
)
"""Checkpoints of the second make that ship."""


@pytest.fixture
def three(monkeypatch):
    """Three trainings of `lm-s` and `judge-x` are there, and one of everything else."""

    def is_there(name: str, folder: Path) -> bool:
        base, _, seed = name.rpartition("-s")
        return int(seed) < (3 if base in ("lm-s", "judge-x") else 1)

    monkeypatch.setattr(trained_models.checkpoints, "is_there", is_there)
    monkeypatch.setattr(trained_models, "engine", lambda name: name)
    monkeypatch.setattr(trained_models, "judge", lambda name: name)


def questions(count: int, split: str = "test") -> list[Problem]:
    return [p for d in range(1, LONGEST + 1) for p in islice(stream(split, 8, [d]), count)]


def card(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text())


def test_there_are_five_recipes_of_every_model_by_name():
    known = recipes()
    for base in ("lm-s", "lm-l", "judge-x"):
        assert [name for name in known if name.rpartition("-s")[0] == base] == [
            f"{base}-s{s}" for s in TRAININGS
        ]
    for name, recipe in known.items():
        assert recipe.name == name
        assert recipe.seed == int(name.rpartition("-s")[2])


@pytest.mark.usefixtures("three")
def test_one_training_serves_all_seeds_unless_more_are_wanted():
    assert {policy_name("lm-s", "several", seed) for seed in range(6)} == {"lm-s-s0"}
    taken = [policy_name("lm-s", "several", seed, 3) for seed in range(6)]
    assert taken == [f"lm-s-s{seed % 3}" for seed in range(6)]
    assert policy_name("lm-s", "several", 5, 2) == "lm-s-s1"


@pytest.mark.usefixtures("three")
def test_what_has_one_training_has_it_whatever_is_wanted():
    for policy in ("lm-l",):
        assert {policy_name(policy, "several", seed, 3) for seed in range(4)} == {f"{policy}-s0"}
    assert {policy_name("lm-s", "single", seed, 3) for seed in range(4)} == {"lm-s-single-s0"}


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("seed", [0, 1, 5])
@pytest.mark.parametrize("lost", ["judge-x-s1", "lm-s-s2"])
def test_a_training_that_is_wanted_and_missing_is_named_whichever_seed_takes_it(
    monkeypatch, seed, lost
):
    there = trained_models.checkpoints.is_there
    monkeypatch.setattr(
        trained_models.checkpoints,
        "is_there",
        lambda name, folder: name != lost and there(name, folder),
    )
    with pytest.raises(TrainingMissing, match=f"trainings=3 needs {lost}, which is") as missing:
        load("embedded", seed, problems=1, trainings=3)
    assert f"about {recipes()[lost].forecast_s} s" in missing.value.hint
    assert missing.value.hint.endswith(f"adabench train chain/{lost}")
    assert policy_name("lm-s", "several", seed) == "lm-s-s0"


@pytest.mark.usefixtures("three")
def test_all_that_is_missing_is_named_with_what_makes_it():
    with pytest.raises(TrainingMissing, match="trainings=5 needs") as missing:
        policy_name("lm-s", "several", 0, 5)
    named = [f"{base}-s{k}" for k in (3, 4) for base in ("lm-s", "judge-x")]
    assert missing.value.hint.endswith(" ".join(f"chain/{name}" for name in named))
    total_s = sum(recipes()[name].forecast_s for name in named)
    assert f"about {total_s} s of one core" in missing.value.hint


@pytest.mark.usefixtures("three")
def test_records_name_the_files_that_a_seed_rests_on_and_no_two_trainings_share_one(monkeypatch):
    monkeypatch.setattr(trained_models, "pair", lambda seed: None)  # it opens real models,
    monkeypatch.setattr(trained_models, "reviser", lambda seed, trainings: None)  # and so does it
    assert models("lm-s", "several", 1).names == ("lm-s-s0", "judge-s0")
    named = [models("lm-s", "several", seed, 3) for seed in range(3)]
    assert [found.names for found in named] == [(f"lm-s-s{k}", f"judge-x-s{k}") for k in range(3)]
    assert [(found.policy, found.judge) for found in named] == [found.names for found in named]
    assert all(found.pair is None for found in named)


@pytest.mark.usefixtures("three")
def test_revisions_follow_the_trainings_or_are_refused(monkeypatch):
    """Each training is revised by a policy and judged by a judge of its own; never by the first's."""
    monkeypatch.setattr(trained_models, "pair", lambda seed: None)
    monkeypatch.setattr(trained_models, "AttemptJudge", lambda judge, revisions: judge)
    asked: list[str] = []
    monkeypatch.setattr(trained_models, "strategy_plan", asked.append)
    first = models("lm-s", "several", 1)
    assert first.reviser.names == ("lm-s-revisions-s0", "judge-s0")
    first.plans["revisions"]()
    assert models("lm-s", "several", 0, 3).reviser is None, "only one of three was trained"
    there = trained_models.checkpoints.is_there
    monkeypatch.setattr(
        trained_models.checkpoints,
        "is_there",
        lambda name, folder: name.startswith("lm-s-revisions") or there(name, folder),
    )
    for seed in range(4):
        found = models("lm-s", "several", seed, 3)
        names = (f"lm-s-revisions-s{seed % 3}", f"judge-x-s{seed % 3}")
        assert found.reviser.names == names == (found.reviser.policy, found.reviser.judge)
        found.plans["revisions"]()
    assert asked == ["compute-optimal-revisions-s0"] + [
        f"compute-optimal-revisions-x-s{k}" for k in (0, 1, 2, 0)
    ]
    assert set(asked) <= recipes().keys()
    assert recipes()["compute-optimal-revisions-x-s2"].trunk == "judge-x-s2"


@pytest.mark.parametrize("policy", ["lm-z", "judge", "judge-x"])
def test_what_is_no_policy_is_refused(policy):
    with pytest.raises(SelectionError, match="no policy") as refused:
        load("embedded", 0, policy=policy)
    assert "lm-s" in refused.value.hint


def test_the_middle_policy_is_the_trunk_of_the_first_judge():
    middle = models("lm-x", "several", 1, 3)
    assert middle.names == ("judge-s0",)
    assert (middle.policy.name, middle.policy.role) == ("lm-x", "policy")
    assert middle.judge is None
    assert judge("judge-s0").engine.role == "judge"


def test_trainings_of_one_make_cost_the_same():
    shapes = {name: recipe.shape for name, recipe in recipes().items()}
    for base in ("lm-s", "judge-x"):
        assert len({shapes[f"{base}-s{s}"] for s in TRAININGS}) == 1


def test_recipes_of_the_second_make_take_six_minutes_of_one_core_at_most():
    second = [recipe for recipe in recipes().values() if recipe.make == "second"]
    assert {recipe.name for recipe in second} >= {"lm-s-s1", "lm-s-s2", "judge-x-s0"}
    assert all(recipe.forecast_s <= 360 for recipe in second)


@pytest.mark.parametrize("name", SECOND)
def test_a_card_says_the_recipe_that_made_it(name):
    said = card(name)
    plan = json.loads(json.dumps(asdict(recipes()[name])))
    later = {field.name: field.default for field in fields(Recipe) if field.name not in said}
    later = json.loads(json.dumps(later))
    assert {**said, **later}.items() >= {
        key: value for key, value in plan.items() if key != "shape"
    }.items()
    assert said["shape"] == plan["shape"]
    assert said["source"]


def test_what_is_shipped_beside_the_first_files_is_small():
    sizes = {path.stem: path.stat().st_size for path in FOLDER.glob("*.safetensors")}
    assert sum(sizes[name] for name in SECOND) < 1_850_000


def mean(name: str) -> float:
    """Return what a card says: the mean over lengths of greedy answers and samples."""
    found = [value for key, value in card(name)["dev"].items() if "_d" in key]
    assert len(found) == 2 * LONGEST
    return sum(found) / len(found)


POLICIES = tuple(name for name in SECOND if name.startswith("lm-s"))


def test_the_accuracy_that_is_asked_for_is_that_of_the_first():
    assert mean("lm-s-s0") == pytest.approx(AS_GOOD_AS_FIRST, abs=0.005)


@pytest.mark.parametrize("name", POLICIES)
def test_cards_place_further_trainings_beside_the_first(name):
    assert mean(name) == pytest.approx(AS_GOOD_AS_FIRST, abs=0.05)


@pytest.mark.parametrize("name", ["lm-s-s0", *POLICIES])
def test_small_policies_have_room_above_them(name):
    """64 questions, greedily and by a sample: 128 answers, a standard error of four points."""
    assert 0.3 < share_right(name) < 0.6


def test_the_middle_policy_answers_more_than_the_small_one():
    assert share_right("judge-s0") > share_right("lm-s-s0") + 0.15


def share_right(name: str) -> float:
    asked = questions(8)
    return sum(accuracy(engine(name), asked, heat) for heat in (0.0, 1.0)) / 2


@pytest.mark.parametrize("name", [name for name in SECOND if name.startswith("judge")])
def test_judges_of_further_trainings_choose_better_than_chance(name):
    asked = [p for d in (4, 6) for p in islice(stream("test", 8, [d]), 12)]
    found = train_judge.report(engine(recipes()[name].policy), judge(name), asked)
    assert found["auc_within"] > 0.7, found
    assert found["best_by_judge"] > found["chance"] + 0.1, found


@pytest.mark.parametrize("name", [name for name in SECOND if name.startswith("judge")])
def test_by_their_cards_judges_choose_better_than_votes(name):
    assert train_judge.passes(card(name)["dev"])


def short(plan: Recipe, steps: int) -> Recipe:
    return replace(plan, steps=steps, batch=2)


def test_a_training_ends_at_the_look_nearest_to_its_target(monkeypatch):
    """Looks that find .2, .4 and .9 where .5 is asked leave what the second saw."""
    found = iter((-0.3, -0.1, 0.4, 9.0))
    looks: list[short_training.Look] = []

    def look(mean, recipe):
        weights = {key: value.clone() for key, value in mean.items()}
        looks.append(short_training.Look(weights, next(found)))
        return looks[-1]

    monkeypatch.setattr(short_training, "_look", look)
    monkeypatch.setattr(short_training, "LOOK_STEPS", 2)
    done: list[int] = []
    plan = short(recipes()["lm-s-s1"], 12)
    model = short_training.train(plan, lambda step, steps: done.append(step))
    assert len(looks) == 3
    assert done[-1] < 12
    assert all((value == looks[1].weights[key]).all() for key, value in model.state_dict().items())


def test_a_training_that_misses_its_target_ends_after_its_steps():
    done: list[int] = []
    plan = short(recipes()["lm-s-s1"], 3)
    short_training.train(plan, lambda step, steps: done.append(step))
    assert done == [1, 2, 3]


@pytest.mark.parametrize(("first_look", "first"), [(0.4, 6), (0.8, 10), (0.9, 12)])
def test_a_training_is_looked_at_from_its_recipes_share_of_steps_on(monkeypatch, first_look, first):
    """Each look finds less than is asked for, so that there are looks until the last step."""
    monkeypatch.setattr(short_training, "LOOK_STEPS", 2)
    done, looked = list[int](), list[int]()

    def look(mean, recipe):
        looked.append(done[-1])
        return short_training.Look({}, -0.1)

    monkeypatch.setattr(short_training, "_look", look)
    plan = replace(short(recipes()["lm-s-s2"], 12), first_look=first_look)
    short_training.train(plan, lambda step, steps: done.append(step))
    assert looked == list(range(first, 13, 2))


def test_a_look_says_how_far_a_model_is_from_what_is_asked(monkeypatch):
    monkeypatch.setattr(short_training, "DEV_PROBLEMS", 4)
    short_training._questions.cache_clear()
    try:
        mean = restore("lm-s-s0").state_dict()
        plan = recipes()["lm-s-s1"]
        low, high = (
            short_training._look(mean, replace(plan, accuracy=asked)).distance
            for asked in (0.1, 0.9)
        )
    finally:
        short_training._questions.cache_clear()
    assert low == pytest.approx(high + 0.8)
    assert high < 0 < low


def test_the_same_seed_trains_the_same_model_and_another_seed_another():
    plan = short(recipes()["lm-s-s1"], 2)
    made = [short_training.train(replace(plan, seed=seed)).embedding.weight for seed in (1, 1, 2)]
    assert (made[0] == made[1]).all()
    assert not (made[0] == made[2]).all()


@given(st.integers(2, 99), st.integers(1, LONGEST), st.integers(0, 1000))
def test_small_numbers_are_small_and_all_numbers_are_what_they_were(largest, length, seed):
    first, again, small = (np.random.default_rng(seed) for _ in range(3))
    assert draw(first, length) == draw(again, length, 99)
    for sign, number in draw(small, length, largest).operations:
        assert (2 if sign == "*" else 1) <= number <= largest


def test_problems_get_harder_until_they_are_all_there_is():
    shares = [step / 40 for step in range(41)]
    levels = [short_training.hardness(share) for share in shares]
    assert levels == sorted(levels, key=lambda level: (level[1], level[0]))
    assert levels[0] == (3, 9)
    assert {level for share, level in zip(shares, levels, strict=True) if share >= 0.5} == {(8, 99)}


def test_a_model_with_new_layers_computes_what_the_one_without_did():
    small, deep = LanguageModel(Shape(2, 16, 2, 32)), LanguageModel(Shape(4, 16, 2, 32))
    short_training.grow(deep, small)
    ids = torch.arange(24).reshape(2, 12)
    assert torch.allclose(deep(ids), small(ids), atol=1e-5)
    assert sum(bool(block.out.weight.any()) for block in deep.blocks) == 2


def configuration(policy: str, votes: int, asked: list[Problem]) -> tuple[float, list[bool]]:
    """Return the FLOPs of a policy with so many votes (1: greedy) on questions, and which are right."""
    writer, costs = engine(policy_name(policy, "several", 0)), Costs()
    writer.reset(costs)
    right = []
    for i, problem in enumerate(asked):
        leaves = writer.fork(writer.open(problem.prompt, mix(3, i)), votes)
        writer.decode(leaves, max_new=room(problem.prompt), temperature=float(votes > 1))
        chosen = vote([leaf.completion for leaf in leaves], [1.0] * votes, answer)
        right.append(answer(chosen) == truth(problem))
        for leaf in leaves:
            writer.close(leaf)
    return costs.meter["flops"], right


def test_no_model_is_dead_weight_in_a_set_of_configurations():
    """A router over models and votes has something to choose: the front has three models."""
    asked = questions(3)
    found = {
        (policy, votes): configuration(policy, votes, asked)
        for policy in ("lm-s", "lm-x", "lm-l")
        for votes in (1, 4, 16)
    }
    dots = {name: (flops, sum(right)) for name, (flops, right) in found.items()}
    front = {
        name
        for name, (flops, score) in dots.items()
        if all(other[1] < score or other[0] >= flops for other in dots.values())
    }
    assert len(front) >= 3, dots
    assert len({policy for policy, _ in front}) >= 2, dots
    cheapest = [
        min((flops, name) for name, (flops, right) in found.items() if right[i])[1]
        for i in range(len(asked))
        if any(right[i] for _, right in found.values())
    ]
    assert len(set(cheapest)) >= 3
    assert {"lm-s", "lm-x"} <= {policy for policy, _ in cheapest}


def test_a_judge_of_the_second_make_grows_out_of_its_policy_and_comes_out_the_same(monkeypatch):
    monkeypatch.setattr(train_judge, "HEAD_STEPS", 2)
    small, deep = Shape(2, 16, 2, 32), Shape(4, 16, 2, 32)
    policy = LanguageModel(small).eval().requires_grad_(False)
    before = {key: value.clone() for key, value in policy.state_dict().items()}
    plan = Recipe("judge-x-s1", deep, 1, 2, 2, 1e-3, make="second", kind="judge", problems=4)
    (trunk, head), again = (
        train_judge.train(one, policy, NativeEngine(policy, "lm-s"), lambda done, steps: None)
        for one in (plan, plan)
    )
    assert trunk.shape == deep
    assert head.inner.in_features == 16 + FEATURES
    assert all(torch.equal(value, before[key]) for key, value in policy.state_dict().items())
    for made, other in zip((trunk, head), again, strict=True):
        weights = other.state_dict()
        assert all(torch.equal(value, weights[key]) for key, value in made.state_dict().items())


@pytest.mark.slow
def test_a_judge_of_a_further_training_can_be_made_and_passes(tmp_path):
    torch.set_num_threads(1)
    shutil.copy(FOLDER / "lm-s-s1.safetensors", tmp_path)
    made = checkpoints.train("judge-x-s1", folder=tmp_path)
    assert train_judge.passes(made["dev"])
    assert made["dev"]["auc_within"] > 0.8
