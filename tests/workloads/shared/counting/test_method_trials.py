"""The rules of trials, each with a method that breaks it and one that does not."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from adabench.harness.contract.card import Bound, Card, Claim, Ratio
from adabench.harness.errors import MethodContractError
from adabench.workloads.shared.counting.method_trials import OnlineRule, Trial, Trials, untold
from tests.workloads.shared.counting.shelves import WORLDS, Known, Opened, shelves

ONLINE = OnlineRule(
    (0.5,),
    cut_at=lambda trial, share: int(share * trial.case.boxes),
    steps=lambda trial, cut: int(cut),
    done=lambda trial: trial.heard,
    other_future=lambda trial, cut: _later(trial.world, cut),
    step="box",
    later="the boxes",
)
GROUP = ({"broken": 0}, WORLDS)


def _later(world: Known, cut: float) -> Known:
    """Return the shelf with its prize in the last box, unless it lies before the cut."""
    return world if world.prize < cut else world._replace(prize=world.shelf.boxes - 1)


def trials(solve: Callable[..., Any], *claims: Claim, rounding: float = 0.0) -> Trials:
    method = ModuleType("method")
    vars(method)["solve"] = solve
    return Trials(
        method,
        Card(title="x", claims=claims),
        shelves,
        "boxes",
        lambda trial: bool(trial.values["boxes"] == trial.answer.counts.mean()),
        rounding,
    )


def counts(answer: Opened) -> NDArray[np.int64]:
    return answer.counts


def looks(*most: int) -> Callable[..., Any]:
    return lambda task, case, point: task.look(case, *most)


def tried(solve: Callable[..., Any], *claims: Claim) -> tuple[Trials, list[Trial]]:
    method = trials(solve, *claims)
    return method, method.attempt(GROUP)


def test_a_trial_has_what_was_answered_heard_and_counted() -> None:
    _, (one, _) = tried(looks(9, 1))
    assert one.where == "shelf at broken 0"
    assert one.answer.counts.tolist() == [3, 1]
    assert one.heard.tolist() == [0, 1, 2]
    assert one.state is one.task
    assert one.values == {"boxes": 2.0, "opt": 3.0, "left": 6.0}


def test_a_case_is_run_once() -> None:
    def twice(task: Any, case: Any, point: Any) -> Any:
        task.look(case, 9)
        return task.look(case, 9)

    with pytest.raises(MethodContractError, match="looks twice"):
        tried(twice)


def test_a_case_stays_as_it_is() -> None:
    def writes(task: Any, case: Any, point: Any) -> Any:
        object.__setattr__(case, "group", "other")
        return task.look(case, 9)

    with pytest.raises(MethodContractError, match="It changes the shelf"):
        tried(writes)
    object.__setattr__(WORLDS[0].shelf, "group", "shelf")


def test_nothing_is_better_than_the_optimum() -> None:
    method, seen = tried(looks(9, 1))
    (said,) = method.optimum(seen, counts, "the best")
    assert "boxes is less than the best's on shelf at broken 0: 1 < 3.0" in said
    method, seen = tried(looks(9))
    assert list(method.optimum(seen, counts, "the best")) == []


def test_streams_are_drawn() -> None:
    method, seen = tried(looks(9, 9))
    assert "draws nothing" in next(method.coins(seen, counts))
    for other in (looks(9, 1), looks(9)):
        method, seen = tried(other)
        assert list(method.coins(seen, counts)) == []


def claim(name: str, expect: Bound | Ratio) -> Claim:
    return Claim(name, "says", "theorem", "paper", None, expect)


def test_theorems_hold_on_every_case() -> None:
    method, seen = tried(
        looks(5, 5),
        claim("LESS", Bound("boxes", "opt")),
        claim("MORE", Bound("opt", "boxes")),
        claim("SAME", Ratio("boxes", "best", low=1.0, high=1.0, every=True)),
        claim("ELSEWHERE", Bound("opt", "boxes", where={"broken": 1})),
        claim("OTHERS", Bound("opt", "boxes", groups=("desk",))),
        claim("MEAN", Ratio("boxes", "best", low=1.0, high=1.0)),
        claim("NOWHERE", Bound("boxes", "sum")),
    )
    said = list(method.theorems(seen, "best"))
    assert said == [
        "Its claim MORE fails on shelf at broken 0.",
        "Its claim SAME fails on shelf at broken 0.",
        "Its claim NOWHERE names sum, which no case here has.",
    ]
    assert len(list(method.theorems(seen, "best", apart=frozenset(("opt", "sum"))))) == 1


def test_what_only_oracles_know_is_not_told() -> None:
    _, seen = tried(looks(9))
    (said,) = untold(seen, lambda answer: len(answer.counts) == 1, "the prize")
    assert said == "It is told the prize on shelf at broken 0: those are for oracles."
    assert list(untold(seen, lambda answer: False, "the prize")) == []


def test_who_looks_ahead_is_seen() -> None:
    def ahead(task: Any, case: Any, point: Any) -> Any:
        return task.look(case, 9 if task.of(case).prize > 5 else 2)

    for solve, seen in ((looks(4), []), (ahead, ["box 2 goes differently when the boxes from 4"])):
        method, before = tried(solve)
        said = list(method.online(before, ONLINE))
        assert len(said) == len(seen)
        assert all(words in one for words, one in zip(seen, said, strict=True))


def test_a_signal_that_is_not_read_is_seen() -> None:
    def other(trial: Trial) -> Known:
        return Known(trial.case, 0)

    method, seen = tried(looks(1))
    assert list(method.signal(seen, lambda trial: trial.heard, other, "Ignored.")) == ["Ignored."]
    method, seen = tried(looks(9))
    assert list(method.signal(seen, lambda trial: trial.heard, other, "Ignored.")) == []
    assert list(method.signal([], lambda trial: np.zeros(0), other, "Ignored.")) == []
