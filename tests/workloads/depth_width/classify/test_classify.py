"""The task and its methods: rules that planted cheats break, processes, claims, missing trainings."""

import functools
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from adabench.harness.contract import registry
from adabench.harness.errors import (
    EnvironmentProblem,
    MethodContractError,
    MissingAbility,
    SelectionError,
)
from adabench.workloads.depth_width.classify import models, task
from adabench.workloads.depth_width.classify.recipes import recipes
from adabench.workloads.depth_width.classify.substrate.experts import preset_gate
from adabench.workloads.depth_width.classify.substrate.train_experts import GROUPS, ExpertsRecipe
from tests.workloads.depth_width.claim_worlds import judged
from tests.workloads.planted_module import load_module

PLANTED = Path(__file__).parent / "planted"
METHODS = sorted(entry.name for entry in registry.methods("classify").values())


def loaded(**conditions):
    return task.load("embedded", 0, **{"queries": 200, "together": 32, **conditions})


def module_of(name: str) -> ModuleType:
    return registry.load(registry.find(f"classify/{name}"))


def values_of(name: str, found=None, **knobs):
    found = found or loaded()
    method = module_of(name)
    point = {**method.CARD.defaults, **knobs}
    state = method.prepare(found, point, 0)
    (case,) = found.cases()
    found.meter.clear()
    return found.score(case, method.solve(state, case, point))


@functools.cache
def default_values(name: str):
    """What a method measures as `loaded()` is: several tests read it."""
    return values_of(name)


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("names_the_keys", "reaches for 'sets'"),
        ("by_place", "stand in another order"),
        ("reads_the_question", "reaches for 'tokens'"),
    ],
)
def test_a_wrong_method_is_caught(name: str, caught: str) -> None:
    method = load_module(PLANTED / f"{name}.py")
    assert caught in " ".join(task.check(method, method.CARD))


@pytest.mark.parametrize(
    ("name", "caught"),
    [("best_of_two", "More was read"), ("free_gate", "negative work")],
)
def test_the_account_refuses(name: str, caught: str) -> None:
    found, method = loaded(), load_module(PLANTED / f"{name}.py")
    state = method.prepare(found, {}, 0)
    (case,) = found.cases()
    found.meter.clear()
    with pytest.raises(MethodContractError, match=caught):
        found.score(case, method.solve(state, case, {}))


def test_another_text_is_refused() -> None:
    found = loaded()
    other = task.load("embedded", 1, queries=200, together=32)
    reader = found.reader("ffnn")
    (case,), (foreign,) = found.cases(), other.cases()
    found.meter.clear()
    with pytest.raises(MethodContractError, match="another text"):
        found.score(case, reader.read(foreign))


def test_data_that_it_does_not_have_is_refused_by_name() -> None:
    with pytest.raises(SelectionError, match="classify has no data 'no-such'") as refused:
        task.load("embedded", 0, data="no-such")
    assert refused.value.hint == "It has: generated, spam, sentiment, genre."


@pytest.mark.parametrize("name", METHODS)
def test_experts_run_as_the_card_says(name: str) -> None:
    values = default_values(name)
    assert values["executions"] == (2.0 if name == "both" else 1.0)
    assert (values["mi_bits"] == 0) == (name in ("both", "ffnn", "gru"))
    assert values["queries"] == 200


def test_coins_take_the_gru_as_often_and_know_nothing() -> None:
    found = loaded(queries=1000, together=64)
    hecto, coins = values_of("hecto", found), values_of("random_gate", found)
    assert coins["share_gru"] == pytest.approx(hecto["share_gru"], abs=0.06)
    assert coins["mi_bits"] < 0.02


def test_one_expert_takes_less_work_than_two() -> None:
    values = {name: default_values(name) for name in ("hecto", "both", "gru_gru", "ffnn_ffnn")}
    flops = {name: own["expert_flops"] for name, own in values.items()}
    assert flops["ffnn_ffnn"] < flops["hecto"] < flops["both"]


def test_the_right_expert_is_no_worse_than_the_gate_and_wins_by_no_luck() -> None:
    found = loaded(queries=600, together=64)
    method = module_of("right_expert")
    state = method.prepare(found, {}, 0)
    luck = method.luck(found, state, wrong=1)
    assert luck["by_truth"] > luck["by_chance"]
    hecto, right = values_of("hecto", found), values_of("right_expert", found)
    assert right["accuracy"] >= hecto["accuracy"]


@pytest.mark.parametrize("name", ["ffnn", "ffnn_ffnn", "gru", "gru_gru", "both", "hecto"])
def test_no_expert_sees_a_sequence_under_isolated_input(name: str) -> None:
    """Feed-forward nets never do, so they are one model; a GRU then takes one step, not one a token."""
    assert task.CARD.knobs[0].values == ("sequence", "isolated")
    sequence, isolated = default_values(name), values_of(name, loaded(input="isolated"))
    if name.startswith("ffnn"):
        assert sequence == isolated
    else:
        assert isolated["expert_flops"] < sequence["expert_flops"] / 5


def test_one_set_of_weights_answers_whichever_way_a_tied_gate_goes() -> None:
    found = loaded()
    (case,) = found.cases()
    reader = found.reader("tied_experts")
    queries = len(case.questions.lengths)
    one, other = (
        reader.read(case, preset_gate(torch.full((queries,), place), 2)) for place in (0, 1)
    )
    assert torch.equal(one.logits, other.logits)
    assert not torch.equal(one.runs(), other.runs())


def test_tied_experts_are_of_generated_queries_alone() -> None:
    substrate = replace(loaded().substrate(), data="spam")
    with pytest.raises(MissingAbility, match="no kinds of questions"):
        substrate.reader("tied_experts")


def test_a_batch_that_nothing_was_trained_with_is_skipped() -> None:
    with pytest.raises(MissingAbility, match="batches of 32"):
        loaded().reader("hecto", 32)
    with pytest.raises(MissingAbility, match="input=isolated"):
        loaded(input="isolated").reader("hecto", 16)


def test_what_was_not_trained_is_named_with_what_makes_it(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    recipes.cache_clear()
    try:
        with pytest.raises(EnvironmentProblem) as refused:
            values_of("random_gate", weights="coins")
        assert "adabench train coins-s0" in refused.value.hint
        with pytest.raises(MissingAbility) as skipped:
            values_of("hecto", batch=16)
        assert "adabench train 'classify/batches-s[0-4]'" in skipped.value.hint
    finally:
        recipes.cache_clear()


def test_five_trainings_of_what_is_decided_are_shipped() -> None:
    shipped = {
        name
        for name, recipe in recipes().items()
        if isinstance(recipe, ExpertsRecipe) and recipe.base.name == "encoder"
        and (recipe.home / f"{name}.safetensors.xz").exists()
    }  # fmt: skip
    groups = ("sequence", "isolated", "tied")
    wanted = {f"{group}-s{k}" for group in groups for k in range(5)}
    assert shipped == wanted | {"sequence-statics-s0", "isolated-statics-s0"}


def test_the_card_says_how_many_trainings_there_are_recipes_for() -> None:
    for group in GROUPS:
        names = [name for name in recipes() if re.fullmatch(rf"{group}-s\d+", name)]
        assert len(names) == task.CARD.recipes


def test_seeds_take_trainings_in_turn_and_note_them(monkeypatch) -> None:
    noted = []
    monkeypatch.setattr(models.used_artefacts, "note", lambda name, path: noted.append(name))
    for seed in (0, 3, 7):
        task.load("embedded", seed, queries=8).reader("hecto")
    assert noted == ["sequence-s0", "sequence-s3", "sequence-s2"]


def world(
    hecto: float, bits: float, alike: float, alignment: float = 0.9, tied: float = 0.05
) -> dict[str, dict[str, float]]:
    """What methods measure where Hecto answers so many and its gate tells so much."""

    def values(
        accuracy: float, mi_bits: float, flops: float, alignment: float = 0.0
    ) -> dict[str, float]:
        return {
            "accuracy": accuracy, "accuracy_order": accuracy, "accuracy_worse": accuracy,
            "mi_bits": mi_bits, "expert_flops": flops, "alignment": alignment,
        }  # fmt: skip

    return {
        "hecto": values(hecto, bits, 1.0e6, alignment),
        "gru_gru": values(0.97, alike, 2.0e6),
        "ffnn_ffnn": values(0.60, alike, 2.0e4),
        "gru": values(0.96, 1e-9, 2.0e6),
        "ffnn": values(0.58, 1e-9, 2.0e4),
        "both": values(0.97, 1e-9, 2.1e6),
        "random_gate": values(0.62, 1e-4, 1.0e6),
        "tied_experts": values(0.58, tied, 2.0e4),
    }


def test_specialisation_is_claimed_against_coins_and_against_experts_that_are_alike() -> None:
    rows = judged("classify", world(0.965, 0.9, 0.1))
    assert rows["hec-2"].verdict == rows["hec-5"].verdict == "reproduced"
    assert rows["hec-1-sequence"].verdict == rows["hec-2-order"].verdict == "reproduced"
    assert rows["hec-2-tied"].verdict == "reproduced"
    assert rows["hec-1"].verdict == "not run"  # nothing was run with isolated inputs
    rows = judged("classify", world(0.965, 0.9, 0.97))
    assert rows["hec-2"].verdict == "reproduced"
    assert rows["hec-5"].verdict == "contradicted"
    rows = judged("classify", world(0.965, 0.98, 0.97))
    assert rows["hec-5"].verdict == "not reproduced"
    rows = judged("classify", world(0.965, 0.9, 0.1, tied=0.9))  # the loss alone divides the kinds
    assert rows["hec-2-tied"].verdict == "not reproduced"
    assert rows["hec-5"].verdict == "does not discriminate"
    rows = judged("classify", world(0.965, 0.9, 0.1, alignment=-0.9))  # the GRU got the other kind
    assert rows["hec-2-alignment"].verdict == "contradicted"
    assert rows["hec-2"].verdict == "not reproduced"
    rows = judged("classify", world(0.90, 0.2, 0.1))
    assert rows["hec-2"].verdict == "direction only"
    assert rows["hec-1-sequence"].verdict == "not reproduced"
