"""The frame, the network's symmetries, its mask, its loss, and what is shipped."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.workloads.algorithms.ray_paths.checkpoints import (
    FOLDER,
    follow,
    recipe,
    restore,
    source_digest,
)
from adabench.workloads.algorithms.ray_paths.recipes import OWN, SHIPPED
from adabench.workloads.algorithms.ray_paths.substrate.flow_network import (
    Flows,
    canonical,
    draw,
    sample,
    successors,
)
from adabench.workloads.algorithms.ray_paths.substrate.scenes import generate
from adabench.workloads.algorithms.ray_paths.training import train_flow_matching
from adabench.workloads.algorithms.ray_paths.truth.all_paths import enumerate_paths

from .conftest import run, small

QUERY = generate("street", 1, 2, 3).queries[0]


def network(order: int = 2) -> Flows:
    torch.manual_seed(0)
    return Flows(order).eval()


def flows(net, coords):
    x = torch.from_numpy(coords)
    embedded, known = net.encode(x, torch.ones(len(x), dtype=torch.bool))
    chosen = torch.arange(len(x))[:, None]
    with torch.inference_mode():
        if net.order == 1:
            return net.flow(known)[None]
        return torch.cat([net.flow(known)[None], net.flow(known, net.follow(embedded, chosen))])


def spun(angle, scale, shift):
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
    move = [scale * (points @ turn.T) + shift for points in (QUERY.triangles, QUERY.tx, QUERY.rx)]
    return canonical(*move)


TRAINED = [f"k{order}-own-s{seed}" for order, seeds in OWN.items() for seed in range(seeds)]
TAUGHT = [f"k{order}-s{seed}" for order, seeds in SHIPPED.items() for seed in range(seeds)]


@pytest.mark.parametrize("name", ["fresh", *(f"k{order}-s0" for order in SHIPPED), "k2-own-s0"])
def test_rotation_scale_and_translation_change_no_flow(name):
    net = network() if name == "fresh" else restore(name)
    before = flows(net, canonical(QUERY.triangles, QUERY.tx, QUERY.rx))
    for angle, scale, shift in ((1.0, 1.0, 0.0), (0.0, 7.0, 0.0), (-2.5, 0.3, [50, -20, 3.0])):
        after = flows(net, spun(angle, scale, shift))
        assert torch.allclose(before, after, rtol=1e-4, atol=1e-4)
    assert before.std() > 1e-6


def test_the_frame_puts_both_ends_in_their_places():
    ends = np.stack([QUERY.tx, QUERY.rx, QUERY.tx])[None]
    assert np.allclose(canonical(ends, QUERY.tx, QUERY.rx)[0, :6], [0, 0, 0, 0, 0, 1], atol=1e-6)
    up = np.array([0, 0, 5.0])
    for rx in (up, -up):
        seen = canonical(np.stack([rx, rx, rx])[None], np.zeros(3), rx)
        assert np.allclose(seen[0, :3], [0, 0, 1])
    same = canonical(QUERY.triangles, QUERY.tx, QUERY.tx)
    assert np.isfinite(same).all()


def test_the_order_of_objects_and_padding_change_nothing():
    net, coords = network(), canonical(QUERY.triangles, QUERY.tx, QUERY.rx)
    n = len(coords)
    order = np.random.default_rng(0).permutation(n)
    first = flows(net, coords)[0]
    assert torch.allclose(flows(net, coords[order])[0], first[torch.from_numpy(order)], atol=1e-5)
    padded = torch.zeros(70, 9)
    padded[:n] = torch.from_numpy(coords)
    _, known = net.encode(padded, torch.arange(70) < n)
    assert torch.allclose(net.flow(known)[:n], first, atol=1e-5)


def test_the_mask_forbids_what_it_must_and_no_path():
    for query in generate("street", 30, 2, 8).queries:
        coords = torch.from_numpy(canonical(query.triangles, query.tx, query.rx))
        active = torch.ones(len(coords), dtype=torch.bool)
        may, plain = (successors(coords, active, mask=mask) for mask in (True, False))
        assert not may.diagonal().any()
        assert not plain.diagonal().any()
        assert (may <= plain).all()
        base = (query.triangles[:, 0] * query.normals).sum(axis=1)
        height = query.triangles @ query.normals.T - base
        side = np.sign(query.normals @ query.tx - base)
        wanted = ((height * side).max(axis=1) > 0).T & plain.numpy()
        assert (may.numpy() != wanted).mean() < 0.01  # what is coplanar but for rounding
        paths = enumerate_paths(query)
        assert may[paths[:, 0], paths[:, 1]].all()


def test_the_loss_is_that_of_flow_matching():
    net, plan = network(), replace(recipe("k2-s0"), states=1, ends=1)
    coords = canonical(QUERY.triangles, QUERY.tx, QUERY.rx)
    scenes, fixed = (
        train_flow_matching.batch([coords], plan),
        iter((torch.tensor([[[0]]]), torch.tensor([[[5]]]))),
    )
    loss = train_flow_matching.matching_loss(
        net, scenes, plan, lambda f, m, d: next(fixed), lambda p: torch.ones(p.shape[:-1])
    )
    padded, may = scenes[0][0].numpy(), scenes[2]
    assert may is not None
    by_hand = flows(net, coords)
    out = (by_hand[1] * may[0, 0, : len(coords)]).sum()
    assert len(padded) == train_flow_matching.ROOM
    wanted = (by_hand[0, 0] - out) ** 2 + (by_hand[1, 5] - 1) ** 2
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-4)


def test_draws_follow_the_flows():
    rng = np.random.default_rng(0)
    rows = np.tile(np.array([1.0, 0.0, 3.0], np.float32), (4000, 1))
    share = np.bincount(draw(rows, rng), minlength=3) / 4000
    assert share == pytest.approx([0.25, 0, 0.75], abs=0.03)
    assert (draw(np.zeros((2, 3), np.float32), rng) == -1).all()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_samples_are_candidates(order):
    drawn = sample(network(order), canonical(QUERY.triangles, QUERY.tx, QUERY.rx), 50,
                   np.random.default_rng(0))  # fmt: skip
    assert drawn.shape == (50, order)
    assert 0 <= drawn.min() <= drawn.max() < len(QUERY.triangles)
    assert (drawn[:, 1:] != drawn[:, :-1]).all()


def test_a_short_training_is_reproducible_and_writes_its_card(tmp_path):
    plan = replace(recipe("k2-s0"), steps=3, scenes=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adabench.workloads.algorithms.ray_paths.checkpoints.HELD_OUT_SCENES", 3)
        ticks: list[int] = []
        card = follow(plan, lambda done, steps: ticks.append(done), tmp_path)
        one = (tmp_path / "k2-s0.safetensors").read_bytes()
        follow(plan, lambda done, steps: None, tmp_path)
    assert ticks == [1, 2, 3]
    assert card["source"] == source_digest(plan)
    assert one == (tmp_path / "k2-s0.safetensors").read_bytes()


def test_training_learns_the_paths_of_one_reflection():
    plan = replace(recipe("k1-s0"), steps=60, scenes=8)
    net = train_flow_matching.train(plan, lambda: None)
    task = small("street", scenes=30, order=1, seed=77)
    (case,) = task.cases()
    rng = np.random.default_rng(0)
    answer = task.trace(case, lambda q: sample(net, canonical(q.triangles, q.tx, q.rx), 10, rng))
    values = task.score(case, answer)
    assert values["hit_rate"] > 1.5 * values["blind_rate"]


@pytest.mark.parametrize("name", [*TRAINED, *TAUGHT])
def test_what_is_shipped_is_small_and_was_made_by_this_code(name):
    path = FOLDER / f"{name}.safetensors"
    assert path.stat().st_size < 1_000_000
    assert restore(name).order == recipe(name).order
    card = json.loads(path.with_suffix(".json").read_text())
    assert source_digest(recipe(name)) in (card["source"], card.get("same_as"))
    assert card["steps"] == recipe(name).steps


def exploration(plan, at: int = 0):
    queries = [
        train_flow_matching.training_scene(plan.seed, at * plan.scenes + k, plan.order)
        for k in range(plan.scenes)
    ]
    return queries, [canonical(q.triangles, q.tx, q.rx) for q in queries]


def test_the_sampler_s_own_successes_are_paths_of_the_scenes_it_drew_in():
    plan = replace(recipe("k1-own-s0"), scenes=8)
    queries, seen = exploration(plan)
    found: list[train_flow_matching.Known] = []
    train_flow_matching.exploration_loss(network(1), plan, queries, seen, found)
    assert found
    for coords, paths in found:
        (at,) = [k for k, one in enumerate(seen) if one is coords]
        known = {*map(tuple, enumerate_paths(queries[at]).tolist())}
        assert {*map(tuple, paths.tolist())} <= known
        assert len({*map(tuple, paths.tolist())}) == len(paths)


def test_a_buffer_of_its_own_is_never_filled_by_a_search(monkeypatch):
    def no_search(*_: object) -> list[train_flow_matching.Known]:
        raise AssertionError("a search")

    monkeypatch.setattr(train_flow_matching, "search", no_search)
    train_flow_matching.train(replace(recipe("k2-own-s0"), steps=2, scenes=2), lambda: None)
    with pytest.raises(AssertionError, match="a search"):
        train_flow_matching.train(replace(recipe("k2-s0"), steps=2, scenes=2), lambda: None)


def test_replay_waits_until_the_buffer_holds_a_batch(monkeypatch):
    sizes: list[int] = []
    plain = train_flow_matching.replay_loss
    monkeypatch.setattr(
        train_flow_matching,
        "replay_loss",
        lambda net, plan, buffer, rng: sizes.append(len(buffer)) or plain(net, plan, buffer, rng),
    )
    plan = replace(recipe("k1-own-s0"), steps=8, scenes=4)
    train_flow_matching.train(plan, lambda: None)
    assert sizes == sorted(sizes)
    assert sizes[0] >= plan.scenes


def test_the_oldest_known_scenes_are_dropped(monkeypatch):
    monkeypatch.setattr(train_flow_matching, "BUFFER", 3)
    known = [(np.full((2, 9), k, np.float32), np.zeros((1, 2), np.int64)) for k in range(5)]
    buffer = known[:2]
    train_flow_matching.remember(buffer, known[2:])
    assert [int(coords[0, 0]) for coords, _ in buffer] == [2, 3, 4]


def test_the_shipped_sampler_beats_chance_and_its_shuffled_self():
    task = small("street", scenes=60, seed=123)
    ours, blind = (run(name, task) for name in ("generative_sampler", "shuffled_sampler"))
    assert run("taught_sampler", task)["hit_rate"] > 3 * blind["hit_rate"]
    assert ours["candidates"] == blind["candidates"]
    assert 60 * 19 < ours["sampled"] == blind["sampled"] <= 60 * 20  # a beginning may have no end
    assert ours["hit_rate"] > 5 * ours["blind_rate"]
    assert blind["hit_rate"] < ours["hit_rate"] / 3


def test_a_network_that_is_not_there_and_a_recipe_of_no_name(tmp_path):
    with pytest.raises(EnvironmentProblem, match="checkpoint k3-s0 is not in"):
        restore("k3-s0", tmp_path)
    with pytest.raises(EnvironmentProblem, match="trains nothing") as missing:
        restore("k3-s4", tmp_path)
    assert missing.value.hint == (
        "Make it first, in about 300 s of one core: adabench train k3-s4."
    )
    with pytest.raises(SelectionError, match="no recipe"):
        recipe("k9-s0")


def test_a_network_that_is_not_shipped_is_read_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ADABENCH_CACHE", str(tmp_path))
    folder = tmp_path / "checkpoints" / "ray_paths"
    folder.mkdir(parents=True)
    shutil.copy(FOLDER / "k3-s0.safetensors", folder / "k3-s1.safetensors")
    shutil.copy(FOLDER / "k2-s1.safetensors", folder / "k2-s0.safetensors")
    restore.cache_clear()
    try:
        assert torch.equal(restore("k3-s1").state.weight, restore("k3-s0").state.weight)
        shipped = restore("k2-s0", FOLDER).state.weight  # comes before the cached one
        assert torch.equal(restore("k2-s0").state.weight, shipped)
    finally:
        restore.cache_clear()
