"""Planted wrong methods must be caught, each for what is wrong with it."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from adabench.harness.contract.record import Cell, Turn
from adabench.harness.errors import MethodContractError
from adabench.harness.run.execute import execute
from adabench.harness.run.settings import Settings
from adabench.workloads.algorithms.shortest_paths import conformance
from adabench.workloads.algorithms.shortest_paths.conformance import RULES
from adabench.workloads.algorithms.shortest_paths.task import load
from adabench.workloads.algorithms.shortest_paths.truth.scoring import scored_task
from adabench.workloads.shared.counting.counted_task import Transcript
from tests.workloads.algorithms.task_promises import CountedPromises

PACKAGE = "adabench.workloads.algorithms.shortest_paths"
BY_TRIALS = (
    ("asks_twice", "answers a case more than once"),
    ("reads_for_nothing", "depend on rows that it did not open"),
    ("too_short", "are below the distance"),
    ("remembers", "depend on which pairs were asked before"),
    ("sorts_degrees", "depends on rows that it did not open, or on degrees"),
)
SMALL = {"vertices": 300, "pairs": 100, "graph": "power_2.5"}


class TestShortestPaths(CountedPromises):
    name = "shortest_paths"
    small = SMALL
    counted = ((("bibfs", "wormhole", "hindsight"), SMALL),)
    online, oracle, refuses_oracle = "bibfs", "hindsight", "Exact distances are not known"
    caught = (
        *BY_TRIALS,
        ("cooks_the_books", "reaches for 'gc' on line 3"),
        ("cooks_the_books", "methods.bibfs.as_given on line 5, which is of another method"),
        ("cooks_the_books", "truth.distances.exact on line 7: only the scorer and oracles"),
        ("cooks_the_books", "reaches for 'ledger' on line 12"),
        ("cooks_the_books", "reaches for 'meter' on line 17"),
        ("cooks_the_books", "reaches for 'truth' on line 19"),
    )
    caught_by_trials = BY_TRIALS
    forbidden = (
        f"import {PACKAGE}.methods.pll",
        f"from {PACKAGE} import conformance",
        "from . import bibfs",
        "from .truth import distances",
        f"from {PACKAGE}.substrate.query_loop import engine",
        "task._run(case, hook, None, 1)",
        "getattr(task, name)",
        "graph.ledger[:] = 0",
        "x = task.of(case)",
    )

    def test_a_method_gets_graphs_and_no_pairs_and_one_case_at_a_time(self) -> None:
        task = self.load(graph="suite")
        first, second = task.cases()[:2]
        alone, _ = self.entered(task, first, task.environment(first))
        for case, graph in zip(task.cases(), alone.training(), strict=True):
            assert len(graph.pairs) == 0
            assert (graph.instance, graph.group) == (case.instance, case.group)
            assert (graph.graph.heads == case.graph.heads).all()
        with pytest.raises(MethodContractError, match="not a case of this task"):
            alone.ask(second, lambda *_: 0)


def test_a_ledger_may_be_handed_on() -> None:
    assert not list(RULES.problems("pay(graph.ledger, 2)"))


def test_the_task_does_not_say_that_it_is_recorded() -> None:
    case = conformance.small_case("power_2.5", 0)
    plain, recorded = scored_task((case,)), scored_task((case,), transcript=Transcript())
    assert sorted(vars(plain)) == sorted(vars(recorded))
    assert (plain.known, plain.meter) == (recorded.known, recorded.meter)


def test_scrambling_keeps_what_was_opened_and_the_lengths_of_rows() -> None:
    case = conformance.small_case("power_2.5", 0)
    kept = np.zeros(case.graph.vertices, np.uint8)
    kept[:100] = 1
    other = conformance.scrambled(case.graph, kept)
    end = case.graph.starts[100]
    assert (other.starts == case.graph.starts).all()
    assert (other.heads[:end] == case.graph.heads[:end]).all()
    assert (other.heads[end:] != case.graph.heads[end:]).mean() > 0.9


INDEXED = [
    (name, {}) for name in ("bibfs", "landmarks", "pll", "random_ring", "wormhole", "hindsight")
]
INDEXED += [("bibfs", {"rows": "hubs_first"}), ("wormhole", {"inside": "labels"})]


@pytest.mark.parametrize(("name", "knobs"), INDEXED)
def test_a_stored_index_answers_like_the_one_that_was_stored(methods, name, knobs) -> None:
    task = load("embedded", 0, **SMALL)
    (case,) = task.cases()
    method = methods[name]
    point = {**method.CARD.defaults, **knobs}
    state = method.prepare(task, point, 0)
    data = pickle.loads(pickle.dumps(method.pack(state)))
    restored = method.unpack(task, point, data)
    outcomes = []
    for one in (state, restored):
        task.meter.clear()
        outcomes.append(task.score(case, method.solve(one, case, point)))
    assert outcomes[0] == outcomes[1]


def test_a_state_from_the_disk_costs_what_it_did(tmp_path: Path) -> None:
    turn = Turn(Cell("shortest_paths", "pll", {"largest": 70000}, SMALL, "embedded", 0), 0)
    first, second = (
        list(execute([turn], Settings(window_s=0.0, cache_folder=tmp_path))) for _ in range(2)
    )
    assert len(list(tmp_path.iterdir())) == 1
    assert [record.phase for record in first] == [record.phase for record in second]
    for name in ("prep_cpu_s", "prep_reads", "reads", "index_bytes"):
        assert first[1].values[name] == second[1].values[name] > 0
