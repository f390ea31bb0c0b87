"""`adabench gate` from the outside: every exit code by the command, and what CI reads of it."""

import json
import os
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.gate import protocol
from adabench.harness.provenance import environment
from adabench.harness.store import run_folder
from tests.cli.program import PROGRAM, adabench

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

PLUGIN = Path(__file__).parent.parent / "plugin"
ROOT = PLUGIN.parent.parent
CASES, REPEATS = 40, 3
FINGERPRINT = environment.fingerprint()


pytestmark = pytest.mark.usefixtures("here")


def stored(
    folder: Path, seed: int, *, steps: float = 10.0, right: float = 1.0, latency: float = 1.0,
    scatter: float = 0.001, cases: int = CASES, machine: str = "x86_64", broken: bool = False,
    dropped: float = 0.0,
) -> Path:  # fmt: skip
    """A run of `roots/fixed` as it might have been; `right` is the share of right answers."""
    rng = np.random.default_rng(seed)
    cells = [Cell("roots", "fixed", {"steps_each": 8}, {"spread": 4.0}, "embedded", s)
             for s in (0, 1)]  # fmt: skip
    turns = [Turn(cell, repeat) for cell in cells for repeat in range(REPEATS)]
    manifest = {"environment": {**FINGERPRINT, "machine": machine}, "asked": {},
                "instruments": [], "sources": {}}  # fmt: skip
    with run_folder.create(folder, turns, manifest) as run:
        for cell, repeat, _ in turns:
            for case in range(cases):
                values = {
                    "steps": steps,
                    "right": float(case >= round((1 - right) * cases)),
                    "latency_s": 0.01 * latency * float(np.exp(rng.normal(0, scatter))),
                    "samples": 5.0,
                    "samples_dropped": dropped,
                }
                dead = broken and cell.seed == 1
                run.append(Record(cell, "solve", case, repeat, "error" if dead else "ok",
                                  {} if dead else values, "Boom: it broke" if dead else ""))  # fmt: skip
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return stored(tmp_path / "base", 0)


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("change", "code", "word", "metric"),
    [
        ({}, 0, "same", "latency_s"),
        ({"steps": 11.0}, 1, "worse", "steps"),
        ({"latency": 1.6}, 1, "worse", "latency_s"),
        ({"broken": True}, 1, "worse", "status"),
        ({"right": 0.97, "cases": 40}, 5, "ambiguous", "right"),
        ({"scatter": 1.0, "latency": 1.1}, 5, "ambiguous", "latency_s"),
        ({"machine": "aarch64"}, 3, "", "machine"),
    ],
)  # fmt: skip
def test_two_runs_and_their_exit_code(
    change: dict[str, Any], code: int, word: str, metric: str,
    base: Path, tmp_path: Path, toy_env: dict[str, str],
) -> None:  # fmt: skip
    head = stored(tmp_path / "head", 1, **change)
    done = adabench("gate", base, head, "--json", env=toy_env)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if not word:
        assert metric in done.stderr
        return
    rows = {row["metric"]: row for row in told(done)["rows"]}
    assert rows[metric]["verdict"] == word
    assert told(done)["exit"] == code


def test_equal_code_on_a_noisy_machine_passes_and_says_what_is_not_compared(
    tmp_path: Path, toy_env: dict[str, str]
) -> None:
    a, b = (stored(tmp_path / name, seed, dropped=5.0) for seed, name in enumerate("ab"))
    done = adabench("gate", a, b, "--junit", tmp_path / "gate.xml", env=toy_env)
    assert done.returncode == 0, done.stdout
    lines = [line for line in done.stdout.splitlines() if "invalid   " in line]
    assert lines == [line for line in lines if "latency_s of 1 configurations are not" in line]
    assert len(lines) == 1
    (suite,) = ET.parse(tmp_path / "gate.xml").getroot()
    assert (suite.get("errors"), suite.get("failures")) == ("0", "0")
    required = adabench("gate", a, b, "--require", "latency", env=toy_env)
    assert required.returncode == 3
    assert "required  latency: nothing valid of it was measured" in required.stdout


def test_two_points_of_accuracy_lost_are_a_regression(
    tmp_path: Path, toy_env: dict[str, str]
) -> None:
    base = stored(tmp_path / "base", 0, cases=400)
    head = stored(tmp_path / "head", 1, cases=400, right=0.98)
    done = adabench("gate", base, head, "--json", env=toy_env)
    assert done.returncode == 1, done.stderr
    [row] = [row for row in told(done)["rows"] if row["metric"] == "right"]
    assert row["effect"] == pytest.approx(-0.02)
    assert (row["verdict"], row["evidence"]) == ("worse", "cases")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["one"], 2, "BASE and HEAD"),
        (["{base}", "/nowhere"], 3, "not a run"),
        (["{base}", "{base}", "--margin", "latency_s=fast"], 2, "no margin"),
        (["{base}", "{base}", "--margin", "latensy_s=3%"], 2, "latency_s"),
        (["roots", "--rev", ".."], 2, "main..HEAD"),
        (["--rev", "a..b"], 2, "which methods"),
        (["roots", "--rev", "a..b", "--budget", "soon"], 2, "5m"),
        (["roots", "--rev", "a..b", "--install", "magic"], 2, "fast or full"),
        (["roots", "--rev", "a..b"], 2, "git"),
    ],
)
def test_bad_words_end_in_a_sentence(
    words: list[str], code: int, says: str, base: Path, tmp_path: Path, toy_env: dict[str, str]
) -> None:
    done = adabench("gate", *(word.format(base=base) for word in words), env=toy_env, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_what_github_reads(base: Path, tmp_path: Path, toy_env: dict[str, str]) -> None:
    head = stored(tmp_path / "head", 1, steps=11.0)
    step, report = tmp_path / "summary.md", tmp_path / "deep" / "gate.xml"
    actions = {**toy_env, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(step)}
    done = adabench("gate", base, head, "--junit", report, env=actions)
    assert done.returncode == 1
    [line] = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert line.startswith(
        "::error title=adabench gate%3A roots/fixed (spread=4.0%2C steps_each=8)::"
    )
    assert "steps worse: +10.00%25" in line
    assert "❌ worse" in step.read_text()
    root = ET.parse(report).getroot()
    assert (root.get("failures"), root.get("errors")) == ("1", "0")
    [failure] = root.iter("failure")
    assert "+10.00%" in failure.get("message", "")
    assert len(list(root.iter("testcase"))) == int(root.get("tests", "0")) == 3


def test_a_clean_gate_annotates_nothing(
    base: Path, tmp_path: Path, toy_env: dict[str, str]
) -> None:
    done = adabench("gate", base, base, env={**toy_env, "GITHUB_ACTIONS": "true"})
    assert done.returncode == 0
    assert "::" not in done.stdout
    assert done.stdout.rstrip().endswith("pass (exit 0)")
    assert not list(tmp_path.glob("*.xml"))


def test_json_stays_the_only_line_of_stdout(
    base: Path, tmp_path: Path, toy_env: dict[str, str]
) -> None:
    head = stored(tmp_path / "head", 1, steps=11.0)
    actions = {**toy_env, "GITHUB_ACTIONS": "true"}
    done = adabench("gate", base, head, "--json", env=actions)
    assert told(done)["counts"]["worse"] == 1
    assert len(done.stdout.splitlines()) == 1
    assert "::error" in done.stderr


def test_a_verdict_stands_although_nobody_reads_it(
    base: Path, tmp_path: Path, toy_env: dict[str, str]
) -> None:
    """A gate that is piped into `head` must not turn green."""
    head = stored(tmp_path / "head", 1, steps=11.0)
    for verb in ("gate", "compare"):
        reading, writing = os.pipe()
        os.close(reading)
        words = [PROGRAM, verb, str(base), str(head)]
        done = subprocess.run(
            words, env=toy_env, stdout=writing, stderr=subprocess.PIPE, check=False
        )
        os.close(writing)
        assert done.returncode == 1
        assert b"Broken pipe" not in done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A plug-in with two commits; the second one takes one step more."""
    root = tmp_path / "plugin"
    shutil.copytree(PLUGIN, root, ignore=shutil.ignore_patterns("__pycache__"))
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, "one")
    take_one_step_more(root / "adabench_toy" / "fixed.py")
    commit(root, "one step more")
    return root


def take_one_step_more(method: Path) -> None:
    text = method.read_text()
    method.write_text(
        text.replace('range(int(point["steps_each"]))', 'range(int(point["steps_each"]) + 1)')
    )
    assert method.read_text() != text


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", message)


def test_revisions_are_measured_side_by_side(repository: Path, tmp_path: Path) -> None:
    env = {**os.environ, "ADABENCH_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    words = ("gate", "--rev", "HEAD~1..HEAD", "roots/fixed", "--seeds", "0", "--rounds", "2",
             "--budget", "0", "--out", tmp_path / "out", "--json")  # fmt: skip
    done = adabench(*words, env=env, cwd=repository)
    assert done.returncode == 1, done.stderr
    rows = {row["metric"]: row for row in told(done)["rows"]}
    assert (rows["steps"]["verdict"], rows["steps"]["evidence"]) == ("worse", "exact")
    assert rows["steps"]["effect"] == pytest.approx(1 / 8)
    assert told(done)["interleaved"]
    assert worktrees(repository) == 1
    again = adabench("gate", tmp_path / "out/base", tmp_path / "out/head", "--json",
                     env={**env, "PYTHONPATH": str(repository)})  # fmt: skip
    assert again.returncode in (1, 5), again.stderr  # the folders are runs like any other
    assert told(again)["interleaved"]


def worktrees(repository: Path) -> int:
    """Count the checkouts of a repository, its own among them, as git keeps them."""
    return 1 + len(list(repository.glob(".git/worktrees/*")))


@pytest.mark.cold
def test_a_gate_that_is_ended_leaves_no_worktree(repository: Path, tmp_path: Path) -> None:
    """CI ends a job with SIGTERM: the checkouts go, and the exit code says which signal it was."""
    words = ("gate", "--rev", "HEAD~1..HEAD", "roots/fixed", "--seeds", "0", "--rounds", "500",
             "--out", str(tmp_path / "out"))  # fmt: skip
    env = {**os.environ, "ADABENCH_CACHE": str(tmp_path / "cache")}
    with subprocess.Popen([PROGRAM, *words], cwd=repository, env=env, stderr=subprocess.PIPE,
                          text=True) as gate:  # fmt: skip
        assert gate.stderr is not None
        said = gate.stderr.readline()  # of its first round
        assert "round 1 of 500" in said
        assert worktrees(repository) == 3
        gate.terminate()
        gate.stderr.read()
        assert gate.wait() == 128 + signal.SIGTERM
    assert worktrees(repository) == 1


FACADE = Path(*protocol.MODULE.split(".")[1:]).with_suffix(".py")


def planted(root: Path, **sides: str | None) -> Path:
    """A repository of two commits, base and head, whose adabench holds no more than a facade."""
    (root / "harness").mkdir(parents=True)
    (root / "pyproject.toml").write_text(
        '[project]\nname = "adabench"\nversion = "0"\n'
        '[tool.hatch.build.targets.wheel]\nonly-include = ["harness"]\n'
    )
    git(root, "init", "--quiet", "--initial-branch=main")
    for side, facade in sides.items():
        (root / "harness" / "side.py").write_text(f"NAME = {side!r}\n")
        shutil.rmtree(root / "harness" / "gate", ignore_errors=True)
        (root / "harness" / "gate.py").unlink(missing_ok=True)
        if facade is None:  # as it was before there was a facade: a module of the package's name
            (root / "harness" / "gate.py").write_text("WORDS = ()\n")
        else:
            (root / FACADE).parent.mkdir()
            (root / FACADE).write_text(facade)
        commit(root, side)
    return root


@pytest.mark.parametrize(
    ("base_facade", "says"),
    [(None, "main~1 ({commit}) has none"), ("VERSION = 99\n", "main~1 ({commit}) has version 99")],
)
def test_revisions_that_speak_no_common_protocol_cannot_be_compared(
    base_facade: str | None, says: str, tmp_path: Path
) -> None:
    root = planted(
        tmp_path / "repository", base=base_facade, head=f"VERSION = {protocol.VERSION}\n"
    )
    words = ("gate", "--rev", "main~1..main", "paging/lru", "--out", tmp_path / "out")
    done = adabench(*words, env=dict(os.environ), cwd=root)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    message, hint = done.stderr.strip().splitlines()
    short = subprocess.run(["git", "rev-parse", "main~1"], cwd=root, capture_output=True, text=True,
                           check=True).stdout[:10]  # fmt: skip
    assert "cannot be compared" in message
    assert says.format(commit=short) in message
    assert "adabench run SELECTION" in hint
    assert "adabench gate BASE HEAD" in hint
    assert not (tmp_path / "out").exists()
    assert worktrees(root) == 1


def test_revisions_of_adabench_run_their_own_code(tmp_path: Path) -> None:
    """Two commits of this very program, with the toy as its only task."""
    root = tmp_path / "repository"
    for name in ("harness", "profilers", "kernels"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    folder = root / "workloads" / "roots"
    (folder / "methods").mkdir(parents=True)
    shutil.copy(PLUGIN / "adabench_toy" / "task.py", folder)
    method = folder / "methods" / "fixed.py"
    source = (PLUGIN / "adabench_toy" / "fixed.py").read_text()
    method.write_text(source.replace("adabench_toy", "adabench.workloads.roots"))
    project = (ROOT / "pyproject.toml").read_text()
    folders = '["cli", "harness", "workloads", "profilers", "kernels", "reports"]'
    assert f"only-include = {folders}\n" in project
    (root / "pyproject.toml").write_text(
        project.replace(folders, '["harness", "workloads", "profilers", "kernels"]')
    )
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, "one")
    take_one_step_more(method)
    commit(root, "one step more")
    env = {**os.environ, "ADABENCH_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    words = ("gate", "--rev", "HEAD~1..HEAD", "roots/fixed", "--seeds", "0", "--rounds", "1",
             "--budget", "0", "--out", tmp_path / "out", "--json")  # fmt: skip
    done = adabench(*words, env=env, cwd=root)
    assert done.returncode == 1, done.stderr
    rows = {row["metric"]: row for row in told(done)["rows"]}
    assert (rows["steps"]["verdict"], rows["steps"]["evidence"]) == ("worse", "exact")
    assert rows["steps"]["effect"] == pytest.approx(1 / 8)
    assert worktrees(root) == 1


def test_an_unknown_revision_is_a_sentence(repository: Path) -> None:
    done = adabench(
        "gate", "--rev", "HEAD~1..nowhere", "roots", env=dict(os.environ), cwd=repository
    )
    assert done.returncode == 2
    assert "no revision 'nowhere'" in done.stderr
