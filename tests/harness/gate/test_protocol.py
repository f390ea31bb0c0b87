"""The protocol between revisions is frozen: these lines may change only with its VERSION."""

import json
import subprocess
import sys
from dataclasses import asdict

from adabench.harness.contract.card import Metric
from adabench.harness.contract.record import Cell, Record, record_from_json
from adabench.harness.gate import protocol
from adabench.harness.gate.protocol import PlanAnswer, PlanOrder, plan_answer, plan_order

RAISE = "the form of a line changed: raise protocol.VERSION, and say in its docstring how"
CELL = Cell("roots", "fixed", {"steps_each": 8}, {"spread": 4.0}, "embedded", 1)
METRIC = Metric("steps", "iterations", "lower", "work", primary=True)
ORDER = PlanOrder(("roots/*",), ("spread=4",), ("steps_each=4,8",), False, (0, 2), "embedded")


def test_version_1_says_what_it_said() -> None:
    assert protocol.VERSION == 1
    assert protocol.greeting({"cores": 2}) == {"protocol": 1, "environment": {"cores": 2}}, RAISE
    assert ORDER.to_json() == {
        "select": ("roots/*",), "fixed": ("spread=4",), "swept": ("steps_each=4,8",),
        "star": False, "seeds": (0, 2), "scale": "embedded",
    }, RAISE  # fmt: skip
    assert PlanAnswer((), {}, {}).to_json() == {"cells": (), "sources": {}, "metrics": {}}, RAISE
    assert CELL.to_json() == {
        "task": "roots", "method": "fixed", "point": {"steps_each": 8},
        "conditions": {"spread": 4.0}, "scale": "embedded", "seed": 1,
    }, RAISE  # fmt: skip
    record = Record(CELL, "solve", 3, 1, "ok", {"steps": 8.0}, "note", "easy")
    assert record.to_json() == {
        "cell": CELL.to_json(), "phase": "solve", "case": 3, "repeat": 1, "status": "ok",
        "values": {"steps": 8.0}, "note": "note", "group": "easy",
    }, RAISE  # fmt: skip
    assert asdict(METRIC).keys() >= {"name", "unit", "better", "role", "primary"}, RAISE


def test_a_line_is_read_back_as_it_was() -> None:
    assert plan_order(json.loads(json.dumps(ORDER.to_json()))) == ORDER
    answer = PlanAnswer((CELL.to_json(),), {"roots": "ab"}, {"roots": [asdict(METRIC)]})
    again = plan_answer(json.loads(json.dumps(answer.to_json())))
    assert [Cell(**cell) for cell in again.cells] == [CELL]
    assert again.sources == answer.sources
    record = Record(CELL, "solve", 0, 0, "ok", {"steps": 8.0})
    assert record_from_json(json.loads(json.dumps(record.to_json()))) == record


def test_asking_for_the_version_imports_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        f"from {protocol.MODULE} import VERSION\n"
        "from importlib.util import find_spec\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(VERSION, sorted(new - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert done.stdout.split(maxsplit=1) == ["1", "['adabench']\n"]


def test_the_worker_is_a_module_of_this_name() -> None:
    import importlib.util

    assert importlib.util.find_spec(protocol.WORKER) is not None
