"""Methods that cheat: a check refuses each of them and names what it saw.

`adabench_cheats` is a plug-in of one trick a file. None of them is refused for its words alone.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adabench.harness.run.conformance import ConformanceCheck
from adabench.harness.run.descendants import descendants
from adabench.harness.run.guards.landlock import confinement
from tests.suite.waits import wait_until

READS = ("<all cards>",)
"""For tests/suite/dependencies.py."""

HOME = Path(__file__).parent
CHEATS = {
    "chain/own_arithmetic": "no sequence",
    "chain/gold_by_attribute": "grader",
    "chain/honest_when_few": "no sequence",
    "paging/solves_in_prepare": "test cases",
    "paging/lazy_answer": "not the task's own replay",
    "paging/patched_scorer": "changed code that is not its own",
    "paging/changed_case": "changed the case that it was given",
    "ledger/made_up_logits": "not one that an engine of this task computed",
    "roots/patched_meter": "changed code that is not its own",
    "roots/memoised": "other work in later laps",
    "roots/works_between": "left a thread running",
    "roots/exits": "exit code 0 without an end",
    "roots/forks": "processes below it",
}
HELD = confinement()
BY_KERNEL = {
    "paging/truth_by_path": "Permission denied",
    "paging/reads_records": "Permission denied",
    "roots/reads_memory": "Permission denied",
    "roots/leaves_notes": "Permission denied",
    "roots/stops_run": "Operation not permitted",
    "roots/stops_rivals": "Operation not permitted",
}
"""What Landlock refuses, where the kernel has it."""
SIGNALS = ("roots/stops_run", "roots/stops_rivals")
"""Of these, what takes a kernel that holds signals back."""


@pytest.fixture(scope="module")
def checks(
    plugin_paths: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ConformanceCheck]:
    """The plug-in as installed, and checks whose methods are forked from one server a task."""
    site = tmp_path_factory.mktemp("cheats")
    info = site / "adabench_cheats-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adabench-cheats\nVersion: 0.1\n")
    points = [
        f"{address} = adabench_cheats.{address.partition('/')[2]}"
        for address in (*CHEATS, *BY_KERNEL)
    ]
    (info / "entry_points.txt").write_text("\n".join(["[adabench.methods]", *points, ""]))
    with pytest.MonkeyPatch.context() as patch, ConformanceCheck() as found:
        for path in (*plugin_paths, HOME, site):
            patch.syspath_prepend(str(path))
        yield found


@pytest.mark.parametrize("address", CHEATS)
def test_a_check_refuses_it_and_names_what_it_saw(address: str, checks: ConformanceCheck) -> None:
    problems = [f.problem for f in checks.check(address) if f.problem and not f.skipped]
    assert any(CHEATS[address] in problem for problem in problems), problems
    [server] = checks.servers.values()  # it buries what a cheat leaves, and lives on
    wait_until(lambda: not list(descendants(server.process.pid)), server.process)


@pytest.mark.parametrize("address", BY_KERNEL)
def test_the_kernel_refuses_it_and_a_check_says_so(address: str, checks: ConformanceCheck) -> None:
    if not (HELD.signals if address in SIGNALS else HELD.files):
        pytest.skip(str(HELD))
    problems = [f.problem for f in checks.check(address) if f.problem and not f.skipped]
    assert any(BY_KERNEL[address] in problem for problem in problems), problems
    [server] = checks.servers.values()  # nobody stopped it
    wait_until(lambda: not list(descendants(server.process.pid)), server.process)


@pytest.mark.parametrize("address", ["paging/fifo", "roots/fixed", "roots/residual"])
def test_an_honest_method_passes_beside_them(address: str, checks: ConformanceCheck) -> None:
    assert [f.problem for f in checks.check(address) if f.problem] == []
