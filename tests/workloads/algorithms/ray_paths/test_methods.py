"""What is counted and scored, and the ways to fake it."""

import ast
import inspect

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from adabench.harness.errors import EnvironmentProblem, MethodContractError, SelectionError
from adabench.workloads.algorithms.ray_paths.recipes import recipes
from adabench.workloads.algorithms.ray_paths.substrate import flow_network as network
from adabench.workloads.algorithms.ray_paths.substrate import replay, trained_flows
from adabench.workloads.algorithms.ray_paths.substrate.scenes import generate, make_case
from adabench.workloads.algorithms.ray_paths.task import load
from adabench.workloads.algorithms.ray_paths.truth.all_paths import (
    enumerate_paths,
    paths_of,
    scored_task,
)

from .conftest import method, run, small


def test_exhaustive_finds_all_and_early_rejection_saves_tests():
    task = small()
    (case,) = task.cases()
    fast, dense = run("exhaustive", task), run("dense_exhaustive", task)
    assert fast["hit_rate"] == dense["hit_rate"] == 1
    number = sum(query.candidates for query in case.queries)
    assert fast["candidates"] == dense["candidates"] == number
    assert fast["occlusion_tests"] < dense["occlusion_tests"] / 100


def test_hindsight_traces_the_paths_and_no_other():
    task = small()
    (case,) = task.cases()
    values = run("hindsight", task)
    assert values["hit_rate"] == values["accuracy"] == 1
    assert values["candidates"] == sum(len(enumerate_paths(query)) for query in case.queries)


def test_pruning_leaves_candidates_out_and_counts_its_views():
    task = small("street", scenes=20)
    coarse, fine = (run("visibility_pruned", task, fine=fine) for fine in (1, 8))
    assert fine["hit_rate"] >= coarse["hit_rate"]
    assert fine["hit_rate"] > 0.9
    assert fine["candidates"] < run("exhaustive", task)["candidates"]
    assert fine["occlusion_tests"] > run("exhaustive", task)["occlusion_tests"]


def test_uniform_finds_its_share():
    task = small("yard", scenes=300)
    values = run("uniform", task, M=30)
    assert values["hit_rate"] == pytest.approx(values["blind_rate"], abs=0.07)
    assert run("uniform", task, M=5)["hit_rate"] < run("uniform", task, M=100)["hit_rate"]


def test_nearest_takes_the_shortest_of_all():
    query = generate("yard", 1, 2, 0).queries[0]
    centres = query.triangles.mean(axis=1)
    pairs = [(i, j) for i in range(len(centres)) for j in range(len(centres)) if i != j]
    length = [np.linalg.norm(query.tx - centres[i]) + np.linalg.norm(centres[i] - centres[j])
              + np.linalg.norm(centres[j] - query.rx) for i, j in pairs]  # fmt: skip
    wanted = [pairs[at] for at in np.argsort(length)[:7]]
    assert {*map(tuple, method("nearest").shortest(query, 7).tolist())} == {*wanted}


def test_one_path_many_times_is_accurate_and_covers_little():
    task = small("street", scenes=30)
    (case,) = task.cases()
    truth = iter(paths_of(case))

    def parrot(query):
        return np.repeat(next(truth)[:1], 20, axis=0)

    values = task.score(case, task.trace(case, parrot))
    assert values["accuracy"] == 1
    assert values["hit_rate"] < 0.9
    assert values["traced"] <= 1


def test_dark_scenes_have_no_hit_rate():
    whole = generate("street", 40, 2, 0)
    lit = [query for query in whole.queries if len(enumerate_paths(query))]
    assert len(lit) < 40
    alone = make_case("lit", 2, [(query.triangles, query.tx, query.rx) for query in lit])
    values, only = (
        run("nearest", scored_task((whole,))),
        run("nearest", scored_task((alone,))),
    )
    assert values["hit_rate"] == pytest.approx(only["hit_rate"])
    assert values["dark"] == pytest.approx(1 - len(lit) / 40)
    dark = [query for query in whole.queries if not len(enumerate_paths(query))]
    none = make_case("dark", 2, [(query.triangles, query.tx, query.rx) for query in dark])
    assert "hit_rate" not in run("nearest", scored_task((none,)))


@pytest.mark.parametrize(
    ("offer", "says"),
    [
        (np.zeros((3, 3), int), "shape"),
        (np.zeros((3, 2)), "type"),
        (np.array([[0, 999]]), "not in the scene"),
        (np.array([[-1, 0]]), "not in the scene"),
    ],
)
def test_what_is_no_candidate_is_refused(offer, says):
    task = small(scenes=1)
    (case,) = task.cases()
    with pytest.raises(MethodContractError, match=says):
        task.trace(case, lambda query: offer)


def test_an_immediate_repeat_is_no_path_and_nothing_may_be_offered():
    task = small(scenes=2)
    (case,) = task.cases()
    repeats = task.trace(case, lambda query: np.repeat(np.arange(20)[:, None], 2, axis=1))
    assert all(len(paths) == 0 for paths in repeats.paths)
    nothing = task.trace(case, lambda query: np.zeros((0, 2), int))
    assert nothing.traced.sum() == 0


def test_the_time_of_a_scene_has_both_proposing_and_tracing(monkeypatch):
    task = small(scenes=3)
    (case,) = task.cases()

    now = 7.0

    def busy(query):
        nonlocal now
        now += 0.02
        return np.array([[0, 2]])

    monkeypatch.setattr(replay, "process_time", lambda: now)
    assert task.trace(case, busy).spent_s == pytest.approx(0.02)
    plain = replay.judge
    monkeypatch.setattr(replay, "judge", lambda *rest: (busy(None), plain(*rest))[1])
    found = task.trace(case, lambda query: np.array([[0, 2]]))
    assert found.spent_s == pytest.approx(0.02)


@pytest.mark.parametrize("name", ["exhaustive", "generative_sampler", "taught_sampler"])
def test_no_compilation_is_in_the_time_of_a_scene(name, monkeypatch):
    task = small(scenes=4)
    (case,) = task.cases()
    module = method(name)
    compiled, looks = [], []
    plain = Dispatcher.compile

    def compile_(self, signature):
        compiled.append(signature)
        return plain(self, signature)

    monkeypatch.setattr(Dispatcher, "compile", compile_)
    monkeypatch.setattr(replay, "process_time", lambda: looks.append(len(compiled)) or 0.0)
    module.solve(task, case, module.CARD.defaults)
    assert len(looks) == 2 * len(case.queries)
    assert len(set(looks)) == 1


def test_no_network_nor_mask_knows_the_tracer():
    samplers = ("generative_sampler", "taught_sampler", "ablated_sampler", "shuffled_sampler")
    for module in (network, *map(method, samplers)):
        tree = ast.parse(inspect.getsource(module))
        found = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert found
        assert not any("tracer" in str(name) or "truth" in str(name) for name in found)
        assert not {"judge", "exhaust", "triangles_in_view"} & {
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name)
        }


def test_a_teacher_s_name_is_not_the_paper_s():
    cards = {name: method(name).CARD for name in ("generative_sampler", "taught_sampler")}
    assert cards["generative_sampler"].slug == "ray-paths"
    assert cards["taught_sampler"].slug == ""
    assert not any(claim.published for claim in cards["taught_sampler"].claims)


def test_what_is_left_out_and_the_teacher_choose_the_network(monkeypatch):
    asked: list[str] = []
    monkeypatch.setattr(trained_flows, "restore", asked.append)
    for without in ("replay", "exploration", "mask"):
        for teacher in ("own", "search"):
            trained_flows.ablation_network(2, without, teacher)
    assert asked[:2] == ["k2-noreplay-s0"] * 2  # there is nothing for a teacher to fill
    assert asked[2:] == [
        "k2-own-noexplore-s0", "k2-noexplore-s0", "k2-own-nomask-s0", "k2-nomask-s0",
    ]  # fmt: skip
    assert {*asked} <= {*recipes()}


def test_an_ablation_that_was_not_trained_is_refused():
    with pytest.raises(EnvironmentProblem, match="without mask"):
        run("ablated_sampler", small("yard", scenes=1, order=3), without="mask")


def test_three_reflections_run_on_demand():
    task = load("embedded", 0, K=3, scenes=2, scene="yard")
    values = run("exhaustive", task)
    (case,) = task.cases()
    assert values["candidates"] == sum(query.candidates for query in case.queries)
    assert run("nearest", task, M=10)["traced"] == 10
    with pytest.raises(SelectionError):
        load("embedded", 0, scene="nowhere.ply")
