"""Planted wrong methods must be caught, each for what is wrong with it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from adabench.workloads.algorithms.shortest_paths import conformance
from adabench.workloads.algorithms.shortest_paths.conformance import RULES
from adabench.workloads.algorithms.shortest_paths.task import check
from adabench.workloads.algorithms.shortest_paths.truth.scoring import scored_task
from adabench.workloads.shared.counting.counted_task import Transcript

PLANTED = Path(__file__).parent / "planted"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"planted_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "caught"),
    [
        ("asks_twice", "answers a case more than once"),
        ("reads_for_nothing", "depend on rows that it did not open"),
        ("too_short", "are below the distance"),
        ("remembers", "depend on which pairs were asked before"),
        ("sorts_degrees", "depends on rows that it did not open, or on degrees"),
        ("cooks_the_books", "reaches for 'gc' on line 3"),
        ("cooks_the_books", "methods.bibfs.as_given on line 6, which is of another method"),
        ("cooks_the_books", "truth.distances.exact on line 8: only the scorer and oracles"),
        ("cooks_the_books", "reaches for 'ledger' on line 15"),
        ("cooks_the_books", "reaches for 'meter' on line 20"),
        ("cooks_the_books", "reaches for 'truth' on line 22"),
    ],
)
def test_a_wrong_method_is_caught(name: str, caught: str) -> None:
    method = load(PLANTED / f"{name}.py")
    assert caught in " ".join(check(method, method.CARD))


@pytest.mark.parametrize(
    "line",
    [
        "import adabench.workloads.algorithms.shortest_paths.methods.pll",
        "from adabench.workloads.algorithms.shortest_paths import conformance",
        "from . import bibfs",
        "from .truth import distances",
        "from adabench.workloads.algorithms.shortest_paths.substrate.query_loop import engine",
        "task._run(case, hook, None, 1)",
        "getattr(task, name)",
        "graph.ledger[:] = 0",
        "x = task.of(case)",
    ],
)
def test_the_source_may_not_say(line: str) -> None:
    assert list(RULES.problems(line))


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
