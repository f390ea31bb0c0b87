"""`adabench run ./mine.py`: a method that is in no package."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from adabench.harness.store import run_folder
from adabench.harness.store.method_copies import copy_of
from tests.cli.program import PROGRAM, adabench

FIXED = Path(__file__).parents[1] / "plugin" / "adabench_toy" / "fixed.py"
WORDS = ("--alone", "--no-sweep", "--seeds", "0..1", "--no-report")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A method in a file of its own."""
    return Path(shutil.copy(FIXED, tmp_path / "mine.py"))


pytestmark = pytest.mark.usefixtures("here")


def test_a_file_runs_beside_methods_and_its_run_is_read_without_it(
    toy_env: dict[str, str], mine: Path, tmp_path: Path
) -> None:
    run = tmp_path / "r"
    done = adabench("run", mine, "roots/fixed", *WORDS, "--out", run, env=toy_env)
    assert done.returncode == 0, done.stderr
    by_method: dict[str, list[float]] = {}
    for record in run_folder.records(run):
        if record.phase == "solve":
            by_method.setdefault(record.cell.address, []).append(record.values["right"])
    assert by_method["roots/mine"] == by_method["roots/fixed"]
    assert copy_of(run, "roots/mine").read_text() == mine.read_text()
    mine.unlink()
    read = adabench("report", run, "--terminal", env=toy_env)
    assert read.returncode == 0, read.stderr
    assert "not installed" not in read.stderr
    assert "mine" in read.stdout


def test_an_interrupted_run_of_a_file_goes_on_by_its_copy(
    process: Callable[..., subprocess.CompletedProcess[str]],
    toy_env: dict[str, str],
    mine: Path,
    tmp_path: Path,
) -> None:
    run, part = tmp_path / "r", tmp_path / "part"
    assert process("run", f"roots/mine={mine}", *WORDS, "--out", run, env=toy_env).returncode == 0
    whole = run_folder.records(run)
    shutil.copytree(run, part)
    lines = (part / run_folder.RECORDS).read_bytes().splitlines(keepends=True)
    (part / run_folder.RECORDS).write_bytes(b"".join(lines[: len(lines) // 2]))
    mine.unlink()
    done = process("run", "--resume", part, "--no-report", env=toy_env)
    assert done.returncode == 0, done.stderr
    assert len(run_folder.records(part)) == len(whole)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("absent.py", "roots/fixed"), 2, "There is no file absent.py"),
        (("mine.py",), 2, "mine.py does not say on which task it runs"),
        (("nothing/mine=mine.py",), 2, "There is no task called 'nothing'"),
        (("roots/fixed=mine.py",), 2, "roots/fixed is a method already"),
        (("roots/mine=empty.py",), 4, "empty.py has no CARD"),
    ],
)
def test_a_file_that_is_no_method_is_refused_with_a_sentence(
    words: tuple[str, ...], code: int, said: str, toy_env: dict[str, str], mine: Path
) -> None:
    (mine.parent / "empty.py").write_text("")
    done = subprocess.run(
        [PROGRAM, "run", *words, "--out", "r"], cwd=mine.parent, env=toy_env,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert not (mine.parent / "r").exists()


def test_a_dry_run_prints_the_plan_and_leaves_nothing(
    toy_env: dict[str, str], tmp_path: Path
) -> None:
    done = adabench("run", "roots", "--dry-run", "--out", tmp_path / "r", env=toy_env)
    assert done.returncode == 0, done.stderr
    assert "roots: " in done.stdout
    assert "configurations, " in done.stdout
    assert not (tmp_path / "r").exists()


def test_a_file_is_checked_like_any_method(
    process: Callable[..., subprocess.CompletedProcess[str]], toy_env: dict[str, str], mine: Path
) -> None:
    done = process("check", f"roots/mine={mine}", env=toy_env)
    assert done.returncode == 0, done.stderr
    assert "ok       roots/mine: contract" in done.stdout
    mine.write_text(mine.read_text().replace("return guess", "return None"))
    broken = process("check", f"roots/mine={mine}", env=toy_env)
    assert broken.returncode == 4
    assert "BROKEN" in broken.stdout


def test_a_variant_in_a_file_is_read_by_the_copy_of_its_method(
    process: Callable[..., subprocess.CompletedProcess[str]],
    toy_env: dict[str, str],
    tmp_path: Path,
) -> None:
    mine, run = tmp_path / "mine.py", tmp_path / "r"
    mine.write_text(
        "from adabench.harness.contract.card import Card, Variant\n\n"
        'CARD = Card("Steps", role="static", fixed={"n": 2}, variants=(Variant("more", "More steps", {"n": 4}),))\n\n\n'
        "def solve(task, case, point):\n"
        '    return [task.step(case, 1.0) for _ in range(int(point["n"]))][-1]\n'
    )
    done = process("run", mine, "roots/more", *WORDS, "--counts", "--out", run, env=toy_env)
    assert done.returncode == 0, done.stderr
    steps = {r.cell.method: r.values["steps"] for r in run_folder.records(run)}
    assert steps == {"mine": 2, "more": 4}
    mine.unlink()
    assert [path.name for path in (run / "methods").iterdir()] == ["roots_mine.py"]
    read = process("report", run, "--terminal", env=toy_env)
    assert read.returncode == 0, read.stderr
    assert "not installed" not in read.stderr
