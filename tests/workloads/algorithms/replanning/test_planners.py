"""Costs are Dijkstra's, ways are free, and every way to fake a repair shows in the score."""

import itertools

import numpy as np
import pytest
from numba import njit

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.replanning.substrate import fast_marching, replay
from adabench.workloads.algorithms.replanning.substrate.scenes import FAMILIES, make_scene
from adabench.workloads.algorithms.replanning.substrate.world import ROBOT, disown, drop, is_empty
from adabench.workloads.algorithms.replanning.truth.full_replan import scored_task, shortest_ways
from adabench.workloads.shared.compiled.kernels import compiled

from .conftest import planner, small, whole_scene

EXACT = ("fmtx", "rrtx", "lpa_star", "dijkstra")


def driven(name, task, **knobs):
    """Return what a planner answers on the task's only scene."""
    method = planner(name)
    task.meter.clear()
    return method.solve(task, task.cases()[0], method.CARD.defaults | knobs)


def drained(name, task, **knobs):
    return task.score(task.cases()[0], driven(name, task, **knobs))


def agree(seeds):
    """Drive small random scenes; return how many (scene, update) states were compared."""
    states = 0
    for seed in seeds:
        family = list(FAMILIES)[seed % len(FAMILIES)]
        task = small(family, seed, samples=12 + seed % 40, updates=10, speed=1.0 + seed % 9)
        for name in EXACT:
            values = drained(name, task)
            assert values["g_gap"] <= 1e-9, (name, family, seed)
            assert values["safe"] == 1
            assert values.get("graph_quality", 1.0) == pytest.approx(1.0, abs=1e-9)
        states += 11
    return states


def test_costs_are_those_of_the_shortest_ways():
    assert agree(range(60)) == 660


@pytest.mark.slow
def test_costs_are_those_of_the_shortest_ways_in_ten_thousand_states():
    assert agree(range(1000, 1910)) >= 10_000


@pytest.mark.parametrize("name", ["fmtx", "rrtx", "lpa_star"])
def test_an_early_stop_knows_the_robots_cost_and_spares_work(name):
    for seed in range(12):
        task = small("discs", seed, samples=150)
        whole, early = driven(name, task), driven(name, task, early=True)
        assert task.score(task.cases()[0], early)["g_gap"] <= 1e-9
        assert early.work[:, 0].sum() <= whole.work[:, 0].sum()


def test_rrtx_is_nearly_right_with_a_tolerance():
    found = drained("rrtx", small("crowd", 1, samples=300), epsilon=1.0)
    assert 0.97 < found["graph_quality"] <= 1


def test_fmtx_checks_no_more_edges_than_fmt_star_in_an_untested_world():
    for family in ("discs", "maze", "balls"):
        task = small(family, 3, samples=300)
        first = [driven(name, task).first_checks for name in ("fmtx", "fmt_star")]
        assert first[0] == first[1] > 0


def test_a_repair_is_worth_less_the_more_is_broken_and_in_the_end_less_than_a_new_tree():
    def advantage(speed):
        looks = dict.fromkeys(("fmt_star", "fmtx"), 0)
        for seed in range(4):
            task = small("discs", seed, samples=600, updates=12, speed=speed)
            for name in looks:
                looks[name] += driven(name, task).work[1:, 0].sum()
        return looks["fmt_star"] / looks["fmtx"]

    slow, middle, fast = (advantage(speed) for speed in (0.25, 1.0, 5.0))
    assert slow > middle > fast
    assert slow > 1 > fast


def test_nothing_is_done_where_nothing_moves():
    assert driven("fmtx", small("still", 5)).work[1:].sum() == 0


def test_opening_drawn_samples_loses_the_way():
    seen = [drained("random_repair", small("crowd", seed, samples=300)) for seed in range(6)]
    right = [drained("fmtx", small("crowd", seed, samples=300)) for seed in range(6)]
    assert np.mean([v["path_quality"] for v in seen]) < np.mean([v["path_quality"] for v in right])


@compiled
def plan(space, tune):
    fast_marching.begin(space)
    fast_marching.march(space, True, False)


@compiled
def only_roots(space, blocked, more, freed, less, tune):
    """The fake that orphans the sample at a blocked edge and none below it."""
    for at in range(more):
        for side in range(2):
            edge = blocked[at] if side == 0 else space.twin[blocked[at]]
            node, other = space.target[edge], space.target[space.twin[edge]]
            if space.tree.parent[node] == other:
                disown(space.tree, node)
                space.g[node] = np.inf
                fast_marching.reopen(space.start, space.target, space.g, space.queue, node)
    fast_marching.march(space, True, False)


@compiled
def no_second_look(space, blocked, more, freed, less, tune):
    """The fake that never sees an obstacle leave."""
    count = fast_marching.cut(space, blocked, more, space.stack)
    for at in range(count):
        fast_marching.reopen(space.start, space.target, space.g, space.queue, space.stack[at])
    fast_marching.march(space, True, False)


@compiled
def asleep(space, blocked, more, freed, less, tune):
    """The fake that keeps its first tree."""


@pytest.mark.parametrize("fake", [only_roots, no_second_look, asleep])
def test_fakes_are_found_out(fake):
    gaps, quality = [], []
    for seed in range(4):
        task = small("crowd", seed, samples=200, updates=12)
        [scene] = task.cases()
        values = task.score(scene, task.drive(scene, plan, fake))
        gaps.append(values["g_gap"])
        quality.append(values["graph_quality"])
    assert max(gaps) > 1e-6
    if fake is asleep:
        assert min(quality) < 1  # a way that meets an obstacle counts as none


@compiled
def march_and_forget(space):
    """Stop early and throw away what is still open."""
    fast_marching.march(space, True, True)
    while not is_empty(space.queue):
        drop(space.queue, space.queue.heap[0])


@compiled
def forgetful_plan(space, tune):
    fast_marching.begin(space)
    march_and_forget(space)


@compiled
def forgetful(space, blocked, more, freed, less, tune):
    """The fake that empties its queue after an early stop."""
    count = fast_marching.cut(space, blocked, more, space.stack)
    for at in range(count):
        fast_marching.reopen(space.start, space.target, space.g, space.queue, space.stack[at])
    for at in range(less):
        for edge in (freed[at], space.twin[freed[at]]):
            node = space.target[edge]
            fast_marching.reopen(space.start, space.target, space.g, space.queue, node)
    march_and_forget(space)


def two_gaps(seed):
    """A wall with a gap near the robot and the goal, and one far away; a disc closes the near one.

    It is thicker than an edge is long: orphans have no neighbours on its other side.
    """
    walls = np.array([[40.0, 0, 60, 5], [40.0, 15, 60, 85], [40.0, 95, 60, 100]])
    points = np.zeros((600, 3))
    points[:, :2] = np.random.default_rng(seed).uniform(0, 100, (600, 2))
    points[0, :2], points[ROBOT, :2] = 92.0, (25, 85)
    centres = np.array([[[20.0, 20, 0]], [[50.0, 90, 0]]])
    return make_scene("gaps", 2, points, centres, np.array([8.0]), walls, seed)


def test_a_queue_emptied_after_an_early_stop_is_found_out():
    """The way round begins at what the early stop left open."""
    for seed in range(4):
        scene = two_gaps(seed)
        task = scored_task((scene,))
        [scene] = task.cases()
        values = drained("fmtx", task, early=True)
        assert values["reachable"] == 1
        assert values["graph_quality"] == pytest.approx(1)
        assert values["g_gap"] <= 1e-9
        task.meter.clear()
        fake = task.score(scene, task.drive(scene, forgetful_plan, forgetful, drained=False))
        assert fake["g_gap"] > 1
        assert fake["graph_quality"] == 0


def test_everybody_pays_the_same_for_edges_near_obstacles():
    """Nothing is cached across updates for anyone, and no one's tests are left out."""
    names = (*EXACT, "fmt_star", "random_repair", "hindsight")
    for family in ("discs", "maze", "balls", "storm"):
        task = small(family, 2, samples=200)
        checks = {tuple(driven(name, task).work[1:, 1].tolist()) for name in names}
        assert len(checks) == 1
        assert min(*checks) > 0


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "still"])
def test_obstacles_do_cut_the_tree(family):
    values = [drained("dijkstra", small(family, seed, samples=400)) for seed in range(3)]
    assert min(v["orphaned"] for v in values) > 0.02


def test_no_way_counts_as_nothing_where_there_is_one():
    @njit
    def nothing(space, tune):
        pass

    @njit
    def still_nothing(space, blocked, more, freed, less, tune):
        pass

    task = small("discs", 0)
    [scene] = task.cases()
    values = task.score(scene, task.drive(scene, nothing, still_nothing, drained=False))
    assert values["path_quality"] == 0


def test_an_answer_of_ones_own_is_refused(discs):
    [scene] = discs.cases()
    answer = driven("fmtx", discs)
    with pytest.raises(MethodContractError, match="own drive"):
        discs.score(scene, driven("fmtx", small("discs", 1)))
    answer.cost[3] = 1.0
    with pytest.raises(MethodContractError, match="own drive"):
        discs.score(scene, answer)


def test_a_scene_without_a_way_has_no_quality_and_one_sample_too_few_is_fine():
    wall = np.array([[40.0, -1.0, 60.0, 101.0]])
    points = np.array([[90.0, 90, 0], [10.0, 10, 0], [20.0, 20, 0]])
    scene = make_scene("closed", 2, points, np.zeros((3, 1, 3)), np.array([1.0]), wall)
    task = scored_task((scene,))
    values = drained("fmtx", task)
    assert values["reachable"] == 0
    assert "path_quality" not in values
    assert values["safe"] == 1


def test_the_robot_is_never_given_a_way_through(discs):
    answer = driven("lpa_star", discs, early=True)
    truth = shortest_ways(whole_scene(discs), 120)
    for now, path in enumerate(answer.paths):
        assert (len(path) > 0) == (truth.g[now, ROBOT] < np.inf)


def test_each_update_has_its_own_time_and_a_still_world_costs_next_to_nothing(monkeypatch):
    """On a clock that moves by a second more from update to update: 1 s, 2 s ... 20 s."""
    moving, still = (small(family, 3, samples=600, updates=20) for family in ("crowd", "still"))
    looks = itertools.chain.from_iterable((0.0, float(n)) for n in itertools.count(1))
    monkeypatch.setattr(replay, "process_time", lambda: next(looks))
    found = drained("fmtx", moving)
    assert found["update_cpu_s"] == pytest.approx(10.5)
    assert found["slow_update_cpu_s"] == pytest.approx(19.81)
    assert 0 <= drained("fmtx", still)["work"] < 0.1 * found["work"]
    [scene] = moving.cases()
    answer = driven("fmtx", moving)
    assert answer.update_s.shape == (20,)
    answer.update_s[:] = 0.0
    with pytest.raises(MethodContractError, match="not the task's own"):
        moving.score(scene, answer)
