"""A plan of very many turns is laid out only where somebody has confirmed it."""

import math

import pytest

from adabench.harness.errors import SelectionError
from adabench.harness.plan.request import HIGHEST, parse_seeds
from adabench.harness.run.run_request import RunRequest, plan_turns


@pytest.mark.usefixtures("toy")
def test_the_limit_is_what_was_confirmed() -> None:
    request = RunRequest(("roots/fixed",), star=False, seeds="0..9", repeats=10)
    assert len(plan_turns(request, 100)) == 100
    assert len(plan_turns(request, math.inf)) == 100
    with pytest.raises(SelectionError, match="100 runs") as refused:
        plan_turns(request, 99)
    assert "--yes" in refused.value.hint


def test_a_seed_is_one_that_every_generator_takes() -> None:
    assert parse_seeds(f"{HIGHEST}") == (2**32 - 1,)
    with pytest.raises(SelectionError, match="names no seeds"):
        parse_seeds(f"{HIGHEST + 1}")
    with pytest.raises(SelectionError, match=r"9999\.\.\.") as refused:
        parse_seeds("9" * 5000)
    assert len(refused.value.message) < 100
