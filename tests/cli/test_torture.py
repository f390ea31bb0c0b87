"""kill -9 at any moment: nothing that was brought to the disk is lost, nothing is there twice.

A handful of kills here, a hundred of each kind under `slow`. What is killed is the program, called as
a user does; what is not is called in this process.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract.record import Record, Unit
from adabench.harness.distributed.merge import counts_of
from adabench.harness.errors import StoreError
from adabench.harness.store import run_folder
from tests.cli.program import adabench
from tests.suite.waits import has_happened

PROGRAM = shutil.which("adabench", path=str(Path(sys.executable).parent)) or "adabench"
WORK = ("roots", "--seeds", "0..1", "--repeats", "2")
PLUGIN = Path(__file__).parents[1] / "plugin"
Env = dict[str, str]


@pytest.fixture(scope="module")
def env(plugin_paths: list[str], tmp_path_factory: pytest.TempPathFactory) -> Env:
    """An environment with a cache and a folder for temporary files of its own."""
    base = tmp_path_factory.mktemp("torture")
    (base / "tmp").mkdir()
    extra = {"PYTHONPATH": os.pathsep.join(plugin_paths), "ADABENCH_CACHE": str(base / "cache")}
    return {**os.environ, **extra, "TMPDIR": str(base / "tmp")}


pytestmark = [pytest.mark.usefixtures("here"), pytest.mark.cold]


def kill_once(
    words: tuple[object, ...], env: Env, now: Callable[[], bool], cwd: Path | None = None
) -> bool:
    """Start the program and kill it as soon as `now` says so; say whether it lived so long."""
    with subprocess.Popen(
        [PROGRAM, *map(str, words)],
        env=env, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        has_happened(now, process)
        process.send_signal(signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


def written_bytes(folder: Path) -> int:
    """Count what a run and its shards have recorded."""
    files = [folder / run_folder.RECORDS, *folder.glob(f"shards/*/{run_folder.RECORDS}")]
    return sum(path.stat().st_size for path in files if path.exists())


def facts(folder: Path) -> dict[Unit, object]:
    return {r.unit: (r.status, r.group, counts_of(r)) for r in run_folder.records(folder)}


def ended(folder: Path) -> dict[Unit, Record]:
    """Return the records of turns that have ended: they were brought to the disk."""
    try:
        left = {(turn.cell.key, turn.repeat) for turn in run_folder.remaining(folder)}
        found = run_folder.records(folder)
    except StoreError:  # killed before it was a run
        return {}
    return {r.unit: r for r in found if (r.cell.key, r.repeat) not in left}


def command(out: Path, how: tuple[str, ...]) -> tuple[object, ...]:
    """Return the words that start a run, or go on with it."""
    begun = (out / run_folder.MANIFEST).exists()
    start = ("run", "--resume", out) if begun else ("run", *WORK, "--out", out)
    return (*start, "--no-report", *how)


def kill_and_resume(out: Path, how: tuple[str, ...], env: Env, chance: random.Random) -> None:
    """Kill a run as often as chance will have it, and go on with it to the end."""
    held: dict[Unit, Record] = {}
    for kill in range(3):
        size = chance.randrange(8_000 * (kill + 1))

        def now(size: int = size) -> bool:
            return written_bytes(out) >= size

        if not kill_once(command(out, how), env, now):
            break
        found = ended(out)
        assert held.items() <= found.items()
        held = found
    done = adabench(*command(out, how), env=env)
    assert done.returncode == 0, done.stderr
    found = {record.unit: record for record in run_folder.records(out)}
    assert held.items() <= found.items()  # to the last digit of every timing
    assert run_folder.remaining(out) == ()


def check_once(out: Path, untouched: Path, env: Env, how: tuple[str, ...]) -> None:
    """See that a run holds what an untouched one does, each unit once, and stays as it is."""
    assert facts(out) == facts(untouched)
    lines = [json.loads(line) for line in (out / run_folder.RECORDS).read_bytes().splitlines()]
    units = [
        (x["k"], x.get("p"), x["c"], x.get("r", 0)) for x in lines if "v" in x and "s" not in x
    ]
    assert len(units) == len(set(units))
    before = (out / run_folder.RECORDS).read_bytes()
    for _ in range(2):
        done = adabench("run", "--resume", out, "--no-report", *how, env=env)
        assert done.returncode == 0, done.stderr
    assert (out / run_folder.RECORDS).read_bytes() == before
    assert not list(out.glob("**/.adabench-*"))


@pytest.fixture(scope="module")
def untouched(env: Env, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("untouched") / "r"
    done = adabench("run", *WORK, "--out", out, "--no-report", env=env)
    assert done.returncode == 0, done.stderr
    return out


def cases(count: int) -> list[Any]:
    """Return ways to run, and a seed each; most of them are slow."""
    found = []
    for how in ((), ("--workers", "2"), ("--time-limit", "60")):
        for seed in range(count):
            few = seed < (0 if "--time-limit" in how else 1)
            name = f"{'-'.join(how).strip('-') or 'here'}-{seed}"
            found.append(pytest.param(how, seed, id=name, marks=() if few else pytest.mark.slow))
    return found


@pytest.mark.parametrize(("how", "seed"), cases(34))
def test_a_killed_run_ends_as_one_that_was_not(
    how: tuple[str, ...], seed: int, env: Env, untouched: Path, tmp_path: Path
) -> None:
    chance = random.Random(f"{how} {seed}")
    kill_and_resume(tmp_path / "r", how, env, chance)
    check_once(tmp_path / "r", untouched, env, how)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def site(untouched: Path, env: Env, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "s"
    done = adabench("publish", folder, untouched, env=env)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 100))]
)
def test_a_killed_publish_ends_as_one_that_was_not(
    seed: int, env: Env, untouched: Path, site: Path, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    expected = tree(site)
    out, count = tmp_path / "s", chance.randrange(len(expected))

    def now() -> bool:
        return sum(path.is_file() for path in out.rglob("*")) >= count

    kill_once(("publish", out, untouched), env, now)
    done = adabench("publish", out, untouched, env=env)
    assert done.returncode == 0, done.stderr
    assert tree(out) == expected


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]
)
def test_what_a_killed_gate_left_goes_with_the_next_start(
    seed: int, env: Env, tmp_path: Path, process: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    root = tmp_path / "plugin"
    shutil.copytree(PLUGIN, root, ignore=shutil.ignore_patterns("__pycache__"))
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "one")):
        subprocess.run(["git", *words], cwd=root, check=True)
    place = Path(env["TMPDIR"], f"adabench-{os.getuid()}")
    some = random.Random(seed).randrange(100)
    wanted = ("base", "base/.git", "head-env/front")[seed % 3]

    def now() -> bool:
        return bool(list(place.glob(f"gate-*/{wanted}"))) or (
            seed > 2 and len(list(place.glob("gate-*/**/*"))) > some
        )

    words = ("gate", "--rev", "HEAD..HEAD", "roots/fixed", "--out", tmp_path / "g")
    assert kill_once(words, env, now, root)
    assert list(place.glob("gate-*"))
    done = process(  # this one keeps its folder for temporary files
        "run", "roots/fixed", "--no-sweep", "--seeds", "0", "--out", tmp_path / "r", "--no-report",
        env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not list(place.glob("gate-*"))
    assert not list(root.glob(".git/worktrees/*"))


RECIPE = "lm-s-single-s0"
"""Forty steps from the weights of another checkpoint, then a look at held-out problems."""


@pytest.fixture(scope="module")
def trained(env: Env, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a training that nobody disturbed."""
    out = tmp_path_factory.mktemp("trained") / "c"
    done = adabench("train", RECIPE, "--out", out, env=env)
    assert done.returncode == 0, done.stderr
    return tree(out)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_killed_training_is_followed_anew(
    seed: int,
    env: Env,
    trained: dict[str, bytes],
    tmp_path: Path,
    process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Killed before a step, with its weights written, with its card, and as they come to their place.

    While it takes its steps it writes nothing: to be killed in one is to be killed before the first.
    """
    place, out = Path(env["TMPDIR"], f"adabench-{os.getuid()}"), tmp_path / "c"
    folder, wanted = (
        (place, "train-*/*"), (place, f"train-*/{RECIPE}.safetensors"),
        (place, f"train-*/{RECIPE}.json"), (out, f"*{RECIPE}*"),
    )[seed]  # fmt: skip

    def now() -> bool:
        return any(folder.glob(wanted))

    if kill_once(("train", RECIPE, "--out", out), env, now):
        assert list(place.glob("train-*"))
        whole = {name: data for name, data in tree(out).items() if not name.startswith(".")}
        assert whole.items() <= trained.items()
    done = process("train", RECIPE, "--out", out, env=env)
    assert done.returncode == 0, done.stderr
    assert tree(out) == trained  # and no drafts
    assert not list(place.glob("train-*"))
