"""Planted wrong methods must be caught, each for what is wrong with it."""

from adabench.workloads.algorithms.shortest_paths import conformance
from adabench.workloads.algorithms.shortest_paths.conformance import RULES
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
        ("cooks_the_books", "methods.bibfs.as_given on line 6, which is of another method"),
        ("cooks_the_books", "truth.distances.exact on line 8: only the scorer and oracles"),
        ("cooks_the_books", "reaches for 'ledger' on line 15"),
        ("cooks_the_books", "reaches for 'meter' on line 20"),
        ("cooks_the_books", "reaches for 'truth' on line 22"),
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


def test_a_ledger_may_be_handed_on() -> None:
    assert not list(RULES.problems("pay(graph.ledger, 2)"))


def test_the_task_does_not_say_that_it_is_recorded() -> None:
    case = conformance.small_case("power_2.5", 0)
    plain, recorded = (
        scored_task((case,)),
        scored_task((case,), transcript=Transcript()),
    )
    shown = [
        (sorted(vars(task)), task.known, task.meter, task.transcript) for task in (plain, recorded)
    ]
    assert shown[0] == shown[1]


def test_scrambling_keeps_what_was_opened_and_the_lengths_of_rows() -> None:
    import numpy as np

    case = conformance.small_case("power_2.5", 0)
    kept = np.zeros(case.graph.vertices, np.uint8)
    kept[:100] = 1
    other = conformance.scrambled(case.graph, kept)
    end = case.graph.starts[100]
    assert (other.starts == case.graph.starts).all()
    assert (other.heads[:end] == case.graph.heads[:end]).all()
    assert (other.heads[end:] != case.graph.heads[end:]).mean() > 0.9
