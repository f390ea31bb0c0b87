"""Fan-out: blocks stay whole, shards are taken up again, nothing finished is lost."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.distributed import fan_out as executors
from adabench.harness.distributed import places, ray_cluster, shard
from adabench.harness.distributed.backends import Backend, FanOutOptions
from adabench.harness.distributed.fan_out import blocks, fan_out
from adabench.harness.distributed.merge import counts_of
from adabench.harness.distributed.shard import Job, Outcome
from adabench.harness.errors import EnvironmentProblem, MissingExtra, SelectionError, StoreError
from adabench.harness.plan.grid import plan, select_settings
from adabench.harness.provenance import environment, run_sources, worker_environment
from adabench.harness.run.execute import execute
from adabench.harness.run.settings import Limits, Settings
from adabench.harness.store import run_folder
from adabench.profilers.hardware.host import usable_cores

SETTINGS = Settings(window_s=1e-4)


@pytest.fixture(autouse=True)
def seen_by_workers(
    toy: None, toy_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers see the plug-in, and claim cores in a folder of this test."""
    monkeypatch.setenv("PYTHONPATH", toy_env["PYTHONPATH"])
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))


def turns_of(repeats: int = 2, seeds: Sequence[int] = (0, 1)) -> tuple[Turn, ...]:
    task = registry.find("roots")
    wishes = [
        select_settings(task, registry.find(f"roots/{name}")) for name in ("fixed", "residual")
    ]
    return plan(wishes, seeds=seeds, repeats=repeats)


def journal(folder: Path, turns: Sequence[Turn]) -> run_folder.Run:
    manifest = {"environment": environment.fingerprint(), "sources": run_sources.digests(turns)}
    return run_folder.create(folder, turns, manifest)


def here(turns: Sequence[Turn]) -> list[Record]:
    return list(execute(turns, SETTINGS))


def fanned(run: run_folder.Run, spread: FanOutOptions = FanOutOptions(workers=2)) -> list[Record]:  # noqa: B008
    found = []
    for record in fan_out(run, spread, SETTINGS, Limits()):
        run.append(record)
        found.append(record)
    return found


def facts(records: Sequence[Record]) -> list[object]:
    return [(r.unit, r.status, r.group, counts_of(r)) for r in records]


def held(folder: Path, size_bytes: int, asked: Path, ended: threading.Event) -> int:
    """Let the process that fills a shard wait there, and return its id."""
    asked.write_text(json.dumps([str(folder / run_folder.RECORDS), size_bytes]))
    while not ended.wait(0.005):
        with suppress(FileNotFoundError):
            return int(asked.with_suffix(".held").read_text())
    raise AssertionError(f"the run ended before {folder} held {size_bytes} bytes")


def test_a_block_holds_all_that_is_interleaved_and_a_plan_is_its_blocks():
    turns = turns_of(repeats=3)
    found = blocks(turns)
    assert [turn for block in found for turn in block] == list(turns)
    keys = [{(t.cell.task, t.cell.seed, str(t.cell.conditions)) for t in block} for block in found]
    assert all(len(key) == 1 for key in keys)
    assert len(set.union(*keys)) == len(found) == 4  # two seeds, two spreads
    for block in found:
        assert {turn.repeat for turn in block} == {0, 1, 2}
        assert {turn.cell.method for turn in block} == {"fixed", "residual"}


def test_a_job_survives_its_line(tmp_path: Path):
    turns = turns_of()
    job = Job(
        tmp_path, turns, {"sources": {}}, json.loads(json.dumps(SETTINGS.to_json())),
        {"timeout_s": 2.0}, 2, 1,
        (here(turns[:1])[0].unit,), ((turns[0], "why"),), {"OMP_NUM_THREADS": None},
    )  # fmt: skip
    assert shard.job_from_json(job.to_json()) == job


def test_workers_load_numpy_and_torch_only_once_they_are_pinned():
    code = "import sys, adabench.harness.distributed.shard; print({'numpy', 'torch'} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "set()", done.stderr


def test_two_workers_record_what_one_process_does(tmp_path: Path):
    turns = turns_of()
    with journal(tmp_path / "r", turns) as run:
        found = fanned(run)
    assert facts(found) == facts(here(turns))
    assert facts(run_folder.records(tmp_path / "r")) == facts(found)
    with closing(run_folder.resume(tmp_path / "r")) as run:
        assert run.remaining == ()
    cores = {
        line.split(" cores ")[1]
        for path in (tmp_path / "r" / "shards").glob("*/log.txt")
        for line in path.read_text().splitlines()
        if " cores " in line
    }
    assert all(len(json.loads(line)) == max(1, usable_cores() // 2) for line in cores)


@pytest.mark.cold
def test_a_killed_worker_loses_no_finished_unit_and_none_is_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = tmp_path / "hold.json"
    monkeypatch.setenv("ADABENCH_TOY_HOLD", str(asked))
    turns = turns_of(repeats=12, seeds=(0,))
    before: list[Record] = []

    def kill() -> None:
        folder = tmp_path / "r" / "shards" / "0000"
        os.kill(held(folder, 10_000, asked, ended), signal.SIGKILL)
        before.extend(run_folder.records(folder))

    ended, killer = threading.Event(), threading.Thread(target=kill)
    killer.start()
    try:
        with journal(tmp_path / "r", turns) as run:
            found = fanned(run, FanOutOptions(workers=1, cores=1, kind="local"))
    finally:
        ended.set()
        killer.join()
    assert 20 <= len(before) < len(blocks(turns)[0]) * 12
    kept = {record.unit: record for record in found}
    assert all(kept[record.unit] == record for record in before)  # timings too: not run again
    assert facts(found) == facts(here(turns))


def test_a_turn_that_workers_die_at_is_given_up_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    turns = turns_of(repeats=1, seeds=(0,))
    deadly = turns[2]
    calls = []

    def run(text: str) -> Outcome:
        calls.append(text)
        job = shard.job_from_json(text)
        given_up = [(turn.cell.key, turn.repeat) for turn, _ in job.lost]
        with closing(shard.open_shard(job)) as journal:
            for turn in journal.remaining:
                (job.folder / shard.AT).write_text(json.dumps([turn.cell.key, turn.repeat]))
                if (turn.cell.key, turn.repeat) in given_up:
                    why = job.lost[0][1]
                    journal.append(Record(turn.cell, "solve", -1, turn.repeat, "error", {}, why))
                elif turn == deadly:
                    return Outcome(cause="SIGSEGV")
                else:
                    for record in here([turn]):
                        if record.unit not in journal.done:
                            journal.append(record)
            journal.end_turn(turn)
        return Outcome(done=True)

    @contextmanager
    def fake(*_: object) -> Iterator[Backend]:
        yield Backend(1, run, lambda: None)

    monkeypatch.setitem(places.PLACES, "local", fake)  # type: ignore[arg-type]
    with journal(tmp_path / "r", turns) as whole:
        found = fanned(whole)
    failed = [record for record in found if record.status == "error"]
    assert [(record.cell, record.case) for record in failed] == [(deadly.cell, -1)]
    assert "3 workers died at this run: SIGSEGV" in failed[0].note
    expected = here([turn for turn in turns if turn != deadly])
    assert facts([r for r in found if r.status == "ok"]) == facts(expected)
    with closing(run_folder.resume(tmp_path / "r")) as again:
        assert again.remaining == (deadly,)


def test_workers_that_never_begin_end_the_run_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    @contextmanager
    def dead(*_: object) -> Iterator[Backend]:
        yield Backend(1, lambda text: Outcome(cause="exit code 127"), lambda: None)

    monkeypatch.setitem(places.PLACES, "local", dead)  # type: ignore[arg-type]
    with (
        journal(tmp_path / "r", turns_of()) as run,
        pytest.raises(EnvironmentProblem, match="3 workers died outside of every run"),
    ):
        fanned(run)


def test_a_source_that_is_not_the_parents_is_refused(tmp_path: Path):
    turns = turns_of(repeats=1, seeds=(0,))
    manifest = {
        "environment": environment.fingerprint(),
        "sources": run_sources.digests(turns) | {"roots/fixed": "0" * 64},
    }
    with (
        run_folder.create(tmp_path / "r", turns, manifest) as run,
        pytest.raises(EnvironmentProblem, match=r"other code.*roots/fixed"),
    ):
        fanned(run)
    assert not list((tmp_path / "r" / "shards").glob(f"*/{run_folder.RECORDS}"))


def test_workers_are_held_against_each_other_and_not_against_who_started_them(tmp_path: Path):
    """A login node has another processor, fewer cores, no GPU; its workers work all the same."""
    turns = turns_of(repeats=1, seeds=(0,))
    login = environment.fingerprint() | {"cpu_model": "Abacus", "cores": 999, "gpus": ["Quill"]}
    manifest = {"environment": login, "sources": run_sources.digests(turns)}
    with run_folder.create(tmp_path / "r", turns, manifest) as run:
        assert facts(fanned(run)) == facts(here(turns))
    stored = run_folder.read_manifest(tmp_path / "r")
    assert stored["environment"]["cpu_model"] == "Abacus"  # who may go on with it
    told = worker_environment.measured(stored)
    assert told["environment"]["cpu_model"] == environment.fingerprint()["cpu_model"]
    assert told["worker_cores"] == max(1, usable_cores() // 2)
    shards = [
        run_folder.read_manifest(path.parent) for path in tmp_path.glob("r/shards/*/run.json")
    ]
    assert {shard["environment"]["cpu_model"] for shard in shards} == {
        told["environment"]["cpu_model"]
    }


def test_a_worker_unlike_those_before_it_is_left_out_and_without_another_the_run_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    own = environment.fingerprint()
    with journal(tmp_path / "r", turns_of()) as run:
        worker_environment.agree(
            tmp_path / "r",
            {"environment": own | {"cpu_model": "Abacus"}, "worker_cores": 1, "worker_gpus": 0},
        )
        with pytest.raises(EnvironmentProblem, match=r"cpu_model \(Abacus there"):
            fanned(run, FanOutOptions(workers=1, cores=1))
    assert "is left out" in caplog.text
    assert run_folder.records(tmp_path / "r") == []


def test_a_resumed_run_gives_its_workers_as_many_cores_as_before(tmp_path: Path):
    turns = turns_of(repeats=1)
    with journal(tmp_path / "r", turns) as run:
        first = fan_out(run, FanOutOptions(workers=1, cores=1), SETTINGS, Limits())
        run.append(next(iter(first)))
        first.close()  # type: ignore[attr-defined]
    with run_folder.resume(tmp_path / "r") as run:
        fanned(run, FanOutOptions())
    stored = run_folder.read_manifest(tmp_path / "r")
    assert stored["workers"]["worker_cores"] == 1
    assert len(run_folder.records(tmp_path / "r")) == len(here(turns))


def test_blocks_reuse_a_warm_worker(tmp_path: Path):
    turns = turns_of(repeats=1)
    with journal(tmp_path / "r", turns) as run:
        fanned(run, FanOutOptions(workers=1, cores=1))
    logs = [path.read_text() for path in (tmp_path / "r" / "shards").glob("*/log.txt")]
    assert len(logs) == len(blocks(turns)) == 4
    assert sum(text.count("This is process") for text in logs) == 1


def test_a_shard_of_another_run_is_refused(tmp_path: Path):
    with journal(tmp_path / "r", turns_of(seeds=(0,))) as run:
        fanned(run)
    (tmp_path / "s").mkdir()
    (tmp_path / "r" / "shards").rename(tmp_path / "s" / "shards")
    with (
        journal(tmp_path / "s", turns_of(seeds=(1,))) as run,
        pytest.raises(StoreError, match="part of another run"),
    ):
        fanned(run)


def test_more_cores_than_there_are_are_refused(tmp_path: Path):
    with (
        journal(tmp_path / "r", turns_of()) as run,
        pytest.raises(SelectionError, match="do not fit"),
    ):
        fanned(run, FanOutOptions(workers=2, cores=os.cpu_count()))


@pytest.mark.parametrize(("kind", "module"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_extra_says_how_to_get_it(
    kind: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, module, None)
    with journal(tmp_path / "r", turns_of()) as run, pytest.raises(MissingExtra) as caught:
        fanned(run, FanOutOptions(kind))
    assert "pip install 'adabench[cluster]'" in caught.value.hint


def test_what_no_machine_of_a_cluster_has_is_refused_rather_than_waited_for():
    nodes = [
        {"NodeID": "a" * 32, "Alive": True, "Resources": {"CPU": 4.0}},
        {"NodeID": "b" * 32, "Alive": False, "Resources": {"GPU": 8}},
    ]
    (node,) = ray_cluster._fitting(nodes, {"CPU": 2, "GPU": 0})
    assert node.room == 2
    with pytest.raises(EnvironmentProblem, match="8 CPU"):
        ray_cluster._fitting(nodes, {"CPU": 8, "GPU": 0})
    with pytest.raises(EnvironmentProblem, match="1 GPU"):
        ray_cluster._fitting(nodes, {"CPU": 4, "GPU": 1})


def test_limits_hold_in_a_worker_too(tmp_path: Path):
    turns = turns_of(repeats=1, seeds=(0,))[:1]
    slow = replace(SETTINGS, window_s=0.5)
    with journal(tmp_path / "r", turns) as run:
        found = list(fan_out(run, FanOutOptions(workers=1), slow, Limits(timeout_s=0.002)))
    statuses = {record.status for record in found}
    assert "timeout" in statuses
    assert statuses <= {"timeout", "ok"}, "a quick case may still make it"


def test_the_words_of_a_block_are_those_of_the_plan():
    cell = Cell("t", "m", {}, {"b": 1, "a": 2}, "embedded", 3)
    assert executors._block(Turn(cell, 0)) == ("t", 3, "[('a', 2), ('b', 1)]")
