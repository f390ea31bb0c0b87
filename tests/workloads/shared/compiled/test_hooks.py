"""Hooks: inlined into a loop that is keyed by all sources, with guards behind their notes."""

import itertools
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numba import njit

from adabench.harness.contract.card import Card
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.compiled.hooks import bound, guarded, intact, method_of, stream_of
from tests.workloads.planted_module import load_module

AGES_S = itertools.count(1)
SOURCE = "from numba import njit\n\n\n@njit\ndef step(x):\n    return x + {add}\n"


def step(x: int) -> int:
    raise NotImplementedError


def _walk(steps: int) -> int:
    x = 0
    for _ in range(steps):
        x = step(x)
    return x


def module(path: Path, add: int, prose: str = "") -> ModuleType:
    path.write_text(prose + SOURCE.format(add=add))
    age_s = next(AGES_S)
    os.utime(path, (age_s, age_s))  # what is younger than the process has no key
    return load_module(path, name=f"some.{path.stem}")


def key(loop) -> str:
    return loop.__closure__[-1].cell_contents


def test_a_loop_runs_the_hook_that_it_was_bound_to(tmp_path: Path) -> None:
    loops = [bound(_walk, step=module(tmp_path / f"m{add}.py", add).step) for add in (2, 3)]
    assert [njit(loop)(5) for loop in loops] == [10, 15]
    assert loops[0].__qualname__ == "walk_some_m2_step"


def test_the_key_covers_the_sources_of_hooks_and_not_their_prose(tmp_path: Path) -> None:
    plain = key(bound(_walk, step=module(tmp_path / "m.py", 2).step))
    assert key(bound(_walk, step=module(tmp_path / "m.py", 2).step)) == plain
    assert key(bound(_walk, step=module(tmp_path / "m.py", 2, '"""Prose."""\n').step)) == plain
    assert key(bound(_walk, step=module(tmp_path / "m.py", 3).step)) != plain


def test_a_hook_is_named_after_its_method(tmp_path: Path) -> None:
    assert method_of(module(tmp_path / "best.py", 1).step) == "best"
    with pytest.raises(MethodContractError, match="not compiled"):
        method_of(step)


def test_a_method_that_moved_keeps_the_streams_that_it_had(tmp_path: Path) -> None:
    method = module(tmp_path / "best.py", 1)
    assert stream_of(method.step) == "best"
    method.CARD = Card("Best", moved_from="task/good")
    assert stream_of(method.step) == "good"
    assert method_of(method.step) == "best"
    with pytest.raises(MethodContractError, match="not compiled"):
        stream_of(step)


@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_guards_find_a_write_past_the_end(kind: type) -> None:
    notes = np.arange(3).astype(kind)
    noted = guarded(notes)
    assert noted.dtype == notes.dtype
    noted[:3] = 7
    assert intact(noted)
    assert notes.tolist() == [0, 1, 2]
    noted[3] = 0
    assert not intact(noted)
