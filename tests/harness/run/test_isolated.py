"""The child process: the same records as in-process, and what ends it."""

import json
import selectors
import textwrap
from dataclasses import fields
from pathlib import Path

import pytest

from adabench.harness.contract.record import Turn
from adabench.harness.contract.registry import find
from adabench.harness.plan.grid import plan, select_settings
from adabench.harness.run import isolated
from adabench.harness.run.execute import Settings, execute
from adabench.harness.run.isolated import Limits, execute_isolated, plain_settings, read_settings
from adabench.profilers.timing.stopping import Target

SETTINGS = Settings(window_s=0.0)


def turns_of(*methods: str) -> tuple[Turn, ...]:
    return plan([select_settings(find("roots"), find(f"roots/{name}"), star=False) for name in methods],
                seeds=(0,))  # fmt: skip


@pytest.fixture
def child_sees_toy(toy: None, plugin_paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", ":".join(plugin_paths))


@pytest.fixture
def bad_method(
    child_sees_toy: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plugin_paths: list[str]
) -> Path:
    """A plug-in method whose body each test writes."""
    info = tmp_path / "bad-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[adabench.methods]\nroots/bad = bad_method\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", ":".join([*plugin_paths, str(tmp_path)]))
    return tmp_path / "bad_method.py"


def write_bad(file: Path, body: str) -> None:
    head = (
        'from adabench.harness.contract.card import Card\nCARD = Card(title="bad", role="static")\n'
    )
    file.write_text(head + "def solve(task, case, point):\n" + textwrap.indent(body, "    "))


@pytest.mark.usefixtures("child_sees_toy")
def test_a_worker_gives_the_records_of_execute() -> None:
    turns = turns_of("fixed", "residual")
    here = list(execute(turns, [], settings=SETTINGS))
    there = list(execute_isolated(turns, Limits(timeout_s=3600.0), settings=SETTINGS))
    assert [(r.unit, r.status, r.values["steps"]) for r in there] == [
        (r.unit, r.status, r.values["steps"]) for r in here
    ]


@pytest.fixture
def hung(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that a case leaves when it hangs: for the parent, a second has passed only then."""
    file = tmp_path / "hung"

    class Selector(selectors.DefaultSelector):
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            assert timeout is not None
            while True:
                is_hanging = file.exists()
                if found := super().select(0.01):
                    return found
                if is_hanging:
                    file.unlink()
                    return []

    monkeypatch.setattr(isolated.selectors, "DefaultSelector", Selector)
    return file


def test_a_hanging_case_times_out_and_the_others_go_on(bad_method: Path, hung: Path) -> None:
    write_bad(
        bad_method,
        "import pathlib, time\n"
        "if case.group == 'far':\n"
        f"    pathlib.Path({str(hung)!r}).touch()\n"
        "    time.sleep(3600)\n"
        "return task.step(case, 1.0)\n",
    )
    records = list(execute_isolated(turns_of("bad"), Limits(timeout_s=1.0), settings=SETTINGS))[:4]
    assert [record.status for record in records] == ["ok", "timeout", "ok", "timeout"]
    assert "within 1 s" in records[1].note


def test_a_crash_is_an_error_record(bad_method: Path) -> None:
    write_bad(
        bad_method, "import os\nif case.group == 'far': os.abort()\nreturn task.step(case, 1.0)\n"
    )
    records = list(execute_isolated(turns_of("bad"), Limits(), settings=SETTINGS))
    assert [record.status for record in records[:2]] == ["ok", "error"]
    assert "SIGABRT" in records[1].note
    assert len(records) == 12


def test_the_memory_limit_is_an_error_record(bad_method: Path) -> None:
    write_bad(bad_method, "x = bytearray(3 * 2**30)\nreturn float(len(x))\n")
    limits = Limits(memory_bytes=2 * 2**30)
    first = next(iter(execute_isolated(turns_of("bad"), limits, settings=SETTINGS)))
    assert first.status == "error"
    assert "MemoryError" in first.note


def test_every_setting_reaches_the_child() -> None:
    odd = Settings(0.5, Path("/x"), 0.7, Target(0.02, 3.0, 12), 1.5, ("hot", "cold"), ("plug",))
    usual = Settings()
    assert all(getattr(odd, item.name) != getattr(usual, item.name) for item in fields(Settings))
    for settings in (odd, usual):
        assert read_settings(json.loads(json.dumps(plain_settings(settings)))) == settings


@pytest.mark.usefixtures("child_sees_toy")
def test_a_precision_target_is_kept_in_the_child() -> None:
    asked = Settings(window_s=0.0, target=Target(half_width=10.0))
    limits = Limits(timeout_s=3600.0)
    records = list(execute_isolated(turns_of("fixed")[:1], limits, settings=asked))
    assert {r.note.split("; ")[0] for r in records if r.phase == "solve"} <= {
        "precision reached", "disturbed"}  # fmt: skip
