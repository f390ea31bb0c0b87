"""A task that says nothing of private names is hidden all the same, also from the parts of a method."""

from pathlib import Path

import pytest

from adabench.harness.contract import registry
from adabench.harness.run.conformance import ConformanceCheck
from adabench.harness.run.guards.method_source import source_problems
from tests.harness.run.conftest import Write

HONEST = "return task.step(case, 1.0)\n"
SHOP = "from shops.task import Shop\n"


def said() -> list[str]:
    return list(source_problems(registry.find("roots/bad")))


@pytest.mark.parametrize(
    ("above", "body", "name"),
    [
        ("", "return task._days\n", "_days"),
        ("", "return task.__dict__\n", "__dict__"),
        ("from operator import attrgetter\n", "return attrgetter('_days')(task)\n", "_days"),
        ("import operator\n", "return operator.attrgetter('_days')(task)\n", "_days"),
        ("import gc\n", "return gc.get_objects()\n", "gc"),
        ("", "return task.step.__func__.__closure__[0].cell_contents\n", "__closure__"),
    ],
)
def test_a_method_that_looks_behind_its_task_is_refused(
    above: str, body: str, name: str, write_bad: Write
) -> None:
    write_bad(body, above=above)
    assert any(f"It reaches for {name!r} on line" in problem for problem in said())


def test_an_honest_method_is_not(write_bad: Write) -> None:
    write_bad(HONEST)
    assert said() == []


@pytest.mark.parametrize("line", ["import peeker", "from peeker import peek"])
def test_a_helper_beside_the_method_is_read(line: str, write_bad: Write, tmp_path: Path) -> None:
    (tmp_path / "peeker.py").write_text("import further\ndef peek(task):\n    return task._days\n")
    (tmp_path / "further.py").write_text("def look(task):\n    return vars(task)\n")
    write_bad(HONEST, above=f"{line}\n")
    assert said() == [
        "peeker.py: It reaches for '_days' on line 3: no method needs it.",
        "further.py: It reaches for 'vars' on line 2: no method needs it.",
    ]


def test_a_check_says_so(write_bad: Write) -> None:
    write_bad("task._days\n" + HONEST)
    with ConformanceCheck() as checks:
        found = next(one for one in checks.check("roots/bad") if one.rule == "source")
    assert found.problem == "It reaches for '_days' on line 4: no method needs it."


def test_parts_of_a_plug_in_are_read_but_for_those_of_its_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "shops/__init__.py": "",
        "shops/task.py": "from shops.engine import Engine\nCARD = None\n",
        "shops/engine.py": "def look(shop):\n    return shop._days\n",
        "shops/methods/__init__.py": "",
        "shops/methods/buyer.py": SHOP + "from shops.methods import helper\nimport shops.tricks\n",
        "shops/methods/helper.py": "from shops import engine\nengine.look\n",
        "shops/tricks.py": "def peek(shop):\n    return shop._days\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    info = tmp_path / "shops-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shops\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(
        "[adabench.tasks]\nshops = shops.task\n"
        "[adabench.methods]\nshops/buyer = shops.methods.buyer\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    entry = registry.find("shops/buyer")
    assert list(source_problems(entry)) == [
        "tricks.py: It reaches for '_days' on line 2: no method needs it."
    ]
