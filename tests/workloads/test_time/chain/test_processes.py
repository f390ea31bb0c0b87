"""Chain as the process of a method sees it: no truth, no questions, the same counts, no memory."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.record import Record, Turn
from adabench.harness.contract.registry import find
from adabench.harness.plan.grid import plan, select_settings
from adabench.harness.run.execute import execute
from adabench.harness.run.record_values import TIMED
from adabench.harness.run.settings import Settings
from adabench.harness.run.trial_rules import INSTRUMENTS
from adabench.workloads.test_time.chain.task import CHECK_CONDITIONS, load

FRESH = """
import os, pickle, sys
made = pickle.loads(sys.stdin.buffer.read())
from adabench.harness.run.guards.truth_guard import refuse_truth
refuse_truth()
threads = len(os.listdir("/proc/self/task"))
made.warm()
assert "models" in vars(made)
assert len(os.listdir("/proc/self/task")) == threads, "a thread was started"
print(sorted(vars(made)))
"""
NAMES = ("greedy", "best_of_n", "ets", "random_n", "pass_at_n")


def turns_of(*names: str) -> tuple[Turn, ...]:
    home = find("chain")
    return plan(
        [
            select_settings(home, find(f"chain/{name}"), fixed=CHECK_CONDITIONS, star=False)
            for name in names
        ],
        seeds=(0,),
    )


def test_what_methods_get_has_no_truth_and_no_questions_and_warms_up_on_one_thread() -> None:
    made = pickle.dumps(load("embedded", 0, **CHECK_CONDITIONS).substrate(), protocol=5)
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-P", "-c", FRESH],
        input=made, env=free, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    names = done.stdout.decode()
    assert "load_models" in names
    assert not any(word in names for word in ("questions", "grader"))


def test_a_task_with_questions_is_not_stored() -> None:
    with pytest.raises(TypeError, match="load it from its conditions"):
        pickle.dumps(load("embedded", 0, **CHECK_CONDITIONS))


def test_counts_and_scores_are_those_of_one_process() -> None:
    records = list(execute(turns_of(*NAMES), Settings(window_s=0.0)))
    assert [record.status for record in records] == ["ok"] * 2 * len(NAMES)
    for name in NAMES:
        method, task = registry.load(find(f"chain/{name}")), load("embedded", 0, **CHECK_CONDITIONS)
        for case, record in zip(task.cases(), of(records, name), strict=True):
            task.meter.clear()
            answer = method.solve(task, case, method.CARD.defaults)
            ours = {**task.meter, **task.score(case, answer)}
            assert counts(record.values) == counts(ours)


def of(records: list[Record], name: str) -> list[Record]:
    return [record for record in records if record.cell.method == name]


def counts(values: dict[str, float]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in values.items()
        if not name.endswith(TIMED) and name not in INSTRUMENTS
    }


@pytest.fixture
def write_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Write the plug-in method chain/bad, in a module that no process has imported."""
    info = tmp_path / "bad_chain-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-chain\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[adabench.methods]\nchain/bad = bad_chain_method\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(source: str) -> None:
        (tmp_path / "bad_chain_method.py").write_text(dedent(source))

    return write


REMEMBERS = """
    from adabench.harness.contract.card import Card

    CARD = Card(title="Remembers", role="static")
    ANSWERS = {}


    def solve(task, question, point):
        if question not in ANSWERS:
            with task.session(question) as session:
                root = session.open()
                session.decode([root], max_new=session.room)
                ANSWERS[question] = root.completion
        return ANSWERS[question]
"""
OPENS_AT_LEAST = REMEMBERS.replace(
    "        return ANSWERS",
    "        with task.session(question) as session:\n"
    "            session.open()\n"
    "        return ANSWERS",
)


@pytest.mark.parametrize(
    "source", [REMEMBERS, OPENS_AT_LEAST], ids=["does nothing", "opens a session"]
)
def test_answers_that_are_remembered_across_laps_are_refused(
    write_bad: Callable[[str], None], source: str
) -> None:
    write_bad(source)
    settings = Settings(window_s=10.0)  # some hundred laps; those without work are short
    warmed_up, first_met = execute(turns_of("bad"), settings)
    assert warmed_up.status == first_met.status == "error"
    assert "No engine decoded this completion" in warmed_up.note
    assert "did other work in later laps of a case than in the first" in first_met.note
