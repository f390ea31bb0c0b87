"""How gates and experts are trained, what their files hold, and what is shipped."""

import dataclasses
import json

import pytest
import torch

from adabench.harness.errors import EnvironmentProblem
from adabench.workloads.depth_width.classify.recipes import FOLDER, recipes
from adabench.workloads.depth_width.classify.substrate import train_experts
from adabench.workloads.depth_width.classify.substrate.encoder import (
    Encoder,
    EncoderRecipe,
    GeneratedTrainingSet,
    frozen_encoder,
)
from adabench.workloads.depth_width.classify.substrate.experts import Arm, Batch, Mixture
from adabench.workloads.depth_width.classify.substrate.train_experts import (
    GROUPS,
    LEVELS,
    ExpertsRecipe,
    file_precision,
    held_out,
    imbalance,
    loss,
    steps_of,
    train,
)
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.shared.training.trainer import silent

MOST_BYTES = 300_000
"""Of all shipped files of this task together."""
EACH_BATCH = 16
ARMS = list({
    dataclasses.replace(arm, name="", batch=EACH_BATCH): arm
    for arms in reversed(GROUPS.values()) for arm in arms
}.values())  # fmt: skip
"""One of those that differ by their names and batches alone: with one batch size they learn the same."""


@pytest.fixture(scope="module")
def training_set() -> GeneratedTrainingSet:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return GeneratedTrainingSet(Encoder().requires_grad_(False), queries=192)


@dataclasses.dataclass(frozen=True)
class OneBatch:
    """The same queries again and again."""

    encoder: Encoder
    batch: Batch
    queries: int
    classes: int = 15

    def batches(self, seed: int, size: int):
        for _ in range(0, self.queries, size):
            yield self.batch


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: f"{arm.name}-{arm.isolated}")
def test_every_arm_learns(arm: Arm, training_set: GeneratedTrainingSet) -> None:
    plan = dataclasses.replace(arm, batch=EACH_BATCH)
    (batch,) = dataclasses.replace(training_set, queries=EACH_BATCH).batches(0, EACH_BATCH)
    losses = []
    for steps in (0, 30):
        own = OneBatch(training_set.encoder, batch, EACH_BATCH * steps)
        (made,) = train([plan], own, 0, silent).values()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            losses.append(float(loss(made, batch)))
    assert losses[1] < 0.8 * losses[0]


def test_the_same_seed_trains_the_same_weights(training_set: GeneratedTrainingSet) -> None:
    arms = GROUPS["sequence"][:2]
    made = [train(arms, training_set, seed, silent)["hecto"] for seed in (0, 0, 1)]
    one, same, other = (mixture.state_dict() for mixture in made)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


def test_every_batch_size_sees_the_same_queries(training_set: GeneratedTrainingSet) -> None:
    seen = {
        size: torch.cat([batch.answers for batch in training_set.batches(3, size)])
        for size in (16, 64)
    }  # fmt: skip
    assert torch.equal(seen[16], seen[64])
    arms = {size: Arm("a", ("ffnn",), batch=size) for size in (16, 64, 256)}
    steps = {size: steps_of([arm], 98_304) for size, arm in arms.items()}
    assert steps == {16: 6144, 64: 1536, 256: 384}
    assert steps_of([*arms.values(), arms[16]], 98_304) == sum(steps.values())


def test_the_loss_knows_no_kind() -> None:
    """What a gate learns from is states, lengths and answers."""
    assert set(Batch._fields) == {"states", "lengths", "answers"}


def test_imbalance_is_nothing_when_all_experts_are_used() -> None:
    even = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert float(imbalance(even)) == pytest.approx(0.0, abs=1e-6)
    one = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(imbalance(one)) == pytest.approx(0.6931, abs=1e-3)


def test_only_the_chosen_expert_gets_a_gradient(training_set: GeneratedTrainingSet) -> None:
    mixture = Mixture(GROUPS["sequence"][0], 64, training_set.classes)
    mixture.gate.bias.data = torch.tensor([100.0, -100.0])
    (batch,) = dataclasses.replace(training_set, queries=64).batches(0, 64)
    torch.autograd.backward(loss(mixture, batch))
    gru, ffnn = mixture.experts
    assert all(weight.grad is not None for weight in gru.parameters())
    assert all(weight.grad is None for weight in ffnn.parameters())


def test_rounded_weights_are_those_of_the_file_and_go_back() -> None:
    mixture = Mixture(GROUPS["sequence"][0], 64, 15)
    before = {key: value.clone() for key, value in mixture.state_dict().items()}
    with file_precision(mixture):
        weight = mixture.experts[0].gru.weight_hh_l0.data
        steps = weight / (weight.abs().amax(1, keepdim=True) / LEVELS)
        assert torch.allclose(steps, steps.round(), atol=2e-2)
    assert all(torch.equal(value, before[key]) for key, value in mixture.state_dict().items())


def test_an_encoder_that_was_never_trained_is_refused(tmp_path) -> None:
    with pytest.raises(EnvironmentProblem, match="never trained") as refused:
        frozen_encoder(dict(Encoder().state_dict()), "encoder")
    assert "adabench train encoder" in refused.value.hint
    recipe = EncoderRecipe("encoder", 0, tmp_path)
    checkpoints.write(Encoder().state_dict(), tmp_path / f"encoder{checkpoints.SUFFIX}")
    with pytest.raises(EnvironmentProblem, match="says nothing of a query"):
        recipe.training_set()


def test_a_missing_file_names_what_makes_it(tmp_path) -> None:
    with pytest.raises(EnvironmentProblem) as refused:
        EncoderRecipe("encoder", 0, tmp_path).load()
    assert "adabench train encoder" in refused.value.hint


def test_a_file_knows_the_encoder_that_it_was_trained_on(tmp_path, monkeypatch) -> None:
    short = Arm("hecto", ("gru", "ffnn"), "top-1")
    monkeypatch.setattr(train_experts, "GROUPS", {"short": (short,)})
    base = EncoderRecipe("encoder", 0, tmp_path, steps=2)
    base.build(silent, tmp_path)
    monkeypatch.setattr(
        EncoderRecipe, "training_set", lambda own: GeneratedTrainingSet(own.load(), 128)
    )
    plan = ExpertsRecipe("short-s0", "short", 0, tmp_path, base, 2, 1)
    card = plan.build(silent, tmp_path)
    assert card["held_out"]["hecto"]["accuracy"] <= 1
    assert plan.load("hecto", base.training_set()).arm == short
    dataclasses.replace(base, seed=1).build(silent, tmp_path)
    with pytest.raises(EnvironmentProblem, match="another encoder"):
        plan.load("hecto", base.training_set())


def test_shipped_files_are_small() -> None:
    shipped = list(FOLDER.glob(f"*{checkpoints.SUFFIX}"))
    assert shipped
    assert sum(path.stat().st_size for path in shipped) < MOST_BYTES


@pytest.mark.parametrize("name", ["sequence-s0", "isolated-s3", "isolated-statics-s0"])
def test_a_shipped_file_scores_what_its_card_says(name: str) -> None:
    recipe = recipes()[name]
    assert isinstance(recipe, ExpertsRecipe)
    card = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    training_set = recipe.base.training_set()
    for arm in card["held_out"]:
        found = held_out(recipe.load(arm, training_set), training_set)
        for key, value in found.items():  # a near-tie may fall otherwise on another processor
            assert value == pytest.approx(card["held_out"][arm][key], abs=0.01)


def test_the_shipped_encoder_tells_the_questions_apart() -> None:
    card = json.loads((FOLDER / "encoder.json").read_text(encoding="utf-8"))
    assert card["held_out"]["question_told"] > 0.95
