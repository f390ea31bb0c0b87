"""`adabench new method`: a file that runs at once and says what to fill in."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.scaffold.method_scaffold import method_text
from adabench.harness.errors import SelectionError

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("task", registry.tasks())
def test_every_task_has_a_file_to_begin_with_whose_card_says_what_is_missing(
    task: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(method_text(f"{task}/mine"), encoding="utf-8")
    compile(path.read_text(encoding="utf-8"), "mine.py", "exec")
    card = registry.read_card(path)
    assert card is not None
    assert all("FILL IN" in text for text in (card.title, card.paper, card.adapts))
    assert (card.role, card.tasks, card.claims) == ("adaptive", (task,), ())


def test_the_knobs_of_the_method_that_it_begins_as_are_its_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(method_text("chain/mine", like="beam"), encoding="utf-8")
    card, model = registry.read_card(path), registry.find("chain/beam").card
    assert card is not None
    assert (card.knobs, card.abilities) == (model.knobs, model.abilities)
    assert model.knobs


def test_it_keeps_the_contract_as_it_is_and_is_not_written_twice(
    command: Command, toy_env: dict[str, str], tmp_path: Path, session: None
) -> None:
    path = tmp_path / "mine.py"
    words = ("new", "method", "roots/mine", "--like", "fixed", "--out", path)
    done = command(*words, env=toy_env)
    assert (done.returncode, done.stdout) == (0, f"{path}\n")
    assert f"adabench check roots/mine={path}" in done.stderr
    checked = command("check", f"roots/mine={path}", env=toy_env)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "BROKEN" not in checked.stdout
    text = path.read_text(encoding="utf-8")
    again = command(*words, env=toy_env)
    assert (again.returncode, "is there already" in again.stderr) == (3, True)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("address", "like", "says"),
    [("pagin/mine", "", "no task"), ("paging/lru", "", "already"), ("paging/My-Own", "", "no name"),
     ("paging", "", "no name"), ("paging/mine", "chain/beam", "no method of paging"),
     ("ledger/mine", "mor", "one file")],
)  # fmt: skip
def test_what_cannot_be_written_is_said(address: str, like: str, says: str) -> None:
    with pytest.raises(SelectionError, match=says):
        method_text(address, like)
