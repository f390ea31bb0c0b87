"""The conformance suite over everything that is found: what `adabench check` runs, as tests.

A file dropped into a folder of `workloads/` is picked up here without being named anywhere.
"""

import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

import adabench
from adabench.harness.contract import registry
from adabench.harness.contract.registry import Entry
from adabench.harness.run.conformance import ConformanceCheck

FOUND = {
    entry.address: entry
    for task in registry.tasks().values()
    for entry in (task, *registry.methods(task.name).values())
}


@pytest.fixture(scope="module")
def checks() -> Iterator[ConformanceCheck]:
    with ConformanceCheck(most_s=0.0) as checks:
        yield checks


@pytest.mark.parametrize("address", sorted(FOUND))
def test_it_keeps_the_contract(address: str, checks: ConformanceCheck) -> None:
    # Default cases take their time: of ours, those that adapt are tried on them.
    checks.most_s = 0.0 if FOUND[address].card.role == "adaptive" else None
    findings = list(checks.check(address))
    assert findings
    assert [f"{f.rule}: {f.problem}" for f in findings if f.problem and not f.skipped] == []


@pytest.mark.parametrize("entry", FOUND.values(), ids=list(FOUND))
def test_the_card_that_is_read_is_the_card_that_is_imported(entry: Entry) -> None:
    available, reason = registry.availability(entry)
    if not available:
        pytest.skip(reason)
    assert vars(registry.load(entry))["CARD"].on(entry.task) == entry.card


@pytest.mark.parametrize("entry", FOUND.values(), ids=list(FOUND))
def test_a_method_has_an_essay_and_one_screen(entry: Entry) -> None:
    text = entry.path.read_text(encoding="utf-8")
    assert text.startswith('"""')
    assert len(text.splitlines()) <= 400


DROPPED = """
import sys
from pathlib import Path
from adabench.harness.contract import registry
from adabench.harness.run.conformance import ConformanceCheck

def check(address):
    with ConformanceCheck() as checks:
        return list(checks.check(address))

fifo = registry.find("paging/fifo").path
assert fifo.is_relative_to(sys.argv[1]), fifo
dropped = fifo.with_name("dropped_by_a_test.py")
source = fifo.read_text(encoding="utf-8")
dropped.write_text(source, encoding="utf-8")
assert "paging/dropped_by_a_test" in registry.methods("paging")
assert [f for f in check("paging/dropped_by_a_test") if f.problem] == []
dropped.write_text(source.replace("role=", "rule="), encoding="utf-8")
assert registry.find("paging/dropped_by_a_test").problem
assert [f for f in check("paging/dropped_by_a_test") if f.problem]
print("done")
"""


def mirror(source: Path, target: Path, opened: Path) -> None:
    """Make a folder of links to what another holds; `opened` and what it lies in are folders."""
    target.mkdir()
    for entry in source.iterdir():
        if entry == opened or entry in opened.parents:
            mirror(entry, target / entry.name, opened)
        else:
            (target / entry.name).symlink_to(entry)


def test_a_dropped_file_is_a_method(tmp_path: Path) -> None:
    """In a tree of links: other tests list the methods of this one meanwhile."""
    folder = registry.find("paging/fifo").path.resolve().parent
    copy = tmp_path / "adabench"
    copy.mkdir()
    for top in Path(next(iter(adabench.__path__))).iterdir():
        if top.resolve() in folder.parents:
            mirror(top.resolve(), copy / top.name, folder)
        else:
            (copy / top.name).symlink_to(top.resolve())
    paths = [str(tmp_path), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    code = f"import sys; sys.path[:0] = {paths!r}\n{DROPPED}"
    # -S leaves out the installation, which would be found beside the copy.
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", code, str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "done\n", done.stderr
