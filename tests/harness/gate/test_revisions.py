"""Revisions in environments of their own: whose code runs, and what is left behind."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adabench.harness.errors import EnvironmentProblem, SelectionError
from adabench.harness.gate import revisions

PLUGIN = Path(__file__).parents[2] / "plugin"
ROOT = Path(__file__).parents[3]


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *who, *words], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", message)


def seen(python: Path, code: str) -> str:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([python, "-P", "-c", code], capture_output=True, text=True, env=env,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    root = tmp_path / "plugin"
    shutil.copytree(PLUGIN, root, ignore=shutil.ignore_patterns("__pycache__"))
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, "one")
    (root / "adabench_toy" / "mark.py").write_text("HERE = 2\n")
    text = (root / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(text.replace('"0.1"', '"0.2"').replace(
        'dependencies = ["adabench"]', 'dependencies = ["adabench", "tomli>=2"]'))  # fmt: skip
    commit(root, "two")
    return root


@pytest.fixture
def adabench(tmp_path: Path) -> Path:
    """A repository that holds just enough of adabench."""
    root = tmp_path / "adabench"
    folders = ("cli", "harness", "workloads", "profilers", "kernels", "reports")
    for name in folders:
        (root / name).mkdir(parents=True)
        (root / name / "py.typed").touch()
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "harness" / "only.py").write_text("NUMBER = 1\n")
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, "one")
    (root / "harness" / "only.py").write_text("NUMBER = 2\n")
    commit(root, "two")
    return root


def test_a_plugins_revisions_run_their_own_code(plugin: Path) -> None:
    with revisions.ready(("HEAD~1", "main"), plugin / "adabench_toy", "fast") as (base, head):
        code = "from importlib.util import find_spec; print(find_spec('adabench_toy.mark') is not None)"
        assert [seen(side.python, code) for side in (base, head)] == ["False", "True"]
        version = "from importlib.metadata import version; print(version('adabench-toy'))"
        assert [seen(side.python, version) for side in (base, head)] == ["0.1", "0.2"]
        listed = (
            "from adabench.harness.contract import registry; print('roots' in registry.tasks())"
        )
        assert seen(head.python, listed) == "True"
        assert revisions.unlike_dependencies(base, head) == ["tomli>=2"]
        assert head.label.startswith("main (")
        trees = git(plugin, "worktree", "list").splitlines()
        assert len(trees) == 3
    assert len(git(plugin, "worktree", "list").splitlines()) == 1
    assert not head.python.exists()


def test_nothing_of_the_installed_adabench_leaks_into_a_revision(adabench: Path) -> None:
    """The installed one has harness/gate/; the revision has not, and must not see it."""
    with revisions.ready(("HEAD~1", "HEAD"), adabench, "fast") as (base, head):
        own = "from adabench.harness.only import NUMBER; print(NUMBER)"
        assert [seen(side.python, own) for side in (base, head)] == ["1", "2"]
        leak = "from importlib.util import find_spec; print(find_spec('adabench.harness.gate'))"
        assert seen(head.python, leak) == "None"
        assert seen(head.python, "import numpy; print('numpy' in numpy.__name__)") == "True"


def test_a_revision_has_the_public_names_of_its_own(adabench: Path) -> None:
    (adabench / "reports" / "notebook").mkdir()
    (adabench / "reports" / "notebook" / "api.py").write_text("PUBLIC = 3\n")
    commit(adabench, "three")
    with revisions.ready(("HEAD~1", "HEAD"), adabench, "fast") as (base, head):
        code = "import adabench; print(getattr(adabench, 'PUBLIC', None), len(adabench.__path__))"
        assert [seen(side.python, code) for side in (base, head)] == ["None 1", "3 1"]


def test_all_is_gone_even_when_something_breaks(plugin: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="boom"),
        revisions.ready(("HEAD~1", "HEAD"), plugin, "fast") as (base, _),
    ):
        raise RuntimeError("boom")
    assert not base.python.exists()
    assert len(git(plugin, "worktree", "list").splitlines()) == 1
    assert git(plugin, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("text", "pair"),
    [("main..HEAD", ("main", "HEAD")), ("v1", ("v1", "HEAD")), ("a..b/c", ("a", "b/c"))],
)
def test_two_names(text: str, pair: tuple[str, str]) -> None:
    assert revisions.split(text) == pair


@pytest.mark.parametrize("text", ["", "..", "main..", "..HEAD", "a...b", "--upload-pack=x..b"])
def test_no_two_names(text: str) -> None:
    with pytest.raises(SelectionError, match="no two revisions"):
        revisions.split(text)


def test_what_cannot_be_used_is_said(plugin: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(SelectionError, match="no revision 'nowhere'"),
        revisions.ready(("nowhere", "HEAD"), plugin, "fast"),
    ):
        pass
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(EnvironmentProblem, match=r"no readable pyproject\.toml"):
        revisions.project(empty)
    (empty / "pyproject.toml").write_text('[project]\nname = "other"\n')
    with pytest.raises(EnvironmentProblem, match=r"declares neither adabench\.tasks"):
        revisions.project(empty)


@pytest.mark.slow
def test_full_is_pip_and_its_failure_a_sentence(
    plugin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip itself runs here, without an index: what it cannot find it says."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(EnvironmentProblem, match="pip could not install"):
        revisions.installed(plugin, tmp_path / "env", "full")
    assert Path(sys.executable).exists()
