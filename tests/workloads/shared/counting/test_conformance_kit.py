"""The kit: which files of a method are read, and when a value obeys a claim."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from adabench.harness.contract.card import Bound, Card, Ratio
from adabench.workloads.shared.counting.conformance_kit import (
    first_change,
    holds,
    in_range,
    prepared_state,
    source_problems,
    speaks_of,
)
from adabench.workloads.shared.counting.source_rules import Rules

RULES = Rules("shop.task")
TRUTH = "from shop.task.truth.answers import best\n"


def method_in(folder: Path, files: dict[str, str]) -> ModuleType:
    """The module of `deep/deep.py`, not run; its name is that of a method's folder."""
    home = folder / "methods" / "deep"
    home.mkdir(parents=True)
    for name, text in files.items():
        (home / f"{name}.py").write_text(text)
    name = "shop.task.methods.deep.deep"
    spec = importlib.util.spec_from_file_location(name, home / "deep.py")
    assert spec
    return importlib.util.module_from_spec(spec)


def test_parts_that_a_method_loads_are_read_and_others_are_not(tmp_path: Path) -> None:
    files = {
        "deep": "from shop.task.methods.deep.first import f\n",
        "first": "from .second import g\n",
        "second": TRUTH,
        "recipe": TRUTH,
    }
    method = method_in(tmp_path, files)
    (problem,) = source_problems(RULES, method, Card("Deep"))
    assert problem.startswith("second.py: It imports shop.task.truth.answers.best on line 1")
    assert not list(source_problems(RULES, method, Card("Deep", role="oracle")))


def test_parts_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    files = {
        "deep": "from . import first\n" + TRUTH,
        "first": "from shop.task.methods.deep import second, deep\n",
        "second": "from .first import f\n" + TRUTH,
    }
    problems = list(source_problems(RULES, method_in(tmp_path, files), Card("Deep")))
    assert [problem.partition(":")[0] for problem in problems] == [
        "It imports shop.task.truth.answers.best on line 2",
        "second.py",
    ]


def test_a_method_without_a_folder_has_no_parts(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("from . import other\n")
    (tmp_path / "other.py").write_text(TRUTH)
    spec = importlib.util.spec_from_file_location("planted_plain", tmp_path / "plain.py")
    assert spec
    assert not list(source_problems(RULES, importlib.util.module_from_spec(spec), Card("Plain")))


def test_a_state_is_prepared_where_a_method_prepares() -> None:
    method = ModuleType("method")
    assert prepared_state(method, "task", {}) == "task"
    method.prepare = lambda task, point, seed: (task, point["k"], seed)  # type: ignore[attr-defined]
    assert prepared_state(method, "task", {"k": 3}) == ("task", 3, 0)


def test_a_bound_on_a_mean_has_three_standard_errors_of_slack() -> None:
    values = {"cost": 10.0, "cost_se": 1.0, "most": 7.0}
    assert holds(Bound("cost", "most", over="mean"), values)
    assert not holds(Bound("cost", "most"), values)
    assert not holds(Bound("cost", "most", over="mean"), {**values, "cost_se": 0.9})
    assert holds(Bound("cost", "most"), {"cost": 7.0 + 1e-9, "most": 7.0}, rounding=1e-9)


@pytest.mark.parametrize(
    ("low", "high", "inside"),
    [
        (None, None, True),
        (1.0, 1.0, False),
        (0.9, 1.2, True),
        (None, 1.0, False),
        (1.2, None, False),
    ],
)
def test_a_ratio_lies_between_both_ends(low, high, inside) -> None:
    assert in_range(Ratio("cost", against="best", low=low, high=high), 1.1) is inside


def test_a_claim_speaks_of_the_values_that_it_names() -> None:
    several = Bound("cost", "most", where={"noise": (0.0, 0.1)})
    assert speaks_of(several, "noise", 0.1)
    assert not speaks_of(several, "noise", 0.5)
    assert speaks_of(several, "slots", 3)


def test_the_first_change_before_a_cut_is_found() -> None:
    old, new = np.array([1, 2, 3, 4]), np.array([1, 2, 9, 9])
    assert first_change(old, new, 4) == 2
    assert first_change(old, new, 2) is None
