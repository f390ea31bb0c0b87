"""`adabench new task`: a package that is found where it lies, runs at once and keeps the contract."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adabench.harness.contract import plugins
from adabench.harness.contract.scaffold.task_scaffold import write_task
from adabench.harness.errors import SelectionError, StoreError
from tests.cli.program import PROGRAM


def adabench(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *words], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what joined the path, and what was found."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    plugins.forget_plugins()
    yield
    plugins.forget_plugins()


def test_a_new_task_and_a_new_method_of_it_keep_the_contract(tmp_path: Path) -> None:
    made = adabench("new", "task", "shop", folder=tmp_path)
    assert (made.returncode, made.stdout) == (0, "shop/adabench_shop/task.py\n"), made.stderr
    method = adabench("new", "method", "shop/mine", folder=tmp_path)
    assert method.stdout == "shop/adabench_shop/methods/mine.py\n", method.stderr
    assert "adabench check shop/mine" in method.stderr
    checked = adabench("check", "shop/*", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "BROKEN" not in checked.stdout
    for name in ("fixed", "hindsight", "lead", "mine", "random_length"):
        assert f"ok       shop/{name}: contract" in checked.stdout
    words = ("run", "shop/lead", "--seeds", "0", "--counts", "--no-report", "--out", "run")
    done = adabench(*words, folder=tmp_path / "shop")
    assert done.returncode == 0, done.stderr
    assert "oracle: hindsight" in done.stdout


def test_nothing_of_a_folder_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    with pytest.raises(StoreError, match="is there already"):
        write_task("shop", tmp_path / "shop")
    assert list((tmp_path / "shop").iterdir()) == []


@pytest.mark.parametrize(("name", "says"), [("paging", "already"), ("My-Own", "no name of a task")])
def test_a_name_that_cannot_be_had_is_refused(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SelectionError, match=says):
        write_task(name, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize(
    "text",
    [
        '[project.entry-points."adabench.tasks"]\n"shop" = ',
        'project = "adabench.tasks"\n',
        "[project]\nname = 'other'\n",
        '[project]\nentry-points = ["adabench.tasks"]\n',
    ],
)
def test_a_project_that_brings_nothing_or_is_broken_is_passed_over(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert "shop" not in dict(plugins.entry_points("adabench.tasks"))
    assert sys.path == before


@pytest.mark.usefixtures("path", "toy")
def test_what_is_installed_goes_before_what_lies_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project.entry-points."adabench.tasks"]\n"roots" = "elsewhere.task"\n"mine" = "mine.task"\n'
    )
    monkeypatch.chdir(tmp_path)
    found = dict(plugins.entry_points("adabench.tasks"))
    assert (found["roots"], found["mine"]) == ("adabench_toy.task", "mine.task")
    assert sys.path[-1] == str(tmp_path)
