"""Groups: units of a room stay together, long ones are cut, near ones come first."""

from tests.suite.costs import by_room, evened, read_unit_costs, room_of, write_costs
from tests.suite.groups import LONGEST_S, group_units
from tests.suite.unit_plugin import Outcome

PAGING = [
    "tests/test_conformance.py[paging]",
    "tests/test_conformance.py[paging/lru]",
    "tests/workloads/algorithms/paging/test_cache.py",
]
CLI = [f"tests/cli/test_{letter}.py" for letter in "abcd"]


def test_a_task_is_one_room_with_its_conformance() -> None:
    assert {room_of(unit) for unit in PAGING} == {"task paging"}
    assert room_of("tests/workloads/shared/compiled/test_a.py") == "shared"
    assert room_of("tests/workloads/test_time/substrate/test_a.py") == "shared"
    assert room_of("tests/cli/test_run.py") == "cli"
    assert room_of("tests/test_readme.py") == "repository"


def test_units_of_a_room_share_a_process() -> None:
    [group] = group_units(dict.fromkeys(PAGING, 0), dict.fromkeys(PAGING, 1.0))
    assert sorted(group.units) == sorted(PAGING)
    assert group.files == ["tests/test_conformance.py", PAGING[2]]


def test_a_long_room_is_cut_between_files() -> None:
    costs = dict.fromkeys(CLI, LONGEST_S * 0.6)
    groups = group_units(dict.fromkeys(CLI, 0), costs)
    assert sorted(unit for group in groups for unit in group.units) == CLI
    assert len(groups) == 4


def test_the_longest_begin_and_the_nearest_before_them() -> None:
    units = dict.fromkeys(PAGING + CLI, 0)
    costs = {unit: 2.0 if "cli" in unit else 1.0 for unit in units}
    assert [group.name for group in group_units(units, costs)] == ["cli", "task paging"]
    near = {unit: 1 if "cli" in unit else 0 for unit in units}
    assert [group.name for group in group_units(near, costs)] == ["task paging", "cli"]


def test_costs_are_written_and_read_by_room(tmp_path) -> None:
    outcomes = {
        PAGING[0]: Outcome(collected=1, passed=1, processor_s=3.0, interpreters=2),
        PAGING[2]: Outcome(collected=4, passed=4, processor_s=0.25),
        CLI[0]: Outcome(collected=2, passed=2, processor_s=0.75, interpreters=1),
    }
    rooms = by_room(outcomes)
    assert (rooms["task paging"].processor_s, rooms["task paging"].interpreters) == (3.25, 2)
    (tmp_path / "tests").mkdir()
    write_costs(tmp_path, outcomes)
    assert read_unit_costs(tmp_path) == {PAGING[0]: 3.0, CLI[0]: 0.8}
    assert '"task paging" = { processor_s = 3.2, interpreters = 2, tests = 5 }' in (
        (tmp_path / "tests" / "costs.toml").read_text()
    )


def test_what_a_server_took_is_spread_over_the_addresses_of_its_task() -> None:
    costs_s = {
        "tests/test_conformance.py[paging/lru]": 0.25,
        "tests/test_conformance.py[paging/fifo]": 7.75,
        "tests/test_conformance.py[paging]": 1.0,
        "tests/test_conformance.py[mip/scip]": 2.0,
        "tests/cli/test_run.py": 16.0,
    }
    assert evened(costs_s) == {
        **costs_s,
        "tests/test_conformance.py[paging/lru]": 4.0,
        "tests/test_conformance.py[paging/fifo]": 4.0,
    }
