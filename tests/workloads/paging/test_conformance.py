"""Planted wrong policies must be caught, each for what is wrong with it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from adabench.workloads.paging.task import check

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
        ("evicts_two", "evicted more or fewer pages"),
        ("looks_ahead", "looks ahead"),
        ("bits_on_faults", "ignores the bits told with hits"),
        ("first_unmarked", "no coins are used"),
        ("best_of_two", "replays a case more than once"),
        ("forges", "changed the cache other than through `evict`"),
        ("writes_beyond", "wrote beyond its notes"),
    ],
)
def test_a_wrong_policy_is_caught(name: str, caught: str) -> None:
    method = load(PLANTED / f"{name}.py")
    assert caught in " ".join(check(method, method.CARD))


def test_a_deterministic_marker_breaks_the_logarithmic_bound() -> None:
    method = load(PLANTED / "first_unmarked.py")
    assert any("FU-1" in sentence for sentence in check(method, method.CARD))


def test_our_own_policies_are_clean(methods: dict[str, ModuleType]) -> None:
    broken = {name: list(check(method, method.CARD)) for name, method in methods.items()}
    assert broken == {name: [] for name in methods}
