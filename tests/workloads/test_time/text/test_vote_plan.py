"""The table of votes: fitted by `train` to any model, found again, refused on other weights."""

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from adabench.workloads.shared.language_model.contract import CapabilityMissing
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.test_time.methods import compute_optimal, random_strategy
from adabench.workloads.test_time.substrate.strategies import MECHANISMS
from adabench.workloads.test_time.text import checkpoints, recipes
from adabench.workloads.test_time.text.substrate.vote_plan import vote_plan
from adabench.workloads.test_time.text.task import load, of_practice
from adabench.workloads.test_time.text.training import train_votes
from adabench.workloads.test_time.text.truth import arithmetic

POINT = {"N": 4, "pilot": 4, "mechanism": "votes"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path / "cache"))
    few = partial(replace, steps=3, samples=2)
    monkeypatch.setattr(checkpoints, "recipe_named", lambda name: few(recipes.recipe_named(name)))
    monkeypatch.setattr(train_votes, "BUDGETS", (1, 2))
    return tmp_path / "cache"


def test_a_table_is_fitted_by_train_to_these_weights_alone(command, cache, llama_folder, tmp_path):
    folder = Path(shutil.copytree(llama_folder, tmp_path / "model"))
    spec = model_spec(f"hf:{folder}")
    with pytest.raises(CapabilityMissing, match="none was fitted") as missing:
        vote_plan(spec)
    assert f"--set model=hf:{folder}" in missing.value.hint
    done = command("train", "text/compute-optimal-*", "--set", f"model=hf:{folder}", "--json")
    assert done.returncode == 0, done.stderr
    card = json.loads(done.stdout.splitlines()[-1])
    assert (card["model"], card["dev"]["questions"]) == (f"hf:{folder}", 3)
    plan = vote_plan(spec)
    assert plan.predicted.measure == "agreement"
    assert [list(row) for row in plan.predicted.choices] == card["dev"]["predicted"]
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(CapabilityMissing, match="was fitted to other weights"):
        vote_plan(spec)


def test_no_run_asks_what_a_table_was_fitted_to() -> None:
    asked = of_practice("builtin", 0, 40)
    prompts = {question.prompt for question in asked.cases()}
    run = {
        question.prompt
        for seed in range(5)
        for question in load("embedded", seed, model="builtin", problems=20).cases()
    }
    assert not prompts & run
    rows = arithmetic.rows(arithmetic.read_levels(""), 0, 40, "train")
    assert len(prompts) == len({row.question for row in rows})


def test_votes_are_chosen_by_agreement_and_need_no_judge() -> None:
    where = load("embedded", 0, model="builtin", judge="none", problems=2)
    for question in where.cases():
        for method in (compute_optimal, random_strategy):
            where.meter.clear()
            completion = method.solve(where, question, POINT)
            assert where.account(question, completion) == completion
            assert where.meter["judged"] == 0
            estimated = method is compute_optimal
            assert (where.meter["difficulty_flops"] > 0) == estimated
            assert where.meter["difficulty_flops"] < where.meter["flops_counted"]


def test_searches_against_a_judge_of_steps_are_a_missing_ability_here() -> None:
    where = load("embedded", 0, model="builtin", problems=2)
    with pytest.raises(CapabilityMissing, match="mechanism=search") as missing:
        compute_optimal.solve(where, next(where.cases()), {**POINT, "mechanism": "search"})
    assert "votes" in missing.value.hint


@pytest.mark.parametrize("model", ["builtin", "smollm2"])
def test_the_shipped_tables_are_what_their_cards_say(model: str) -> None:
    name = recipes.table_of(model).name
    card = json.loads((recipes.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert (recipes.FOLDER / f"{name}.safetensors").stat().st_size < 1000
    assert card["model"] == model
    chosen = {one for row in card["dev"]["predicted"] for one in row}
    assert chosen <= set(MECHANISMS["votes"])
    assert card["dev"]["missing"] == {}
