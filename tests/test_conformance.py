"""The conformance suite over everything that is found: what `adabench check` runs, as tests.

A file dropped into a folder of `workloads/` is picked up here without being named anywhere.
"""

from pathlib import Path

import pytest

from adabench.harness.contract import registry
from adabench.harness.contract.registry import Entry
from adabench.harness.run.conformance import check

FOUND = {
    entry.address: entry
    for task in registry.tasks().values()
    for entry in (task, *registry.methods(task.name).values())
}


@pytest.mark.parametrize("address", sorted(FOUND))
def test_it_keeps_the_contract(address: str) -> None:
    findings = list(check(address))
    assert findings
    assert [f"{f.rule}: {f.problem}" for f in findings if f.problem and not f.skipped] == []


@pytest.mark.parametrize("entry", FOUND.values(), ids=list(FOUND))
def test_the_card_that_is_read_is_the_card_that_is_imported(entry: Entry) -> None:
    available, reason = registry.availability(entry)
    if not available:
        pytest.skip(reason)
    assert vars(registry.load(entry))["CARD"] == entry.card


@pytest.mark.parametrize("entry", FOUND.values(), ids=list(FOUND))
def test_a_method_has_an_essay_and_one_screen(entry: Entry) -> None:
    text = entry.path.read_text(encoding="utf-8")
    assert text.startswith('"""')
    assert len(text.splitlines()) <= 400


def test_a_dropped_file_is_a_method() -> None:
    [paging] = [task for task in registry.tasks().values() if task.name == "paging"]
    dropped = paging.path.with_name("methods") / "dropped_by_a_test.py"
    source = dropped.with_name("fifo.py").read_text(encoding="utf-8")
    try:
        dropped.write_text(source, encoding="utf-8")
        assert "paging/dropped_by_a_test" in registry.methods("paging")
        assert [f for f in check("paging/dropped_by_a_test") if f.problem] == []
        dropped.write_text(source.replace("role=", "rule="), encoding="utf-8")
        assert registry.find("paging/dropped_by_a_test").problem
        assert [f for f in check("paging/dropped_by_a_test") if f.problem]
    finally:
        Path(dropped).unlink()
