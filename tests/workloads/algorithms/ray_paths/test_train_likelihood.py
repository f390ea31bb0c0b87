"""The likelihood of known paths: its loss, what it learns from, and what a little of it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from adabench.workloads.algorithms.ray_paths.checkpoints import recipe, source_digest
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import (
    Flows,
    canonical,
    sample,
    successors,
)
from adabench.workloads.algorithms.ray_paths.substrate.scenes import generate, make_query
from adabench.workloads.algorithms.ray_paths.training import train_likelihood
from adabench.workloads.algorithms.ray_paths.training.train_flow_matching import batch
from adabench.workloads.algorithms.ray_paths.truth.all_paths import enumerate_paths

from .conftest import small

PLAN = replace(recipe("k3-s0"), scenes=6, searched=2)


def buffered(plan, steps=2):
    buffer = []
    for at in range(steps):
        train_likelihood.remember(buffer, plan, at)
    return buffer


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_loss_is_minus_the_log_of_the_chance_of_being_drawn(order):
    torch.manual_seed(0)
    net, plan = Flows(order).eval(), replace(PLAN, order=order)
    query = generate("yard", 4, order, 3).queries[2]
    coords = canonical(query.triangles, query.tx, query.rx)
    x, active = torch.from_numpy(coords), torch.ones(len(coords), dtype=torch.bool)
    path, chance = (1, 4, 1)[:order], 1.0
    with torch.inference_mode():
        embedded, known = net.encode(x, active)
        for k in range(order):
            flows = net.flow(known) if k == 0 else net.flow(
                known, net.follow(embedded, torch.tensor([path[:k]]))
            )[0]  # fmt: skip
            may = active if k == 0 else successors(x, active, mask=k == 1)[path[k - 1]]
            chance *= float(flows[path[k]] / (flows * may).sum())
        loss = train_likelihood.surprise(net, batch([coords], plan), torch.tensor([[path]]))
    assert loss.item() == pytest.approx(-np.log(chance), rel=1e-4)
    drawn = sample(net, coords, 100_000, np.random.default_rng(0))
    share = (drawn == np.array(path)).all(axis=1).mean()
    assert share == pytest.approx(chance, abs=4 * (chance / 100_000) ** 0.5)


def test_the_search_finds_what_the_exhaustive_one_finds():
    for family, order in (("street", 2), ("yard", 3), ("street", 3)):
        for query in generate(family, 6, order, 11).queries:
            wanted = {*map(tuple, enumerate_paths(query).tolist())}
            assert {*map(tuple, train_likelihood.search(query).tolist())} == wanted


def test_what_is_learned_from_are_paths_both_ways_and_mirrored():
    plan = replace(PLAN, order=2, states=3)
    buffer = buffered(plan)
    assert len(buffer) % 2 == 0
    (coords, active, _, _), paths = train_likelihood.draw_batch(
        buffer, plan, np.random.default_rng(0)
    )
    assert paths.shape == (plan.scenes, 3, 2)
    mirrored = 0
    for scene, some, rows in zip(coords, active, paths.numpy(), strict=True):
        seen = scene[some].numpy().astype(np.float64)
        query = make_query(seen.reshape(-1, 3, 3), np.zeros(3), np.array([0, 0, 1.0]), 2)
        there = {*map(tuple, enumerate_paths(query).tolist())}
        assert {*map(tuple, rows.tolist())} <= there
        mirrored += not any(np.array_equal(one.coords, scene[some].numpy()) for one in buffer)
    assert 0 < mirrored < plan.scenes


def test_each_step_has_new_scenes_and_the_first_enough():
    plan = replace(PLAN, order=1, scenes=4, searched=2)
    one, two = buffered(plan, 1), buffered(plan, 3)
    assert 4 < len(one) < len(two) <= 2 * (4 + 3 * 2)
    assert len({entry.coords.tobytes() for entry in two}) == len(two)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_likelihood, "BUFFER", 3)
        assert len(buffered(plan, 3)) == 6


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_a_little_training_learns_and_is_reproducible():
    plan = replace(PLAN, order=1, steps=120, scenes=8)
    ticks: list[int] = []
    net = train_likelihood.train(plan, lambda: ticks.append(1))
    assert len(ticks) == 120
    task = small("street", scenes=40, order=1, seed=77)
    (case,) = task.cases()
    rng = np.random.default_rng(0)
    answer = task.trace(case, lambda q: sample(net, canonical(q.triangles, q.tx, q.rx), 10, rng))
    values = task.score(case, answer)
    assert values["hit_rate"] > 1.5 * values["blind_rate"]
    again = train_likelihood.train(replace(plan, steps=3), lambda: None)
    other = train_likelihood.train(replace(plan, steps=3), lambda: None)
    for a, b in zip(again.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_checkpoint_by_likelihood_depends_on_its_source_too():
    assert source_digest(recipe("k3-s0")) != source_digest(recipe("k2-s0"))
    assert source_digest(recipe("k2-s0")) == source_digest(recipe("k1-s0"))
