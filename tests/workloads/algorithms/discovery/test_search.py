"""Searches spend their tries and no more, and answer with what they evaluated; databases keep the better program."""

import json
import urllib.request

import numpy as np
import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.workloads.algorithms.discovery.conformance import RULES
from adabench.workloads.algorithms.discovery.methods.alphaevolve import alphaevolve
from adabench.workloads.algorithms.discovery.methods.alphaevolve.endpoint_proposer import (
    as_program,
    changed,
)
from adabench.workloads.algorithms.discovery.methods.alphaevolve.program_database import (
    Program,
    ProgramDatabase,
)
from adabench.workloads.algorithms.discovery.substrate import discovery_task
from adabench.workloads.algorithms.discovery.substrate.discovery_task import (
    ANSWER_TOKENS,
    LONGEST_ANSWER,
    SILENCES,
    Desk,
    Evaluation,
)
from adabench.workloads.algorithms.discovery.substrate.sites import PROBLEMS
from adabench.workloads.algorithms.discovery.substrate.walk_policy import parse
from adabench.workloads.algorithms.discovery.task import check_conditions, load
from adabench.workloads.shared.language_model.backends.openai_protocol import ServerProblem
from tests.workloads import local_server
from tests.workloads.algorithms.task_promises import TaskPromises

SEARCHES = (
    "alphaevolve",
    "no_selection",
    "permuted_fitness",
    "hill_climb",
    "best_of_n",
    "flip_graph",
)
BETTER = "kick = calm > 50000\nback = False\nheat = 2\nreach = 1"


class TestPromises(TaskPromises):
    name = "discovery"
    counted = ((SEARCHES, {}),)


def searched(name: str, seed: int = 0, **conditions):
    """Return the counts of a small search, its score and the policy that it found."""
    entry = registry.find(f"discovery/{name}")
    task = load("embedded", seed, **{"effort": 0.005, **conditions})
    (case,) = task.cases()
    answer = registry.load(entry).solve(task, case, {**entry.card.fixed, **entry.card.defaults})
    return dict(task.meter), task.score(case, answer), answer.policy


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_spends_its_tries_and_answers_with_a_policy(name):
    counts, score, policy = searched(name)
    assert parse(policy)
    assert counts["evaluations"] >= 1
    assert counts["tries"] == 500_000 or (name == "flip_graph" and counts["tries"] < 500_000)
    assert 0 <= score["attainment"] <= 1
    assert score["best_223"] >= 11


def test_a_search_is_its_seed_and_improves_on_the_seed_policy():
    assert searched("alphaevolve") == searched("alphaevolve")
    assert searched("alphaevolve")[1] != searched("alphaevolve", seed=1)[1]
    desk = Desk(load("embedded", 0, effort=0.02).cases()[0])
    first = desk.evaluate(desk.seed_policy)
    assert first is not None
    assert searched("alphaevolve", effort=0.02)[1]["searched"] < first.cost


@pytest.mark.parametrize("problem", ["sorting", "packing", "autocorrelation"])
def test_every_problem_is_searched_and_what_is_found_is_verified(problem):
    counts, score, _ = searched("alphaevolve", problem=problem, effort=0.02)
    assert counts["tries"] == round(0.02 * PROBLEMS[problem].tries)
    assert any(name.startswith("best_") for name in score)


def test_a_database_keeps_the_better_program_of_a_cell_and_migrates_once():
    policy = parse(PROBLEMS["walk"].seed)
    database = ProgramDatabase(2, 4, np.random.default_rng(0))
    programs = [
        Program(policy, cost, Evaluation(policy, cost, (cost,), is_whole=True))
        for cost in (3.0, 2.0, 4.0)
    ]
    for program in programs:
        database.add(0, program)
    (held,) = database.islands[0].elites
    assert held.cost == 2.0
    assert database.inspirations(0, held)[0].cost == 3.0
    other = parse(BETTER)
    database.add(0, Program(other, 1.0, Evaluation(other, 1.0, (1.0,), is_whole=True)))
    (migrant,) = database.islands[1].programs
    assert (migrant.policy, migrant.has_migrated) == (other, True)
    assert {database.parent(0).cost for _ in range(200)} == {1.0, 2.0, 3.0, 4.0}


def test_an_answer_is_blocks_or_a_whole_program():
    source = as_program(parse(BETTER))
    block = "<<<<<<< SEARCH\nreach = 1\n=======\nreach = 0.5\n>>>>>>> REPLACE"
    assert "reach = 0.5" in changed(source, f"Look:\n{block}\nDone.")
    assert changed(source, "```python\nprint(1)\n```") == "print(1)\n"
    for bad, why in (
        ("I have no idea", "no SEARCH/REPLACE"),
        (block.replace("reach = 1\n", "reach = 7\n"), "no part of the program"),
        (f"```python\n{'#' * 20_000}\n```", "at most"),
    ):
        with pytest.raises(MethodContractError, match=why):
            changed(source, bad)


class Planted:
    """A model that answers in turn, and remembers what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = answers, []

    def __call__(self, handler, body):
        self.asked.append(body)
        text = self.answers[(len(self.asked) - 1) % len(self.answers)]
        usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
        choices = [{"text": text, "index": 0, "finish_reason": "stop"}]
        return (
            200,
            json.dumps(
                {
                    "id": "1",
                    "object": "text_completion",
                    "created": 0,
                    "model": "m",
                    "choices": choices,
                    "usage": usage,
                }
            ).encode(),
            {},
        )


def program(text: str) -> str:
    return f"```python\n{text}\n```"


@pytest.fixture
def only_model(monkeypatch):
    """Leave the model as the only mutator, and little for a program to run."""
    monkeypatch.setattr(alphaevolve, "MUTATORS", {})
    monkeypatch.setattr(discovery_task, "PROGRAM_INSTRUCTIONS", 20_000)
    monkeypatch.setattr(discovery_task, "FAILURE_TRIES", 20_000)


def test_the_loop_goes_on_whatever_a_model_proposes(only_model, monkeypatch, tmp_path):
    monkeypatch.setattr(discovery_task, "FAILURE_TRIES", 80_000)  # each answer about once
    mark = tmp_path / "mark"
    planted = Planted(
        program(f'print("""{BETTER}""")'),
        program("raise RuntimeError('crash')"),
        program("while True: pass"),
        program("print('x' * 10_000_000)"),
        program(
            f"import socket\nsocket.create_connection(('127.0.0.1', 9))\nopen({str(mark)!r}, 'w')"
        ),
        program(f"import os\nos.system('touch {mark}')"),
        "x" * (LONGEST_ANSWER + 1),
        "nothing of use",
    )
    with local_server.serve(planted) as url:
        counts, score, policy = searched("alphaevolve", effort=0.01, model=f"openai:{url}#m")
    assert parse(policy) == parse(BETTER)
    assert counts["tries"] == 1_000_000
    assert counts["failures"] >= len(planted.answers) - 1
    assert counts["requests"] == len(planted.asked) >= len(planted.answers)
    assert counts["prompt_tokens"] == 100 * counts["requests"]
    assert not mark.exists()
    assert score["best_223"] == 11
    prompts = [body["prompt"] for body in planted.asked]
    assert all(body["max_tokens"] == ANSWER_TOKENS for body in planted.asked)
    assert "crash" in prompts[2]
    assert "more than its share" in prompts[3]
    assert "kick = (50000 < calm)" in " ".join(prompts[1:])


def test_an_answer_of_10_mb_and_one_that_never_comes_are_a_sentence_each(only_model, monkeypatch):
    with local_server.serve(Planted("x" * 10_000_000)) as url:
        counts, _, _ = searched("alphaevolve", effort=0.001, model=f"openai:{url}#m")
        assert counts["failures"] == counts["requests"] > 1
    monkeypatch.setattr(discovery_task, "ANSWER_S", 0.2)
    asked = []

    def silent(handler, body):
        asked.append(body)
        handler.rfile.read(1)  # until the client gives up

    with (
        local_server.serve(silent) as url,
        pytest.raises(ServerProblem, match="did not answer within") as raised,
    ):
        searched("alphaevolve", model=f"openai:{url}#m")
    assert raised.value.hint
    assert len(asked) >= SILENCES


def test_a_model_that_cannot_be_asked_is_refused_before_a_run():
    with pytest.raises(SelectionError, match="behind a server"):
        check_conditions({"model": "smollm2"})


def test_a_search_that_reaches_too_far_is_named():
    package = "adabench.workloads.algorithms.discovery"
    for line, word in (
        (f"from {package}.truth.scoring import score", "truth"),
        (f"from {package}.substrate.sites import walk_at", "walk_at"),
        ("lambda desk: desk.counts.clear()", "counts"),
        ("lambda desk: desk._spend(-10**9)", "_spend"),
        ("lambda task, case: task.known_best(case)", "known_best"),
        (f"from {package}.methods.hill_climb import CARD", "CARD"),
    ):
        assert any(word in problem for problem in RULES.problems(line)), line
    assert not list(RULES.problems("lambda desk, policy: desk.evaluate(policy)"))


def test_nobody_is_asked_where_no_model_is_named(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a request without a model")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    counts, _, _ = searched("alphaevolve")
    assert not counts.get("requests")
