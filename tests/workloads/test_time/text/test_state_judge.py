"""A head on the policy's states: fitted by `train` to any model, found again, refused on other weights."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.store import prepared_states
from adabench.workloads.shared.language_model.contract import Costs
from adabench.workloads.shared.sources.model_source import open_model
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.test_time.text import checkpoints, recipes
from adabench.workloads.test_time.text.substrate.shared_prefix import SharedPrefix
from adabench.workloads.test_time.text.substrate.state_judge import (
    FEATURES,
    StateHead,
    StateJudge,
    check_trained,
    moments,
    trained_judge,
)
from adabench.workloads.test_time.text.training.train_state_judge import fitted, report
from adabench.workloads.test_time.text.truth.grading import Answers


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    assert prepared_states.default_folder() == tmp_path / "cache"
    few = partial(replace, steps=6)
    monkeypatch.setattr(checkpoints, "recipe_named", lambda name: few(recipes.recipe_named(name)))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def policy(llama_folder) -> SharedPrefix:
    return SharedPrefix(open_model(model_spec(f"hf:{llama_folder}")).engine, [])


def rolled(policy: SharedPrefix, codec, count: int = 6):
    policy.reset(Costs())
    leaves = policy.fork(policy.open(codec.encode("Step 1: 2 + 5"), 3), count)
    policy.decode(leaves, max_new=40)
    return leaves


def test_a_step_is_a_state_with_what_the_policy_thought_of_it(policy, codec):
    marks = codec.stops("\n")
    for leaf in rolled(policy, codec):
        rows = moments(policy, leaf, marks)
        steps = sum(word in marks for word in leaf.completion) + leaf.finished
        assert len(rows) == steps
        for number, row in enumerate(rows):
            assert row.shape == (24 + FEATURES,)
            stops = leaf.finished and number == steps - 1
            assert (row[-2], row[-1]) == (pytest.approx((number + 1) / 10), float(stops))
        later = moments(policy, leaf, marks, first=max(0, steps - 1))
        assert torch.equal(later, rows[max(0, steps - 1) :]) or not steps


def test_each_step_is_scored_once_and_no_word_is_read(policy, codec):
    judge = StateJudge(policy, codec.stops("\n"), StateHead(torch.zeros(24 + FEATURES), 1.0))
    leaves = rolled(policy, codec)
    judge.reset(policy.costs)
    before = dict(policy.costs.meter)
    scores = judge.scores(leaves)
    counted = {name: n - before.get(name, 0) for name, n in policy.costs.meter.items()}
    rows = sum(map(len, scores))
    assert rows > 0
    assert counted.pop("flops") == 2 * rows * (24 + FEATURES)
    assert not any(counted.values())
    assert [score for found in scores for score in found] == pytest.approx([0.7310586] * rows)
    assert judge.scores(leaves) == scores
    assert policy.costs.meter["flops"] == before["flops"] + 2 * rows * (24 + FEATURES)


def test_the_head_finds_what_tells_right_from_wrong():
    torch.manual_seed(0)
    rows = torch.randn(400, 20)
    labels = (rows[:, 3] > 0).float()
    weight, bias = fitted(rows * 5 + 2, labels)
    scores = StateHead(weight, float(bias)).scores(rows * 5 + 2)
    assert (
        sum((score > 0.5) == bool(label) for score, label in zip(scores, labels, strict=True)) > 380
    )
    assert int(weight.abs().argmax()) == 3


def test_a_report_compares_within_questions():
    rows = [
        (torch.tensor([[value]]), right) for value, right in ((1.0, 1.0), (0.0, 0.0), (2.0, 0.0))
    ]
    found = report([rows, []], torch.ones(1), 0.0)
    assert found == {
        "questions": 1.0, "chosen": 0.0, "chance": 0.3333, "pairs": 2.0, "auc_within": 0.5,
    }  # fmt: skip


def test_a_head_is_fitted_by_train_and_judges_these_weights_alone(
    command, cache, llama_folder, tmp_path, monkeypatch
):
    folder = Path(shutil.copytree(llama_folder, tmp_path / "model"))
    spec = model_spec(f"hf:{folder}")
    with pytest.raises(EnvironmentProblem, match="No judge was fitted") as missing:
        check_trained(spec)
    assert f"--set model=hf:{folder}" in missing.value.hint

    def even(self: Answers, index: int, completion: tuple[int, ...]) -> bool:
        return len(completion) % 2 == 0

    monkeypatch.setattr(Answers, "is_right", even)
    done = command("train", "text/state-judge-*", "--set", f"model=hf:{folder}", "--json")
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout.splitlines()[-1])
    assert card["model"] == f"hf:{folder}"
    assert 0 <= card["dev"]["auc_within"] <= 1
    assert list(cache.rglob("state-judge-*.safetensors"))
    check_trained(spec)
    policy = SharedPrefix(open_model(spec).engine, [])
    assert trained_judge(spec, policy, frozenset({1})).vocabulary == policy.vocabulary
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(EnvironmentProblem, match="was fitted to other weights"):
        check_trained(spec)


def test_what_is_never_right_teaches_nothing(command, cache, llama_folder, monkeypatch):
    monkeypatch.setattr(Answers, "is_right", lambda self, index, completion: False)
    done = command("train", "text/state-judge-*", "--set", f"model=hf:{llama_folder}")
    assert done.returncode == 3
    assert "answers these sums never right" in done.stderr


def test_a_server_shows_no_states_to_fit_to(cache):
    with pytest.raises(SelectionError, match="shows no states"):
        checkpoints.train(recipes.recipe_of("openai:http://127.0.0.1:9/v1#m").name)
