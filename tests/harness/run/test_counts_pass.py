"""The counts pass: the values of the times pass without its clock, on any number of cores."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adabench.harness.contract.record import Record, Turn
from adabench.harness.contract.registry import find
from adabench.harness.errors import SelectionError
from adabench.harness.plan.grid import plan, select_settings
from adabench.harness.run import counts_pass, counts_pool, run_request
from adabench.harness.run import execute as execution
from adabench.harness.run.counts_pool import CountsPool, count_turns, shares_of
from adabench.harness.run.execute import Bench, execute
from adabench.harness.run.method_handle import MethodHandle
from adabench.harness.run.open_turn import OpenTurn
from adabench.harness.run.run_request import RunRequest
from adabench.harness.run.settings import Limits, Settings
from adabench.harness.run.trial_rules import INSTRUMENTS
from adabench.harness.store import run_folder
from adabench.harness.store.counted_cells import CountedCells

SETTINGS = Settings(window_s=0.0)
BODY = "return task.step(case, 1.0)\n"
Write = Callable[..., None]
SAMPLE = frozenset({1, 4, 5, 8, 9})


def turns_of(*methods: str, counts: bool = True, seeds: tuple[int, ...] = (0,)) -> tuple[Turn, ...]:
    selections = [
        select_settings(find("roots"), find(f"roots/{name}"), star=False) for name in methods
    ]
    return plan(selections, seeds=seeds, counts=counts)


def counted(*methods: str, cores: int = 1, limits: Limits | None = None) -> list[Record]:
    return list(count_turns(turns_of(*methods), SETTINGS, limits or Limits(), cores=cores))


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every bench joins in at once: these runs are over before a further one usually would."""
    monkeypatch.setattr(counts_pool, "JOIN_AFTER_S", 0.0)


@pytest.mark.usefixtures("toy")
def test_values_are_those_of_the_times_pass_without_what_clocks_say() -> None:
    timed = list(execute(turns_of("fixed", "residual", counts=False), SETTINGS))
    found = {record.unit: record for record in counted("fixed", "residual")}
    assert len(found) == len(timed) == 24
    for record in timed:
        other = found[record.unit]
        assert other.group == record.group
        assert not [name for name in other.values if name.endswith(("_s", "_j", "_bytes"))]
        assert other.values.items() <= record.values.items()
        assert record.values.keys() - other.values.keys() <= {
            name for name in record.values if name.endswith(("_s", "_j", "_bytes")) or name in INSTRUMENTS
        }  # fmt: skip


@pytest.mark.usefixtures("toy")
def test_some_cases_of_a_cell_are_timed_and_the_others_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = turns_of("fixed", "residual", counts=False)
    all_timed = {record.unit: record for record in execute(turns, SETTINGS)}
    monkeypatch.setattr(execution, "timed_cases", lambda opened, most: SAMPLE)
    few = replace(SETTINGS, timed_cases=5)
    found = list(execute(turns, few))
    assert [record.unit for record in found] == list(all_timed)
    assert [record.case for record in found if "latency_s" in record.values] == sorted(SAMPLE) * 2
    for record in found:
        counts = {n: v for n, v in record.values.items() if n not in INSTRUMENTS}
        counts = {n: v for n, v in counts.items() if not n.endswith(("_s", "_j", "_bytes"))}
        assert counts.items() <= all_timed[record.unit].values.items()
    done = frozenset(record.unit for record in found[:8])
    left = list(execute(turns, few, done=done))
    assert [record.unit for record in left] == [record.unit for record in found[8:]]
    assert ["latency_s" in r.values for r in left] == ["latency_s" in r.values for r in found[8:]]


@pytest.mark.usefixtures("toy")
def test_a_step_makes_the_record_of_its_own_case_whichever_others_are_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(execution, "timed_cases", lambda opened, most: SAMPLE)
    (turn,) = turns_of("fixed", counts=False)
    with closing(Bench(replace(SETTINGS, timed_cases=3), Limits())) as bench:
        found = [step.run() for step in bench.steps(turn) if step.unit.case % 3 == 1]
    assert [record.case for record in found] == [1, 4, 7, 10]
    assert ["latency_s" in record.values for record in found] == [True, True, False, False]


@pytest.mark.usefixtures("toy")
def test_of_a_list_and_of_worlds_all_cases_are_timed() -> None:
    (turn,) = turns_of("fixed", counts=False)
    with closing(Bench(SETTINGS, Limits())) as bench:
        opened = bench.open_turn(turn)
        assert isinstance(opened, OpenTurn)
        for cases, count in (("exchangeable", 3), ("nested", 12), ("fixed", 12)):
            card = replace(opened.block.entry.card, cases=cases)
            block = replace(opened.block, entry=replace(opened.block.entry, card=card))
            timed = counts_pass.timed_cases(replace(opened, block=block), 3)
            assert sum(index in timed for index in range(12)) == count
            assert {0, 1, 2} - {i for i in range(12) if i in timed} or cases != "exchangeable", (
                "a sample, and no first part"
            )


@pytest.mark.usefixtures("toy")
def test_the_journal_is_the_same_to_the_byte_on_any_number_of_cores(tmp_path: Path) -> None:
    turns = turns_of("fixed", "residual", "hindsight", "coin", seeds=(0, 1, 2))
    texts = []
    for cores in (1, 2, 5):
        folder = tmp_path / str(cores)
        with run_folder.create(folder, turns, {}) as run:
            for record in run.to_the_end(count_turns(turns, SETTINGS, Limits(), cores=cores)):
                run.append(record)
        texts.append((folder / "records.jsonl").read_bytes())
        assert len(run_folder.records(folder)) == len(turns) * 12
    assert texts[0] == texts[1] == texts[2]
    assert texts[0].count(b'"to":11') == len(turns)  # twelve cases a line


@pytest.mark.usefixtures("toy")
def test_a_run_that_was_cut_short_counts_what_is_left(tmp_path: Path) -> None:
    turns = turns_of("fixed", "residual")
    with run_folder.create(tmp_path / "r", turns, {}) as run:
        for record in counted("fixed")[:5]:
            run.append(record)
    with run_folder.resume(tmp_path / "r") as run:
        left = list(
            run.to_the_end(count_turns(run.remaining, SETTINGS, Limits(), run.done, cores=2))
        )
        for record in left:
            run.append(record)
    assert len(left) == 24 - 5 or len(left) == 12  # the turn that was ended holds five cases
    with run_folder.resume(tmp_path / "r") as run:
        assert run.remaining == ()


BAD = {
    "a crash": ("import os\nif case.group == 'far': os.abort()\n", "SIGABRT"),
    "an error": ("if case.group == 'far': 1 / 0\n", "ZeroDivisionError: division by zero\nTrace"),
    "a mutation": ("if case.group == 'far': vars(case)['value'] = 4.0\n", "changed the case"),
    "a thread": (
        "import threading, time\nif case.group == 'far':\n"
        + "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
        "left a thread running",
    ),
    "a foreign hand": (
        "import adabench.harness.contract.protocols as p\nif case.group == 'far': p.judge = None\n",
        "changed code that is not its own",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_case_that_ends_its_message_fails_alone(write_bad: Write, name: str) -> None:
    body, says = BAD[name]
    write_bad(body + BODY)
    found = counted("bad")
    assert [record.case for record in found] == list(range(12))
    assert [record.status for record in found] == ["ok", "error"] * 6
    assert all(says in record.note for record in found[1::2])
    assert all(record.values["steps"] == 1 for record in found[::2])


def test_a_case_that_hangs_is_found_in_halves(
    write_bad: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts_pass, "_message_s", lambda opened: 1e9)  # as many as there are
    write_bad("import time\nif case.group == 'far': time.sleep(600)\n" + BODY)
    found = counted("bad", limits=Limits(timeout_s=0.5))
    assert [record.status for record in found] == ["ok", "timeout"] * 6


def test_a_process_that_answers_fewer_cases_gave_none(
    toy: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = MethodHandle.reply

    def shorter(self: MethodHandle, timeout_s=None):
        said = reply(self, timeout_s)
        return {**said, "answers": said["answers"][1:]} if "answers" in said else said

    monkeypatch.setattr(MethodHandle, "reply", shorter)
    found = counted("fixed")
    assert [record.status for record in found] == ["error"] * 12
    assert all("answered fewer cases" in record.note for record in found)


LACKS = "from adabench.harness.errors import MissingAbility\n"


def test_a_method_that_lacks_an_ability_is_asked_once(write_bad: Write) -> None:
    write_bad(f"{LACKS}raise MissingAbility('states: not shown by x.', 'Take y.')\n")
    (skipped,) = counted("bad", cores=2)
    assert (skipped.status, skipped.case) == ("skipped", 0)


@pytest.mark.usefixtures("toy")
def test_what_ends_a_run_ends_it_on_every_core() -> None:
    turns = turns_of("fixed", "residual")
    wrong = [turn._replace(cell=turns[0].cell.__class__(**{**turn.cell.to_json(), "conditions": {"spread": "x"}}))
             for turn in turns]  # fmt: skip
    records = list(count_turns(wrong, SETTINGS, Limits(), cores=2))
    assert {record.status for record in records} == {"error"}


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("change", [{"scale": "gpu"}, {"conditions": {"model": "hf:x"}}])
def test_a_model_is_loaded_once(change: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    benches: list[int] = []
    monkeypatch.setattr(
        CountsPool, "records", lambda self, cores: benches.append(cores) or iter(())
    )
    turns = turns_of("fixed", "residual")
    held = turns[0]._replace(cell=replace(turns[0].cell, **change))
    for plan_ in (turns, (held, turns[1])):
        list(count_turns(plan_, SETTINGS, Limits(), cores=2))
    assert benches == [2, 1]


@pytest.mark.usefixtures("toy")
def test_turns_of_one_prepared_state_stay_together() -> None:
    turns = turns_of("fixed", "residual", seeds=(0, 1))
    for cores in (1, 3):
        shares = shares_of(turns, cores)
        assert sorted(place for share in shares for place in share.places) == [0, 1, 2, 3]
    parts = shares_of(turns[:1], 3)
    assert [share.part.cases(8) for share in parts] == [range(2), range(2, 5), range(5, 8)]


@pytest.mark.parametrize(
    ("asked", "option"),
    [
        ({"repeats": 2}, "--repeats"),
        ({"precision": 0.01}, "--target-ci"),
        ({"steady_s": 1.0}, "--warmup"),
        ({"meters": ("external:x.csv",)}, "--energy-meter"),
    ],
)
def test_what_needs_a_clock_is_refused(asked: dict[str, Any], option: str) -> None:
    with pytest.raises(SelectionError, match=option):
        run_request.check_counts(RunRequest(counts=True, **asked), energy=False)


@pytest.mark.usefixtures("toy")
def test_what_was_counted_is_taken_and_not_counted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, turns = Settings(window_s=0.0, cache_folder=tmp_path), turns_of("fixed", "coin")
    first = list(count_turns(turns, settings, Limits(), cores=2))
    monkeypatch.setattr(Bench, "process", lambda *_: pytest.fail("a method was started"))
    assert list(count_turns(turns, settings, Limits(), cores=1)) == first
    half = {record.unit for record in first[::2]}
    assert list(count_turns(turns, settings, Limits(), half, cores=1)) == first[1::2]


def test_counts_of_other_code_or_a_damaged_file_are_not_taken(
    write_bad: Write, tmp_path: Path
) -> None:
    settings, turns = Settings(window_s=0.0, cache_folder=tmp_path / "cache"), turns_of("bad")

    def values() -> list[float]:
        return [one.values["steps"] for one in count_turns(turns, settings, Limits(), cores=1)]

    write_bad(BODY)
    assert set(values()) == {1}
    write_bad("task.step(case, 1.0)\n" + BODY)
    assert set(values()) == {2}
    for path in (tmp_path / "cache").rglob("*.jsonl"):
        path.write_bytes(path.read_bytes()[:-20])
    assert set(values()) == {2}


@pytest.mark.usefixtures("toy")
def test_counts_on_a_model_that_the_run_names_are_neither_stored_nor_taken(tmp_path: Path) -> None:
    cells, (turn, *_) = CountedCells(tmp_path), turns_of("fixed")
    task, method, records = find("roots"), find("roots/fixed"), counted("fixed")
    cells.save(turn, task, method, records)
    assert cells.load(turn, task, method) == records
    changes: tuple[dict[str, Any], ...] = ({"conditions": {"model": "hf:x"}}, {"scale": "gpu"})
    for change in changes:
        named = turn._replace(cell=replace(turn.cell, **change))
        cells.save(named, task, method, [replace(one, cell=named.cell) for one in records])
        assert cells.load(named, task, method) == []
    assert len(list(tmp_path.rglob("*.jsonl"))) == 1


def test_a_turn_that_failed_is_not_stored(write_bad: Write, tmp_path: Path) -> None:
    settings, turns = Settings(window_s=0.0, cache_folder=tmp_path / "cache"), turns_of("bad")
    write_bad("if case.group == 'far': 1 / 0\n" + BODY)
    assert len(list(count_turns(turns, settings, Limits(), cores=1))) == 12
    assert not list((tmp_path / "cache").rglob("*.jsonl"))
