"""`adabench compare` from the outside: its exit codes, its document, and what it prints."""

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.store import run_folder
from tests.cli.program import PROGRAM, adabench

pytestmark = pytest.mark.usefixtures("in_process")

HERE: dict[str, Any] = {
    "environment": {"system": "Linux", "cpu_model": "Xeon", "cores": 8, "torch": "2.9.0"},
    "sources": {"roots/fixed": "1" * 64},
    "instruments": [],
    "unwatched": {},
}


def records(
    cell: Cell, stream: int, *, slower: float, more: float, dropped: float, noise: float
) -> Iterator[Record]:
    rng = random.Random(1000 * stream + cell.seed)
    for case in range(40):
        values = {
            "latency_s": 0.01 * slower * rng.lognormvariate(0, noise),
            "samples": 10.0,
            "samples_dropped": dropped,
            "steps": 5.0 + case % 3 + more,
            "right": 1.0,
        }
        yield Record(cell, "solve", case, 0, "ok", values)


def made(
    folder: Path,
    stream: int,
    *,
    slower: float = 1.0,
    more: float = 0.0,
    dropped: float = 0.0,
    noise: float = 0.01,
    seeds: tuple[int, ...] = (0, 1),
    spread: float = 4.0,
    **environment: Any,
) -> Path:
    """Write a run of the toy task, the method of which was never asked."""
    cells = [Cell("roots", "fixed", {}, {"spread": spread}, "embedded", seed) for seed in seeds]
    manifest = {**HERE, "environment": {**HERE["environment"], **environment}}
    with run_folder.create(folder, [Turn(cell, 0) for cell in cells], manifest) as run:
        for cell in cells:
            how = {"slower": slower, "more": more, "dropped": dropped, "noise": noise}
            for record in records(cell, stream, **how):
                run.append(record)
    return folder


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def words(found: dict[str, Any], place: int = 0) -> dict[str, str]:
    return {row["metric"]: row["verdict"] for row in found["comparisons"][place]["rows"]}


def test_the_command_is_installed(toy_env: dict[str, str], tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 1), made(tmp_path / "b", 2, slower=1.05)
    done = subprocess.run(
        [PROGRAM, "compare", a, b], env=toy_env, capture_output=True, text=True, check=False
    )
    here = adabench("compare", a, b, env=toy_env)
    assert (done.returncode, done.stdout) == (here.returncode, here.stdout) == (1, here.stdout)


def test_0_when_nothing_is_worse(toy_env: dict[str, str], tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 1), made(tmp_path / "b", 2)
    done = adabench("compare", a, b, "--json", env=toy_env)
    assert done.returncode == 0, done.stderr
    found = document(done)
    assert words(found) == {"latency_s": "same", "steps": "same", "right": "same"}
    assert found["counts"]["same"] == 3
    strict = adabench("compare", a, b, "--strict", env=toy_env)
    assert strict.returncode == 0, strict.stderr
    assert "3 same" in " ".join(strict.stdout.split())


def test_1_when_something_is_worse(toy_env: dict[str, str], tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 1), made(tmp_path / "b", 2, slower=1.05, more=1)
    done = adabench("compare", a, b, env=toy_env)
    assert done.returncode == 1, done.stderr
    assert done.stdout.count("worse") >= 2
    assert "latency_s" in done.stdout
    assert "steps" in done.stdout
    found = document(adabench("compare", a, b, "--json", env=toy_env))
    assert found["exit"] == 1
    (row,) = (r for r in found["comparisons"][0]["rows"] if r["metric"] == "latency_s")
    assert row["effect"]["low"] < 1.05 < row["effect"]["high"]
    assert row["effect"]["n"] == 80
    back = adabench("compare", b, a, "--json", env=toy_env)
    assert back.returncode == 0
    assert words(document(back))["latency_s"] == "better"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (["--margin", "latency_s"], "latency_s=3%"),
        (["--margin", "latncy_s=3%"], "latency_s"),
        (["--margin", "right=3%"], "1pt"),
        (["--metric", "rihgt"], "right"),
    ],
)
def test_2_for_what_makes_no_sense(
    asked: list[str], says: str, toy_env: dict[str, str], tmp_path: Path
) -> None:
    a, b = made(tmp_path / "a", 1), made(tmp_path / "b", 2)
    done = adabench("compare", a, b, *asked, env=toy_env)
    assert done.returncode == 2
    assert says in done.stderr
    assert not done.stdout


def test_3_for_unlike_hardware_unless_asked_for(toy_env: dict[str, str], tmp_path: Path) -> None:
    a = made(tmp_path / "a", 1)
    b = made(tmp_path / "b", 2, slower=3.0, cpu_model="Epyc", cores=64)
    done = adabench("compare", a, b, env=toy_env)
    assert done.returncode == 3
    assert "cpu_model (Xeon | Epyc)" in done.stderr
    assert "cores (8 | 64)" in done.stderr
    assert "--across-hardware" in done.stderr
    across = adabench("compare", a, b, "--across-hardware", "--json", env=toy_env)
    assert across.returncode == 0, across.stderr
    found = document(across)
    assert words(found) == {"steps": "same", "right": "same"}
    assert any("--hardware" in note for note in found["comparisons"][0]["notes"])
    assert {"cpu_model", "cores"} <= {d["key"] for d in found["comparisons"][0]["differences"]}


def test_3_when_nothing_is_in_common_or_no_run(toy_env: dict[str, str], tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 1), made(tmp_path / "b", 2, spread=2.0)
    done = adabench("compare", a, b, env=toy_env)
    assert done.returncode == 3
    assert "nothing in common" in done.stderr
    missing = adabench("compare", a, tmp_path / "nowhere", env=toy_env)
    assert missing.returncode == 3
    assert "not a run" in missing.stderr


INVALID: dict[str, Any] = {"dropped": 5.0}
AMBIGUOUS: dict[str, Any] = {"noise": 0.2}


@pytest.mark.parametrize(
    ("sides", "asked", "code", "says"),
    [
        (({}, {"slower": 1.05}), ["--margin", "latency_s=10%", "--strict"], 0, ""),
        (({}, INVALID), [], 0, "timing invalid: 50% of the samples"),
        (({}, INVALID), ["--strict"], 3, ""),
        (({}, INVALID), ["--metric", "latency_s"], 3, ""),
        ((AMBIGUOUS, AMBIGUOUS), [], 0, "ambiguous"),
        ((AMBIGUOUS, AMBIGUOUS), ["--strict"], 5, ""),
    ],
)
def test_margins_and_strictness_decide_the_code(
    sides: tuple[dict[str, Any], ...], asked: list[str], code: int, says: str,
    toy_env: dict[str, str], tmp_path: Path,
) -> None:  # fmt: skip
    a, b = (
        made(tmp_path / name, k, **how)
        for k, (name, how) in enumerate(zip("ab", sides, strict=True), 1)
    )
    done = adabench("compare", a, b, *asked, env=toy_env)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in done.stdout


def test_what_only_one_run_holds_is_listed(toy_env: dict[str, str], tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 1, seeds=(0, 1, 2)), made(tmp_path / "b", 2, torch="2.10.0")
    done = adabench("compare", a, b, env=toy_env)
    assert f"Only in {a}: roots/fixed, seed 2" in " ".join(done.stdout.split())
    assert "torch" in done.stdout
    found = document(adabench("compare", a, b, "--json", env=toy_env))
    (cell,) = found["comparisons"][0]["only_in_base"]
    assert cell["seed"] == 2
    assert found["comparisons"][0]["only_in_other"] == []


def test_every_other_run_is_held_against_the_first(toy_env: dict[str, str], tmp_path: Path) -> None:
    runs = [
        made(tmp_path / n, s, slower=f) for s, (n, f) in enumerate([("a", 1), ("b", 1), ("c", 2)])
    ]
    done = adabench("compare", *runs, "--json", env=toy_env)
    assert done.returncode == 1
    found = document(done)
    assert found["base"] == str(runs[0])
    assert [one["other"] for one in found["comparisons"]] == [str(run) for run in runs[1:]]
    assert words(found)["latency_s"] == "same"
    assert words(found, 1)["latency_s"] == "worse"


def test_all_shows_what_is_the_same(toy_env: dict[str, str], tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 1), made(tmp_path / "b", 2)
    brief, whole = (adabench("compare", a, b, *more, env=toy_env) for more in ((), ("--all",)))
    assert "latency_s" not in brief.stdout
    assert "latency_s" in whole.stdout
    assert "equal on every pair" in whole.stdout
