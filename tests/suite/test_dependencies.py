"""What a test file reaches: each kind of edge, and that others are not drawn."""

import pytest

from tests.suite.dependencies import CATALOGUE, WAY, card_of, read_dependencies
from tests.suite.passes import units

from .conftest import House

LRU = "workloads/algorithms/paging/methods/lru.py"
FIFO = "workloads/algorithms/paging/methods/fifo.py"
TASK = "workloads/algorithms/paging/task.py"


def closure(house: House, file: str, changed: dict[str, str] | None = None) -> set[str]:
    return set(read_dependencies(house(changed)).closure([file]))


def test_imports_lead_on_and_data_beside_a_module_counts(house: House) -> None:
    found = closure(house, "tests/harness/stats/test_share.py")
    assert {"harness/stats/share.py", "harness/stats/table.json", "pyproject.toml"} <= found
    assert "reports/call.py" not in found


def test_a_lazy_name_of_the_package_leads_home(house: House) -> None:
    assert "reports/call.py" in closure(house, "tests/harness/test_lazy.py")


def test_a_module_that_is_named_in_a_string_counts(house: House) -> None:
    assert "harness/worker.py" in closure(house, "tests/cli/test_loop.py")


def test_a_fixture_counts_for_who_asks_for_it(house: House) -> None:
    asks, others = (
        closure(house, f"tests/{name}") for name in ("reports/test_shares.py", "cli/test_loop.py")
    )
    assert "harness/stats/share.py" in asks
    assert "harness/stats/share.py" not in others
    assert "tests/conftest.py" in others


def test_a_fixture_that_all_use_counts_for_all(house: House) -> None:
    assert "harness/worker.py" in closure(house, "tests/reports/test_shares.py")


def test_a_command_leads_to_its_verb_and_to_the_address(house: House) -> None:
    found = closure(house, "tests/cli/test_show.py")
    assert {"cli/main.py", "cli/commands/show.py", TASK, LRU, CATALOGUE} <= found
    assert "cli/commands/run.py" not in found
    assert FIFO not in found
    assert card_of(FIFO) in found


def test_a_folder_of_tests_reaches_the_room_that_it_mirrors(house: House) -> None:
    found = closure(house, "tests/workloads/algorithms/paging/test_cache.py")
    assert {LRU, FIFO, TASK, "workloads/algorithms/paging/substrate/cache.py"} <= found
    assert "workloads/algorithms/mip/task.py" not in found


def test_a_file_that_a_test_names_counts(house: House) -> None:
    assert "tests/harness/data/words.txt" in closure(house, "tests/harness/test_data.py")


def test_who_reads_the_registry_reads_cards_of_tasks(house: House) -> None:
    found = closure(house, "tests/test_conformance.py")
    assert card_of("workloads/algorithms/mip/task.py") in found
    assert "workloads/algorithms/mip/task.py" not in found


def test_an_address_of_conformance_is_a_unit_of_its_own(house: House) -> None:
    dependencies = read_dependencies(house())
    known = units(dependencies)
    lru = set(dependencies.closure(known["tests/test_conformance.py[paging/lru]"]))
    assert {LRU, TASK, card_of(FIFO)} <= lru
    assert FIFO not in lru
    assert "tests/test_conformance.py" not in known
    assert "tests/test_conformance.py[mip]" in known


@pytest.mark.parametrize("text", ["import adabench.harness.worker\n", "def f():\n    from adabench.harness import worker\n"])  # fmt: skip
def test_a_lazy_import_counts(house: House, text: str) -> None:
    changed = {"tests/harness/test_other.py": text}
    assert "harness/worker.py" in closure(house, "tests/harness/test_other.py", changed)


def test_who_says_that_it_reads_everything_does_and_is_far_from_each_edit(house: House) -> None:
    name = "tests/harness/test_other.py"
    dependencies = read_dependencies(house({name: 'READS = ("<all files>",)\n'}))
    found = dependencies.closure([name])
    assert set(dependencies.checkout.files) <= found.keys()
    assert found["reports/call.py"] > len(WAY)


def test_files_are_named_by_a_pattern_too(house: House) -> None:
    name = "tests/harness/test_other.py"
    found = closure(house, name, {name: 'READS = ("workloads/*/paging/methods/l*.py",)\n'})
    assert LRU in found
    assert FIFO not in found


def test_what_lies_beside_a_test_and_is_none_counts(house: House) -> None:
    helper = "tests/harness/stats/tables/numbers.py"
    found = closure(house, "tests/harness/stats/test_share.py", {helper: "x = 1\n"})
    assert helper in found
    assert helper not in closure(house, "tests/reports/test_shares.py", {helper: "x = 1\n"})


def test_weights_of_another_task_count_where_they_are_named(house: House) -> None:
    weights = "workloads/algorithms/paging/checkpoints/a.json"
    module = "harness/worker.py"
    text = 'FOLDER = HERE / "paging" / "checkpoints"\n'
    found = closure(house, "tests/cli/test_loop.py", {weights: "{}", module: text})
    assert weights in found
    assert weights not in closure(house, "tests/cli/test_loop.py", {weights: "{}"})


def test_a_task_has_the_cards_of_all_its_files(house: House) -> None:
    training = "workloads/algorithms/paging/training/train.py"
    found = closure(house, TASK, {training: "x = 1\n"})
    assert card_of(training) in found
    assert training not in found
