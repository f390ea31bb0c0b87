"""The examples of hypothesis: the same in every run and every order, or others by a seed."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.suite import examples


def drawn() -> list[int]:
    """Draw some numbers as a test does."""
    found: list[int] = []

    @settings(settings.get_profile(examples.SAME), max_examples=300)
    @given(st.integers())
    def look(number: int) -> None:
        found.append(number)

    look()
    return found


def test_what_is_drawn_does_not_depend_on_what_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = drawn()
    file = tmp_path / "constants_of_ours.py"
    file.write_text("\n".join(f"x{i} = {7**20 + i}" for i in range(50)))
    made = ModuleType("constants_of_ours")
    made.__file__ = str(file)
    monkeypatch.setitem(sys.modules, made.__name__, made)
    assert drawn() == before


def test_nothing_of_an_earlier_run_is_read_and_no_clock_fails_a_test() -> None:
    for name in (examples.SAME, examples.RANDOM):
        profile = settings.get_profile(name)
        assert profile.database is None
        assert profile.deadline is None
        assert profile.derandomize == (name == examples.SAME)


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The configuration of another session; this one's profile is loaded again."""
    monkeypatch.delenv(examples.VARIABLE, raising=False)
    mine = settings.get_current_profile_name()
    yield SimpleNamespace(option=SimpleNamespace(hypothesis_seed=None))
    settings.load_profile(mine)


def test_the_same_are_drawn_unless_others_are_wished(
    config: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wish in ("", "0"):
        monkeypatch.setenv(examples.VARIABLE, wish)
        examples.choose(config)
        assert settings.get_current_profile_name() == examples.SAME
        assert config.option.hypothesis_seed is None
        assert "the same ones" in examples.header()


def test_a_seed_reaches_hypothesis_and_the_workers_and_is_said(
    config: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(examples.VARIABLE, "1")
    examples.choose(config)
    seed = os.environ[examples.VARIABLE]
    assert int(seed) > 1
    assert config.option.hypothesis_seed == seed
    assert settings.get_current_profile_name() == examples.RANDOM
    assert f"{examples.VARIABLE}={seed} draws them again" in examples.header()
    config.option.hypothesis_seed = None
    examples.choose(config)  # as in a worker
    assert config.option.hypothesis_seed == os.environ[examples.VARIABLE] == seed
    config.option.hypothesis_seed = "77"
    examples.choose(config)
    assert os.environ[examples.VARIABLE] == "77"


def test_what_is_no_seed_is_refused() -> None:
    with pytest.raises(pytest.UsageError, match="no seed"):
        examples.seed_of("soon")
