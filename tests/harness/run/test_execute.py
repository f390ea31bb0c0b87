"""The one path on which methods are run: processes of their own, and what becomes of bad ones."""

import json
import os
import selectors
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from adabench.harness.contract.card import Card, Metric
from adabench.harness.contract.record import Record, Turn
from adabench.harness.contract.registry import find
from adabench.harness.errors import MethodContractError, SelectionError
from adabench.harness.plan.grid import plan, select_settings
from adabench.harness.plan.request import PlanRequest, expand
from adabench.harness.run import method_handle
from adabench.harness.run.case_trace import TraceRequest, trace_case
from adabench.harness.run.descendants import descendants
from adabench.harness.run.execute import execute
from adabench.harness.run.record_values import check_laps, check_values, join_values
from adabench.harness.run.settings import Limits, Settings, settings_from_json
from adabench.profilers.timing.stopping import Target

pytestmark = pytest.mark.cold  # servers are to be below the test

SETTINGS = Settings(window_s=0.0)
CARD = Card("t", metrics=(Metric("steps", "", "lower", "work", True),
                          Metric("right", "", "higher", "quality", True)))  # fmt: skip
BODY = "return task.step(case, 1.0)\n"
Write = Callable[..., None]


def turns_of(*methods: str) -> tuple[Turn, ...]:
    return plan([select_settings(find("roots"), find(f"roots/{name}"), star=False) for name in methods],
                seeds=(0,))  # fmt: skip


def run(*methods: str, limits: Limits | None = None) -> dict[str, list[Record]]:
    """Run methods of the toy task side by side, and see that nothing of them is left running."""
    before = set(descendants(os.getpid()))  # a fixture that other tests share may hold a process
    records = list(execute(turns_of(*methods), SETTINGS, limits=limits))
    assert set(descendants(os.getpid())) <= before
    return {name: [r for r in records if r.cell.method == name] for name in methods}


def statuses(records: list[Record]) -> list[str]:
    return [record.status for record in records]


@pytest.mark.usefixtures("toy")
def test_records_come_in_the_order_of_the_plan_with_counts_and_scores() -> None:
    turns = turns_of("fixed", "residual", "hindsight")
    records = list(execute(turns, SETTINGS))
    assert [(r.cell.key, r.case) for r in records] == [
        (turn.cell.key, case) for turn in turns for case in range(12)
    ]
    assert {r.values["steps"] for r in records if r.cell.method == "fixed"} == {8}
    assert all(r.values["right"] == 1 for r in records if r.cell.method == "residual")
    assert {r.group for r in records} == {"near", "far"}


@pytest.mark.usefixtures("toy")
def test_units_that_are_done_are_left_out() -> None:
    turns = turns_of("fixed")
    first, *rest = execute(turns, SETTINGS)
    again = list(execute(turns, SETTINGS, done={record.unit for record in rest}))
    assert [record.unit for record in again] == [first.unit]


BAD = {
    "a crash": ("import os\nif case.group == 'far': os.abort()\n", "SIGABRT"),
    "an exit": ("import os\nif case.group == 'far': os._exit(0)\n", "exit code 0 without an end"),
    "a quiet exit": ("import sys\nif case.group == 'far': sys.exit(0)\n", "SystemExit: 0"),
    "an error": ("if case.group == 'far': 1 / 0\n", "ZeroDivisionError: division by zero\nTrace"),
    "a signal": ("import os, signal\nif case.group == 'far': os.kill(os.getpid(), 15)\n", "SIGTERM"),
    "a mutation": ("if case.group == 'far': vars(case)['value'] = 4.0\n", "changed the case"),
    "an odd answer": (
        "class Late(float):\n    pass\nif case.group == 'far': return Late(2.0)\n",
        "which is not plain data",
    ),
    "a pool of threads": (
        "import time\nfrom concurrent.futures import ThreadPoolExecutor\n"
        + "if case.group == 'far':\n    ThreadPoolExecutor(1).submit(time.sleep, 60)\n",
        "left a thread running",
    ),
    "a thread": (
        "import threading, time\nif case.group == 'far':\n"
        + "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
        "left a thread running",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_a_method_does_to_its_process_ends_there(write_bad: Write, name: str) -> None:
    body, says = BAD[name]
    write_bad(body + BODY)
    found = run("fixed", "bad", "residual")
    assert statuses(found["bad"]) == ["ok", "error"] * 6
    assert all(says in record.note for record in found["bad"][1::2])
    for honest in ("fixed", "residual"):
        assert statuses(found[honest]) == ["ok"] * 12


LACKS = "from adabench.harness.errors import MissingAbility\n"
REFUSES = "raise MissingAbility('states: not shown by x.', 'Take y.')\n"


def test_a_method_that_lacks_an_ability_is_skipped_once_with_the_remedy(write_bad: Write) -> None:
    write_bad(REFUSES, above=LACKS)
    found = run("fixed", "bad", "residual")
    (skipped,) = found["bad"]
    assert (skipped.status, skipped.case) == ("skipped", 0)
    assert skipped.note.startswith("MissingAbility: states: not shown by x. Take y.\n")
    for honest in ("fixed", "residual"):
        assert statuses(found[honest]) == ["ok"] * 12


def test_a_method_that_refuses_some_of_its_cases_fails_there(write_bad: Write) -> None:
    write_bad(f"if case.group == 'far': {REFUSES}" + BODY, above=LACKS)
    assert statuses(run("bad")["bad"]) == ["ok", "error"] * 6


def test_a_method_that_forks_without_end_is_ended_with_all_of_it(write_bad: Write) -> None:
    write_bad(
        "import os, time\nif case.group == 'near':\n    return task.step(case, 1.0)\n"
        "for _ in range(100000):\n    if os.fork() == 0:\n        time.sleep(3600)\n"
    )
    found = run("bad", "fixed", limits=Limits(descendants=16))
    assert "it had more than 16 processes below it" in found["bad"][1].note
    assert statuses(found["fixed"]) == ["ok"] * 12


def test_a_child_that_outlives_a_method_is_ended_with_it(write_bad: Write) -> None:
    write_bad("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(3600)\n" + BODY)
    assert statuses(run("bad")["bad"]) == ["ok"] * 12


@pytest.mark.parametrize(
    ("above", "says"),
    [("import os\nos._exit(0)\n", "exit code 0"), ("1 / 0\n", "ZeroDivisionError")],
)
def test_a_method_that_fails_on_import_is_one_record(
    write_bad: Write, above: str, says: str
) -> None:
    write_bad(BODY, above=above)
    found = run("bad", "fixed")
    [failed] = found["bad"]
    assert (failed.status, failed.case) == ("error", -1)
    assert says in failed.note
    assert statuses(found["fixed"]) == ["ok"] * 12


def test_planning_imports_no_method(write_bad: Write) -> None:
    write_bad(BODY, above="raise SystemExit(0)\n")
    [selection] = expand([PlanRequest(("roots/bad",))])
    assert selection.method.address == "roots/bad"


def test_the_memory_limit_is_an_error_record(write_bad: Write) -> None:
    write_bad("x = bytearray(3 * 2**30)\nreturn float(len(x))\n")
    found = run("bad", limits=Limits(memory_bytes=2 * 2**30))
    assert found["bad"][0].status == "error"
    assert "MemoryError" in found["bad"][0].note


def test_code_that_is_not_the_methods_own_is_watched(write_bad: Write) -> None:
    write_bad(
        "import adabench.harness.contract.protocols as p\n"
        "p.Meter.__setitem__ = lambda self, name, value: None\n" + BODY
    )
    found = run("bad")
    assert "changed code that is not its own" in found["bad"][0].note


def test_code_that_is_changed_for_a_case_in_the_middle_is_seen_there(write_bad: Write) -> None:
    """Put on in the solve of one case, and taken off in that of the next."""
    write_bad(
        "import adabench.harness.contract.protocols as p\n"
        "patched = case.group == 'far'\n"
        "p.Meter.clear = (lambda self: CLEAR(self)) if patched else CLEAR\n" + BODY,
        above="import adabench.harness.contract.protocols as p\nCLEAR = p.Meter.clear\n",
    )
    found = run("bad")["bad"]
    assert statuses(found) == ["ok", "error"] * 6
    assert "protocols.Meter.clear" in found[1].note


def test_an_answer_that_is_remembered_is_refused(write_bad: Write) -> None:
    write_bad(
        "if case.value not in MEMORY:\n    MEMORY[case.value] = task.step(case, 1.0)\n"
        "return MEMORY[case.value]\n",
        above="MEMORY = {}\n",
    )
    settings = Settings(window_s=0.002)
    [first, *_] = execute(turns_of("bad"), settings)
    assert first.status == "error"
    assert "gave no steps" in first.note or "other work in later laps" in first.note


PREPARED = """\
def prepare(task, point, seed):
    {before}
    return seed + 0.5
def pack(state):
    return {{"number": state}}
def unpack(task, point, data):
    return data["number"]
"""
USE = "assert task == 0.5\nfrom adabench_toy.task import Iteration\nreturn 1.0\n"


def test_a_prepared_state_is_taken_from_disk_with_its_true_price(
    write_bad: Write, tmp_path: Path
) -> None:
    settings = Settings(window_s=0.0, cache_folder=tmp_path / "states")
    made = tmp_path / "made"
    write_bad(USE, above=PREPARED.format(before=f"open({str(made)!r}, 'a').write('x')"))
    [first, *_] = execute(turns_of("bad"), settings)
    [again, *_] = execute(turns_of("bad"), settings)
    assert (first.phase, first.status) == ("prepare", "ok")
    assert again.values == first.values
    assert made.read_text() == "x"


def test_a_trace_takes_a_stored_state_and_stores_none(
    write_bad: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, made = tmp_path / "states", tmp_path / "made"
    monkeypatch.setenv("ADABENCH_CACHE", str(states))
    write_bad(USE, above=PREPARED.format(before=f"open({str(made)!r}, 'a').write('x')"))
    request = TraceRequest("roots/bad", out=tmp_path / "trace")
    trace_case(request)
    assert made.read_text() == "x"
    assert not states.exists()
    list(execute(turns_of("bad"), Settings(window_s=0.0, cache_folder=states)))
    assert made.read_text() == "xx"
    trace_case(request)
    assert made.read_text() == "xx"
    assert len(list(states.iterdir())) == 1


@pytest.mark.parametrize("damage", [b"", b"\x80\x04]q\x00.", None])
def test_a_damaged_state_is_prepared_anew_and_runs_no_code(
    write_bad: Write, tmp_path: Path, damage: bytes | None
) -> None:
    settings = Settings(window_s=0.0, cache_folder=tmp_path / "states")
    made = tmp_path / "made"
    write_bad(USE, above=PREPARED.format(before=f"open({str(made)!r}, 'a').write('x')"))
    list(execute(turns_of("bad"), settings))
    [file] = (tmp_path / "states").iterdir()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data) if damage is None else damage)
    assert all(
        record.phase == "prepare" or record.note for record in execute(turns_of("bad"), settings)
    )
    assert made.read_text() == "xx"


def test_a_failing_preparation_is_one_record_also_when_it_was_known(write_bad: Write) -> None:
    write_bad(BODY, above=PREPARED.format(before="1 / 0"))
    [failed] = execute(turns_of("bad"), SETTINGS)
    assert (failed.phase, failed.status) == ("prepare", "error")
    [again] = execute(turns_of("bad"), SETTINGS, done={failed.unit})
    assert again.status == "error"


def test_a_method_that_was_lost_is_prepared_again_without_a_second_record(
    write_bad: Write, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    write_bad(
        "import os\nif case.group == 'far': os.abort()\nreturn 1.0\n",
        above=PREPARED.format(before=f"open({str(made)!r}, 'a').write('x')"),
    )
    found = run("bad")["bad"]
    assert [record.phase for record in found].count("prepare") == 1
    assert len(made.read_text()) > 2


def test_conditions_that_make_no_sense_end_the_run(toy: None) -> None:
    turns = turns_of("fixed")
    wrong = [turn._replace(cell=turn.cell.__class__(**{**turn.cell.to_json(), "task": "nothing"}))
             for turn in turns]  # fmt: skip
    with pytest.raises(SelectionError, match="no task called 'nothing'"):
        list(execute(wrong, SETTINGS))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"steps": 1.0, "right": float("nan")}, "not finite"),
        ({"steps": -1.0, "right": 1.0}, "negative cost"),
        ({"steps": 1.0}, "no right"),
    ],
)
def test_values_that_break_the_contract(values: dict[str, float], says: str) -> None:
    with pytest.raises(MethodContractError, match=says):
        check_values("t/m", values, CARD)


def test_a_score_that_repeats_a_count_is_refused() -> None:
    assert join_values("t/m", {"a": 1.0}, {"b": 2.0}) == {"a": 1.0, "b": 2.0}
    with pytest.raises(MethodContractError, match="t/m: steps is given twice"):
        join_values("t/m", {"latency_s": 0.1}, {"steps": 3.0}, {"right": 1.0, "steps": 0.0})


@pytest.mark.usefixtures("toy")
def test_a_precision_target_is_kept_in_the_process_of_a_method() -> None:
    settings = Settings(window_s=0.0, target=Target(half_width=10.0))
    records = list(execute(turns_of("fixed")[:1], settings))
    assert {r.note.split("; ")[0] for r in records if r.phase == "solve"} <= {
        "precision reached", "disturbed"}  # fmt: skip


def test_quality_may_be_withheld_at_scale_gpu_only() -> None:
    check_values("t/m", {"steps": 1.0}, CARD, "gpu")
    with pytest.raises(MethodContractError):
        check_values("t/m", {"steps": 1.0}, CARD, "embedded")


def test_the_meter_after_so_many_laps_is_so_many_times_the_first() -> None:
    said = {"laps": 3, "counts": {"steps": 2.0, "peak": 5.0, "aux_s": 0.1, "flops": 9.0},
            "metered": {"steps": 6.0, "peak": 5.0, "aux_s": 0.2}}  # fmt: skip
    check_laps("t/m", said, frozenset({"peak"}))
    with pytest.raises(MethodContractError, match="peak is 5 after one lap and 5 after 3"):
        check_laps("t/m", said, frozenset())


def test_every_setting_reaches_the_child() -> None:
    odd = Settings(0.5, Path("/x"), 0.7, Target(0.02, 3.0, 12), 1.5, ("hot", "cold"), ("plug",),
                   True, 60.0, 0.25, 5, 4, 8, True)  # fmt: skip
    usual = Settings()
    assert all(getattr(odd, item.name) != getattr(usual, item.name) for item in fields(Settings))
    for settings in (odd, usual):
        assert settings_from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.fixture
def hung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that a case leaves when it hangs: for the parent, the time has passed only then."""
    file = tmp_path / "hung"

    class Selector(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            while True:
                is_hanging = file.exists()
                if found := super().select(0.01):
                    return found
                if is_hanging:
                    file.unlink()
                    return []

    monkeypatch.setattr(method_handle.selectors, "DefaultSelector", Selector)
    return file


def test_a_hanging_case_times_out_and_the_others_go_on(write_bad: Write, hung: Path) -> None:
    write_bad(
        "import pathlib, time\n"
        "if case.group == 'far':\n"
        f"    pathlib.Path({str(hung)!r}).touch()\n"
        "    time.sleep(3600)\n" + BODY
    )
    found = run("fixed", "bad", "residual", limits=Limits(timeout_s=1.0))
    assert statuses(found["bad"]) == ["ok", "timeout"] * 6
    assert "no result within 1 s" in found["bad"][1].note
    assert statuses(found["residual"]) == ["ok"] * 12
