"""AMRO-S and its rivals: what moves a colony, what it is told, what is paid, and what a bad judge does."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.workloads.agents.substrate import action_words as words
from adabench.workloads.agents.teams.methods.amro_s.colony import (
    LEAST,
    MOST,
    Colony,
    Habits,
    Trace,
    abilities,
    warmed_up,
)
from adabench.workloads.agents.teams.substrate.paths import LAYERS, PATHS, Path
from adabench.workloads.agents.teams.substrate.routers import CLASSES, KINDS, recipes, router
from adabench.workloads.agents.teams.task import load

HABITS = Habits(1.0, 2.0, 0.1, "sum", 3)
SUMS, FACTS = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
GOOD = Path("cot", "apo", "none")


@pytest.fixture(scope="module")
def where():
    return load("embedded", 3, requests=40)


@pytest.fixture(scope="module")
def known():
    return router(load("embedded", 3, requests=1))


def method(name):
    return registry.load(registry.find(f"teams/{name}"))


def solved(task, name="amro_s", **knobs):
    """Return answers of a method on the first stream, and its scores with counts."""
    (stream, *_) = task.cases()
    entry = registry.find(f"teams/{name}")
    task.meter.clear()
    point = {**entry.card.fixed, **entry.card.defaults, **knobs}
    answers = registry.load(entry).solve(task, stream, point)
    return answers, {**task.score(stream, answers), **task.meter}


def colony(known, **habits):
    return Colony(replace(HABITS, **habits), abilities(known))


def often(found, path, odds, draws=400):
    """Return how often a colony draws a path."""
    uniform = np.random.default_rng(0).random((draws, len(LAYERS))).tolist()
    return sum(found.draw(odds, {}, one) == path for one in uniform) / draws


def test_deposits_on_a_class_draw_its_requests_and_no_others(known):
    found = colony(known)
    before = often(found, GOOD, SUMS), often(found, GOOD, FACTS)
    found.flush([Trace(GOOD, SUMS, True, 20.0)] * 60)
    assert often(found, GOOD, SUMS) > before[0] + 0.2
    assert often(found, GOOD, FACTS) == before[1]


def test_one_matrix_is_drawn_by_what_any_class_laid_down(known):
    found = colony(known, matrices=1)
    before = often(found, GOOD, FACTS)
    found.flush([Trace(GOOD, SUMS, True, 20.0)] * 60)
    assert often(found, GOOD, FACTS) == often(found, GOOD, SUMS) > before


def test_what_was_judged_bad_evaporates_and_stays_within_bounds(known):
    found = colony(known)
    found.flush([Trace(GOOD, SUMS, False, 20.0)] * 200)
    assert all((layer[0] == LEAST).all() for layer in found.tau)
    assert all((layer[1] == 1).all() for layer in found.tau)
    found.flush([Trace(GOOD, FACTS, True, 1.0)] * 2000)
    assert all(layer.min() >= LEAST and layer.max() <= MOST for layer in found.tau)


def test_serving_reads_and_a_flush_swaps_all_at_once(known):
    found = colony(known)
    before = found.tau
    found.draw(SUMS, {}, (0.1, 0.5, 0.9))
    found.note_wait(GOOD, 500.0)
    assert found.tau is before
    assert all((layer == 1).all() for layer in before)
    found.flush([Trace(GOOD, SUMS, True, 20.0)])
    assert all((layer == 1).all() for layer in before)


@pytest.mark.parametrize(
    ("heuristic", "heeds"), [("sum", True), ("ratio", True), ("ability", False)]
)
def test_a_busy_machine_is_spared_where_load_counts(known, heuristic, heeds):
    found = colony(known, heuristic=heuristic)
    uniforms = np.random.default_rng(0).random((400, 3)).tolist()

    def share(held):
        return sum(found.draw(FACTS, held, one).policy == "s" for one in uniforms)

    assert (share({"": 40}) < 0.8 * share({})) == heeds


def test_a_slow_node_is_chosen_less(known):
    found = colony(known)
    uniforms = np.random.default_rng(0).random((400, 3)).tolist()
    before = sum(found.draw(FACTS, {}, one).mode == "chk" for one in uniforms)
    for mode in ("dir", "cot", "act"):
        found.note_wait(Path(mode, "s", "none"), 10.0)
    for _ in range(40):
        found.note_wait(Path("chk", "s", "none"), 900.0)
    assert sum(found.draw(FACTS, {}, one).mode == "chk" for one in uniforms) < before


def test_a_warm_up_finds_what_labelled_requests_show(known):
    warm = warmed_up(HABITS, known, 2, np.random.default_rng(0))
    cold = colony(known)
    uniforms = np.random.default_rng(1).random((400, 3)).tolist()

    def worth(found, odds, kind):
        return np.mean(
            [known.by_kind[kind, PATHS.index(found.draw(odds, {}, one))] for one in uniforms]
        )

    for odds, kind in ((SUMS, "arith4"), (FACTS, "kb3")):
        place = KINDS.index(kind)
        assert worth(warm, odds, place) > worth(cold, odds, place)


def test_a_router_knows_classes_and_every_recipe_ships(known):
    assert len(recipes()) == 5
    assert known.right.shape == (640, len(PATHS))
    assert set(np.unique(known.right)) == {0.0, 1.0}
    assert known.by_kind.shape == known.words.shape == (len(KINDS), len(PATHS))
    assert known.training_words > 640 * len(PATHS) * 20
    assert [list(known.class_of(k)).index(1) for k in range(8)] == [
        CLASSES.index(kind[:-1]) for kind in KINDS
    ]


def test_a_seed_has_a_router_of_its_own_policy():
    names = []
    for seed in range(5):
        task = load("embedded", seed, requests=1)
        router(task)
        plan = [one for one in recipes().values() if one.policy == task.model.policy.name]
        names.append(plan[seed // 3 % len(plan)].name)
    assert len(set(names)) == 5


def test_learning_is_paid_and_keeps_no_client_waiting(where):
    _, none = solved(where, logged=0.0)
    answers, found = solved(where, logged=1.0)
    assert found["judged"] == 1
    assert found["judge_calls"] > none.get("judge_calls", 0)
    assert found["wait"] < found["words"]
    assert found["training_words"] == none["training_words"] > 0
    assert solved(where, logged=1.0)[0] == answers


def test_a_judge_that_lies_teaches_otherwise(where):
    honest = solved(where, logged=1.0, warm_up=0)[1]["answers_digest"]
    assert solved(where, logged=1.0, warm_up=0, flips=1.0)[1]["answers_digest"] != honest
    assert solved(where, logged=0.0, warm_up=0, flips=1.0) == solved(where, logged=0.0, warm_up=0)


def test_permuted_classes_cost_the_same_and_know_less(where):
    _, own = solved(where, heuristic="ability")
    _, other = solved(where, "amro_permuted", heuristic="ability")
    assert other["accuracy"] < own["accuracy"]


def test_without_a_gate_nobody_is_asked(where):
    _, found = solved(where, "no_gate", logged=1.0)
    _, gated = solved(where, logged=1.0)
    assert found["judge_calls"] < gated["judge_calls"]


def test_a_class_that_never_comes_keeps_what_it_had(known):
    found = warmed_up(HABITS, known, 1, np.random.default_rng(0))
    before = [layer[2].copy() for layer in found.tau]
    found.flush([Trace(GOOD, SUMS, True, 20.0), Trace(GOOD, FACTS, False, 20.0)] * 50)
    assert all((a == layer[2]).all() for a, layer in zip(before, found.tau, strict=True))


def test_turns_come_as_often_as_weights_say():
    turns = method("round_robin").turns
    assert list(islice(turns(np.array([2.0, 1.0])), 6)) == [0, 1, 0, 0, 1, 0]
    counts = np.bincount(list(islice(turns(np.array([0.5, 0.3, 0.2])), 1000)))
    assert list(counts) == [500, 300, 200]


def test_policies_in_turn_keep_three_machines_busy():
    crowd = load("embedded", 0, requests=24, clients=12)
    _, found = solved(crowd, "round_robin", over="policies")
    assert found["span"] < 0.6 * found["words"]


def test_a_bandit_learns_which_arm_pays_for_which_class():
    module = method("linucb")
    bandit = module.PathBandit([module.Arms(len(PATHS), 4, 0.5)])
    draws = np.random.default_rng(0)
    pays = {SUMS: GOOD, FACTS: Path("chk", "s", "none")}
    for _ in range(600):
        odds = SUMS if draws.random() < 0.5 else FACTS
        x = module.features(odds)
        path = bandit.choose(x)
        bandit.learn(path, x, float(path == pays[odds]))
    assert [bandit.choose(module.features(odds)) for odds in pays] == list(pays.values())
    layers = module.PathBandit([module.Arms(len(names), 4, 0.5) for names in LAYERS])
    for _ in range(600):
        x = module.features(SUMS)
        path = layers.choose(x)
        layers.learn(path, x, float(path.mode == "cot"))
    assert layers.choose(module.features(SUMS)).mode == "cot"


def test_a_table_sends_a_kind_where_labels_say(where, known):
    answers, found = solved(where, "kind_table")
    (stream,) = where.cases()
    worth = known.by_kind - 0.001 * known.words
    for prompt, answer in zip(stream.prompts, answers, strict=True):
        mode = PATHS[int(np.argmax(worth[known.kind(prompt)]))].mode
        assert words.WORDS[answer[0]] == mode
    assert found["accuracy"] > solved(where, "random_path")[1]["accuracy"]


def test_a_kind_that_no_table_has_gets_the_path_that_is_best_for_all():
    answers, found = solved(load("embedded", 0, requests=3, kinds="mix5"), "kind_table")
    assert len(answers) == 3
    assert found["distinct_graphs"] <= 2
