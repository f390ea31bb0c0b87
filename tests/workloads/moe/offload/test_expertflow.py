"""ExpertFlow: a predictor that knows more than a table and reads no further than it may, and a deal that needs fewer experts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from adabench.workloads.moe.offload import task as offload
from adabench.workloads.moe.offload.methods import token_table
from adabench.workloads.moe.offload.methods.expertflow import expertflow
from adabench.workloads.moe.offload.methods.expertflow.path_predictor import predictor, recall
from adabench.workloads.moe.offload.methods.expertflow.token_scheduling import dealt, experts
from adabench.workloads.moe.offload.methods.expertflow.train_paths import PathRecipe
from adabench.workloads.moe.offload.substrate.offload_bench import calibration_paths
from adabench.workloads.moe.substrate.byte_decoder import KeyValues
from adabench.workloads.shared.training.checkpoints import one_thread

OWN = {"width": 2, "plans": "own", "schedule": "none"}


def test_the_predictor_names_more_of_a_bytes_experts_than_a_table_made_of_the_same_texts() -> None:
    tokens, paths = (torch.tensor(one[::4]) for one in calibration_paths(0))
    with one_thread():
        found = recall(predictor(0), tokens, paths, 2)
    bench = offload.load("embedded", 0, cases=1)
    chances = token_table.prepare(bench, {}, 0).chances[tokens.numpy()]
    named = np.argsort(-chances, axis=3)[..., :2]
    own = np.take_along_axis(paths.numpy(), named, 3).sum() / int(paths.sum())
    assert own + 0.05 < found < 1.0


def test_byte_by_byte_it_says_what_it_says_at_once_and_nothing_of_what_comes() -> None:
    tokens = torch.tensor(calibration_paths(0)[0][:3, :20])
    found, past = predictor(0), KeyValues(predictor(0).trunk.shape, 3)
    with one_thread(), torch.no_grad():
        whole = found(tokens)
        parts = [found(tokens[:, :12], past)]
        parts += [found(tokens[:, at : at + 1], past, at) for at in range(12, 20)]
        assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-4)
        other = tokens.clone()
        other[:, 15:] = 65
        assert torch.allclose(found(other)[:, :15], whole[:, :15], atol=1e-4)


def test_sequences_are_dealt_by_what_they_share() -> None:
    named = np.zeros((8, 64), bool)
    named[::2, :20] = True
    named[1::2, 30:50] = True
    groups = dealt(named)
    assert sorted(map(tuple, groups)) == [(0, 2, 4, 6), (1, 3, 5, 7)]
    assert experts(named, np.array(groups)) == 40
    alike = np.ones((4, 64), bool)
    assert [list(rows) for rows in dealt(alike)] == [[0, 1], [2, 3]]


@pytest.mark.parametrize("seed", range(6))
def test_no_deal_needs_more_experts_than_sequences_as_they_came(seed: int) -> None:
    named = np.random.default_rng(seed).random((12, 64)) < 0.1
    groups = np.array(dealt(named))
    assert sorted(groups.ravel()) == list(range(12))
    assert experts(named, groups) <= experts(named, np.arange(12).reshape(2, 6))


def test_a_plan_of_the_own_text_exposes_fewer_fetches_than_a_permuted_one() -> None:
    bench = offload.load("embedded", 0, cases=2, steps=5, slots=16)
    found: dict[str, list[dict[str, float]]] = {}
    for plans in ("own", "other"):
        state, found[plans] = expertflow.prepare(bench, OWN, 0), []
        for case in bench.cases():
            bench.meter.clear()
            answer = expertflow.solve(state, case, {**OWN, "plans": plans})
            found[plans].append(bench.score(case, answer))
    for own, other in zip(found["own"], found["other"], strict=True):
        assert own["exposed"] < 0.6 * other["exposed"]
        assert own["nats"] == other["nats"]


def test_what_a_method_holds_is_fast_memory() -> None:
    bench = offload.load("embedded", 0, cases=1, steps=1, slots=16)
    (case,) = bench.cases()
    rows = []
    for method, point in ((token_table, {"width": 2}), (expertflow, OWN)):
        bench.meter.clear()
        state = method.prepare(bench, point, 0)
        rows.append(bench.score(case, method.solve(state, case, point)))
    weights = sum(one.numel() for one in predictor(0).tensors)
    keys_and_values = 2 * 2 * 96 * 48  # of two layers, for 96 positions
    assert rows[1]["fast_bytes"] - rows[0]["fast_bytes"] == 4 * (weights + keys_and_values)


def test_a_recipe_trains_and_ships_a_small_file(tmp_path: Path) -> None:
    short = replace(PathRecipe("paths-s0", 0), steps=2, traces=4)
    card = short.build(lambda done, steps: None, tmp_path)
    assert (tmp_path / "paths-s0.safetensors").stat().st_size < 100_000
    assert 0.1 < card["held_out"]["recall_prose"] < 0.9
