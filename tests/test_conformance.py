"""The conformance suite over everything that is found: what `adabench check` runs, as tests.

A file dropped into a folder of `workloads/` is picked up here without being named anywhere. Each address
is a unit of its own (tests/suite/passes.py); what holds for all cards together is in test_catalogue.py.
"""

import inspect
from collections.abc import Iterator

import pytest

from adabench.harness.contract import registry
from adabench.harness.errors import SelectionError
from adabench.harness.run.conformance import ConformanceCheck
from tests.recorded_counts import read_counts, write_counts

FOUND = {
    entry.address: entry
    for task in registry.tasks().values()
    for entry in (task, *registry.methods(task.name).values())
}


@pytest.fixture(scope="module")
def checks() -> Iterator[ConformanceCheck]:
    with ConformanceCheck(most_s=0.0, catalogue=False) as checks:
        yield checks


@pytest.mark.parametrize("address", sorted(FOUND))
def test_it_keeps_the_contract(
    address: str, checks: ConformanceCheck, pytestconfig: pytest.Config
) -> None:
    # Default cases take their time: of ours, those that adapt are tried on them.
    checks.most_s = 0.0 if FOUND[address].card.role == "adaptive" else None
    findings = list(checks.check(address))
    assert findings
    assert [f"{f.rule}: {f.problem}" for f in findings if f.problem and not f.skipped] == []
    counts, entry = checks.counts.get(address), FOUND[address]
    if counts and pytestconfig.getoption("--record-counts"):
        write_counts(entry.task, {entry.name: counts})
    assert list(read_counts(entry.task).problems(entry, counts or [])) == []


@pytest.mark.parametrize("address", sorted(registry.tasks()))
def test_a_task_loads_as_its_card_says(address: str) -> None:
    load, card = registry.load(FOUND[address]).load, FOUND[address].card
    parameters = inspect.signature(load).parameters
    assert {name: parameters[name].default for name in card.defaults} == card.defaults
    with pytest.raises(SelectionError, match=f"{address} has no scale 'imagined'") as refused:
        load("imagined", 0)
    assert refused.value.hint
