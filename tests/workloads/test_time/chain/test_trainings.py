"""Trainings of the chain's models: which one a seed takes, what ships, and whether it is comparable."""

import json
from dataclasses import asdict, fields, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.model import LanguageModel, Shape
from adabench.workloads.shared.training import reward_curve
from adabench.workloads.test_time.chain.recipes import (
    AS_GOOD_AS_FIRST,
    EFFORT,
    EXPERTS,
    ORDERS,
    REVISER,
    REVISION_TABLE,
    TRAININGS,
    Recipe,
    recipes,
)
from adabench.workloads.test_time.chain.substrate import trained_models
from adabench.workloads.test_time.chain.substrate.order_problems import (
    TEMPERATURE,
    answer,
    questions,
)
from adabench.workloads.test_time.chain.substrate.problems import LONGEST, draw
from adabench.workloads.test_time.chain.substrate.trained_models import (
    FOLDER,
    TrainingMissing,
    engine,
    file_of,
    judge,
    models,
    policy_names,
    restore,
    splits_models,
    splits_name,
)
from adabench.workloads.test_time.chain.task import load
from adabench.workloads.test_time.chain.training import (
    order_figures,
    order_training,
    short_training,
    train_by_reward,
)
from adabench.workloads.test_time.chain.truth.order_solutions import truth

BASES = tuple(
    name.removesuffix("-s0")
    for name, recipe in recipes().items()
    if recipe.format == "orders" and recipe.seed == 0
)
LARGER = (f"lm-x{ORDERS}", f"lm-l{ORDERS}")
"""Policies of which one training serves everybody."""
SHIPPED = (
    *(f"{base}-s{seed}" for base in BASES if base not in LARGER for seed in TRAININGS),
    *(f"{base}-s0" for base in LARGER),
)
LEARNED = tuple(sorted(
    path.stem for path in FOLDER.glob("*.safetensors") if recipes()[path.stem].start
))  # fmt: skip
"""Policies that go on from another one."""
POLICIES = tuple(f"lm-s{ORDERS}-s{seed}" for seed in TRAININGS)
JUDGES = tuple(f"judge{ORDERS}-s{seed}" for seed in TRAININGS)


@pytest.fixture
def three(monkeypatch):
    """Three trainings of the small policy and its judge are there, and one of everything else."""
    many = (f"lm-s{ORDERS}", f"judge{ORDERS}")

    def is_there(name: str, folder: Path) -> bool:
        base, _, seed = name.rpartition("-s")
        return int(seed) < (3 if base in many else 1)

    monkeypatch.setattr(trained_models.checkpoints, "is_there", is_there)
    monkeypatch.setattr(trained_models, "engine", lambda name: name)
    monkeypatch.setattr(trained_models, "judge", lambda name: name)
    monkeypatch.setattr(trained_models, "router_head", lambda name: name)
    monkeypatch.setattr(trained_models, "StepRouter", lambda *parts: parts)
    monkeypatch.setattr(trained_models, "AttemptJudge", lambda judge, revisions: judge)


def is_there_too(monkeypatch, wanted) -> None:
    """Let files be there of which `wanted` says so, beside those that are; False takes one away."""
    there = trained_models.checkpoints.is_there

    def is_there(name: str, folder: Path) -> bool:
        said = wanted(name)
        return there(name, folder) if said is None else said

    monkeypatch.setattr(trained_models.checkpoints, "is_there", is_there)


def card(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text())


def test_there_are_five_recipes_of_every_model_by_name():
    known = recipes()
    assert len(BASES) == 9
    for base in (*BASES, "lm-s", "scale-score", "scale-score-x"):
        assert [name for name in known if name.rpartition("-s")[0] == base] == [
            f"{base}-s{s}" for s in TRAININGS
        ]
    for name, recipe in known.items():
        assert recipe.name == name
        assert recipe.seed == int(name.rpartition("-s")[2])


@pytest.mark.usefixtures("three")
def test_one_training_serves_all_seeds_unless_more_are_wanted():
    first = (f"lm-s{ORDERS}-s0", f"judge{ORDERS}-s0")
    assert {policy_names("lm-s", seed) for seed in range(6)} == {first}
    taken = [policy_names("lm-s", seed, 3) for seed in range(6)]
    assert taken == [
        (f"lm-s{ORDERS}-s{seed % 3}", f"judge{ORDERS}-s{seed % 3}") for seed in range(6)
    ]
    assert policy_names("lm-s", 5, 2) == (f"lm-s{ORDERS}-s1", f"judge{ORDERS}-s1")
    assert {splits_name("lm-s", seed) for seed in range(6)} == {"lm-s-s0"}
    assert file_of("lm-s", 5, 2) == f"lm-s{ORDERS}-s1"


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("policy", ["lm-x", "lm-l"])
def test_what_has_one_training_has_it_whatever_is_wanted(policy):
    name = f"{policy}{ORDERS}-s0"
    assert {policy_names(policy, seed, 3) for seed in range(4)} == {(name,)}


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("seed", [0, 1, 5])
@pytest.mark.parametrize("lost", ["judge-orders-s1", "lm-s-orders-s2"])
def test_a_training_that_is_wanted_and_missing_is_named_whichever_seed_takes_it(
    monkeypatch, seed, lost
):
    is_there_too(monkeypatch, lambda name: False if name == lost else None)
    with pytest.raises(TrainingMissing, match=f"trainings=3 needs {lost}, which is") as missing:
        load("embedded", seed, problems=1, trainings=3)
    assert f"about {recipes()[lost].forecast_s} s" in missing.value.hint
    assert missing.value.hint.endswith(f"adabench train chain/{lost}")
    assert policy_names("lm-s", seed)[0] == "lm-s-orders-s0"


@pytest.mark.usefixtures("three")
def test_all_that_is_missing_is_named_with_what_makes_it():
    with pytest.raises(TrainingMissing, match="trainings=5 needs") as missing:
        policy_names("lm-s", 0, 5)
    named = [f"{base}{ORDERS}-s{k}" for k in (3, 4) for base in ("lm-s", "judge")]
    assert missing.value.hint.endswith(" ".join(f"chain/{name}" for name in named))
    total_s = sum(recipes()[name].forecast_s for name in named)
    assert f"about {total_s} s of one core" in missing.value.hint
    with pytest.raises(TrainingMissing, match="needs lm-s-s1, lm-s-s2, which are not here"):
        splits_models("lm-s", 0, 3)


@pytest.mark.usefixtures("three")
def test_records_name_the_files_that_a_seed_rests_on_and_no_two_trainings_share_one():
    assert models("lm-s", 1).names == (f"lm-s{ORDERS}-s0", f"judge{ORDERS}-s0")
    found = [models("lm-s", seed, 3) for seed in range(3)]
    assert [one.names for one in found] == [policy_names("lm-s", seed, 3) for seed in range(3)]
    assert len({name for one in found for name in one.names}) == 6
    assert [(one.policy, one.judge) for one in found] == [one.names for one in found]
    assert models("lm-s", 0).pair.names[-1] == f"arbitrage-router{ORDERS}-s0"
    assert all(one.pair is None for one in found), "only one of three routers was trained"
    alone = splits_models("lm-s", 1)
    assert (alone.names, alone.policy, alone.judge) == (("lm-s-s0",), "lm-s-s0", None)


@pytest.mark.usefixtures("three")
def test_revisions_follow_the_trainings_or_are_refused(monkeypatch):
    """Each training is revised by a policy and judged by a judge of its own; never by the first's."""
    asked: list[str] = []
    monkeypatch.setattr(trained_models, "strategy_plan", asked.append)
    first = models("lm-s", 1)
    assert first.reviser.names == (f"{REVISER}{ORDERS}-s0", f"judge{ORDERS}-s0")
    first.plans["revisions"]()
    none = models("lm-s", 0, 3)
    assert none.reviser is None, "only one of three was trained"
    assert none.plans.keys() == {"search"}
    is_there_too(monkeypatch, lambda name: name.startswith(REVISER) or None)
    for seed in range(4):
        found = models("lm-s", seed, 3)
        names = tuple(f"{base}{ORDERS}-s{seed % 3}" for base in (REVISER, "judge"))
        assert found.reviser.names == names == (found.reviser.policy, found.reviser.judge)
        found.plans["revisions"]()
    tables = [f"{REVISION_TABLE}{ORDERS}-s{k}" for k in range(3)]
    assert asked == [tables[0], *tables, tables[0]]


@pytest.mark.parametrize("policy", ["lm-z", "judge", "judge-orders", "lm-s-orders"])
def test_what_is_no_policy_is_refused(policy):
    for conditions in ({"trainings": 1}, {"format": "splits", "trainings": 1}):
        with pytest.raises(SelectionError, match="no policy") as refused:
            load("embedded", 0, policy=policy, **conditions)
        assert "lm-s" in refused.value.hint


def test_a_larger_policy_has_no_judge():
    middle = models("lm-x", 1, 3)
    assert middle.names == (f"lm-x{ORDERS}-s0",)
    assert (middle.policy.name, middle.policy.role) == ("lm-x", "policy")
    assert middle.judge is middle.pair is middle.reviser is None
    assert judge(JUDGES[0]).engine.role == "judge"


def test_trainings_of_one_make_cost_the_same():
    known = recipes()
    for base in (*BASES, "lm-s"):
        assert len({known[f"{base}-s{s}"].shape for s in TRAININGS}) == 1


def test_what_each_training_has_of_its_own_takes_six_minutes_of_one_core_at_most():
    for name, recipe in recipes().items():
        own = recipe.make == "second" or (recipe.format == "orders" and not name.startswith(LARGER))
        assert recipe.forecast_s <= (360 if own else 600), name


@pytest.mark.parametrize("name", [*SHIPPED, *LEARNED])
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


def test_what_is_shipped_is_small_and_no_more_than_that():
    sizes = {path.stem: path.stat().st_size for path in FOLDER.glob("*.safetensors")}
    efforts = [name for name in LEARNED if name.startswith(EFFORT)]
    assert sum(sizes.pop(name) for name in efforts) < 1_000_000
    experts = [name for name in LEARNED if name.startswith(EXPERTS)]
    assert 0 < sum(sizes.pop(name) for name in experts) < 700_000
    thinkers = [name for name in LEARNED if recipes()[name].format == "paths"]
    assert 0 < sum(sizes.pop(name) for name in thinkers) < 350_000
    others = set(LEARNED) - {*efforts, *experts, *thinkers}
    assert sum(sizes.pop(name) for name in others) < 1_500_000
    others = {"lm-s-s0", *(f"scale-score-s{seed}" for seed in TRAININGS)}
    assert sizes.keys() == {*SHIPPED, *others}
    assert sum(sizes.values()) < 6_100_000
    assert sum(size for name, size in sizes.items() if name.endswith(f"{ORDERS}-s1")) < 550_000


def test_policies_that_learned_by_reward_ship_with_their_curves_and_answer_what_these_end_at():
    curves = {
        path.name.removesuffix(reward_curve.SUFFIX) for path in FOLDER.glob("rl-*.curve.json")
    }
    assert curves == {name for name in LEARNED if name.startswith("rl-")}
    assert {f"rl-grpo-s{seed}" for seed in TRAININGS} <= curves
    for name in curves:
        first, *rest = reward_curve.read(FOLDER / f"{name}{reward_curve.SUFFIX}")
        assert first.words == 0
        assert rest[-1].words >= recipes()[name].words
        drift = np.mean([point.drift for point in rest])
        assert drift > 0.005 if "-stale-" in name else drift == 0.0
    name = "rl-grpo-s0"
    *_, last = reward_curve.read(FOLDER / f"{name}{reward_curve.SUFFIX}")
    assert train_by_reward.validated(engine(name)).mean() == pytest.approx(last.accuracy, abs=0.03)


def test_no_training_is_a_copy_of_another():
    found = [sha256(path.read_bytes()).digest() for path in FOLDER.glob("*.safetensors")]
    assert len(set(found)) == len(found) >= len(SHIPPED)


def mean(name: str) -> float:
    """Return what a card says: the mean over groups of greedy answers and samples."""
    mark = "_k" if ORDERS in name else "_d"
    found = [value for key, value in card(name)["dev"].items() if mark in key]
    assert len(found) == 16
    return sum(found) / len(found)


def test_the_accuracy_that_is_asked_for_is_that_of_the_first():
    assert mean("lm-s-s0") == pytest.approx(AS_GOOD_AS_FIRST, abs=0.005)


@pytest.mark.parametrize("name", POLICIES[1:])
def test_cards_place_further_trainings_beside_the_first(name):
    assert mean(name) == pytest.approx(mean(POLICIES[0]), abs=0.03)


@pytest.mark.parametrize("name", POLICIES)
def test_small_policies_have_room_above_them_and_err_in_products(name):
    """32 questions, greedily and by a sample: 64 answers, a standard error of six points."""
    assert 0.2 < share_right(name) < 0.5
    dev = card(name)["dev"]
    assert dev["table"] == 1.0
    assert dev["malformed"] <= 0.04
    assert dev["arithmetic"] >= 0.94


def test_samples_of_the_small_policies_are_seldom_malformed():
    """Training 4 writes more of them than the others."""
    shares = [card(name)["dev"]["malformed"] for name in POLICIES]
    assert sum(shares) / len(shares) <= 0.02
    assert sorted(shares)[3] <= 0.02


def test_a_larger_policy_answers_more_than_the_next_smaller_one():
    small, middle, large = map(share_right, (POLICIES[0], *(f"{base}-s0" for base in LARGER)))
    assert small + 0.1 < middle
    assert middle + 0.1 < large


def share_right(name: str) -> float:
    asked = questions("test", 8, 32)
    both = [order_figures.completions(engine(name), asked, 1, heat) for heat in (0.0, TEMPERATURE)]
    right = [answer(seq.completion) == truth(one) for part in both for one, seq in part]
    return sum(right) / len(right)


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


@pytest.mark.parametrize(
    ("name", "make"), [("lm-s-s1", short_training), (POLICIES[1], order_training)]
)
def test_the_same_seed_trains_the_same_model_and_another_seed_another(name, make):
    plan = short(recipes()[name], 2)
    made = []
    for seed in (1, 1, 2):
        torch.rand(1)  # whatever was drawn before
        made.append(make.train(replace(plan, seed=seed)).embedding.weight)
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


def test_the_table_is_learned_first_in_large_batches_and_then_problems_get_longer():
    levels = [order_training.hardness(step / 40) for step in range(41)]
    assert levels[:14] == [(2, 4)] * 14
    assert [length for length, _ in levels] == sorted(length for length, _ in levels)
    assert {larger for _, larger in levels[14:]} == {1}
    assert set(levels[20:]) == {(7, 1)}


def test_a_model_with_new_layers_computes_what_the_one_without_did():
    small, deep = LanguageModel(Shape(2, 16, 2, 32)), LanguageModel(Shape(4, 16, 2, 32))
    short_training.grow(deep, small)
    ids = torch.arange(24).reshape(2, 12)
    assert torch.allclose(deep(ids), small(ids), atol=1e-5)
    assert sum(bool(block.out.weight.any()) for block in deep.blocks) == 2
