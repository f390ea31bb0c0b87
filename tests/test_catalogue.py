"""What holds for all cards together, and that a dropped file is a method."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import adabench
from adabench.harness.contract import registry
from adabench.harness.run.conformance import claims_elsewhere

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

FOUND = {
    entry.address: entry
    for task in registry.tasks().values()
    for entry in (task, *registry.methods(task.name).values())
}
MOST_LINES = 400


def test_methods_have_an_essay_and_one_screen() -> None:
    texts = {entry.path: entry.path.read_text(encoding="utf-8") for entry in FOUND.values()}
    assert [path for path, text in texts.items() if not text.startswith('"""')] == []
    assert [path for path, text in texts.items() if len(text.splitlines()) > MOST_LINES] == []


def test_the_id_of_a_claim_is_used_once() -> None:
    found = {address: claims_elsewhere(entry) for address, entry in FOUND.items() if "/" in address}
    assert {address: ids for address, ids in found.items() if ids} == {}


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
