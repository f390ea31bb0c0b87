"""What a task may draw: its file is found, and what cannot be drawn is refused."""

import sys
from pathlib import Path

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.card import Card
from adabench.harness.contract.drawing import (
    MOST_PLACES,
    Mark,
    Panel,
    Picture,
    check_picture,
    painter,
)
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import MethodContractError

DOT = Mark("dots", ((1.0, 2.0),), "plain")


def drawn(*marks: Mark, window: tuple[float, float, float, float] = (0, 0, 9, 9)) -> Picture:
    return Picture("A case", (Panel("one", marks),), window, "Nothing to see.", 1.0)


def test_a_task_without_the_file_draws_nothing() -> None:
    assert painter(registry.find("paging")) is None


def test_a_task_with_the_file_is_found() -> None:
    paint = painter(registry.find("replanning"))
    assert paint is not None
    assert paint.__module__ == "adabench.workloads.algorithms.replanning.drawing"


def test_a_plug_ins_file_is_found_and_one_without_the_function_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package, text in (("paints", "def picture(*_): return None"), ("blank", "")):
        folder = tmp_path / package
        folder.mkdir()
        (folder / "task.py").write_text(
            "from adabench.harness.contract.card import Card\nCARD = Card('t')\n", encoding="utf-8"
        )
        (folder / "drawing.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def entry(package: str) -> Entry:
        return Entry(package, f"{package}.task", tmp_path / package / "task.py", Card("t"))

    assert painter(entry("paints")) is not None
    with pytest.raises(MethodContractError, match="has no function picture"):
        painter(entry("blank"))


def test_what_can_be_drawn_is_returned() -> None:
    assert check_picture(drawn(DOT)) == drawn(DOT)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (drawn(DOT, window=(0, 0, 0, 9)), "has no area"),
        (drawn(DOT, window=(0, 0, float("nan"), 9)), "has no area"),
        (drawn(Mark("dots", ((1.0, 2.0, 3.0),), "plain")), "dots has 2 numbers"),
        (drawn(Mark("segments", ((1.0, 2.0),), "plain")), "segments has 4 numbers"),
        (drawn(Mark("discs", ((1.0, 2.0, float("inf")),), "plain")), "not finite"),
        (drawn(Mark("dots", ((1.0, 2.0),) * (MOST_PLACES + 1), "plain")), "more than 20,000"),
    ],
)
def test_what_cannot_be_drawn_is_refused(broken: Picture, message: str) -> None:
    with pytest.raises(MethodContractError, match=message):
        check_picture(broken)
