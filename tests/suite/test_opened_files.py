"""A file that a test opens outside its closure is found, in this process and in one that it starts."""

import os
import subprocess
import sys
from pathlib import Path

from tests.suite import opened_files
from tests.suite.opened_files import inside, outside

ROOT = opened_files.ROOT
SOURCE = """
import sys
from tests.suite import opened_files
opened_files.listen(imports=True)
{}
"""


def heard(tmp_path: Path, code: str, unit: str = "tests/test_a.py") -> set[str]:
    environ = {**os.environ, opened_files.FOLDER: str(tmp_path), opened_files.UNIT: unit,
               "PYTHONPATH": os.pathsep.join((opened_files.SITE, ROOT))}  # fmt: skip
    subprocess.run([sys.executable, "-P", "-c", code], env=environ, check=True)
    return {
        line.partition("\t")[2] for file in tmp_path.iterdir() for line in file.read_text().splitlines()
    }  # fmt: skip


def test_what_a_process_opens_is_heard(tmp_path: Path) -> None:
    assert "README.md" in heard(tmp_path, f"open({ROOT!r} + 'README.md').read()")


def test_what_a_fork_and_a_child_open_is_heard(tmp_path: Path) -> None:
    child = f"open({ROOT + 'LICENSE'!r})"
    code = (
        f"import os, subprocess, sys\nif os.fork() == 0:\n    open({ROOT!r} + 'Makefile'); os._exit(0)\n"
        f"os.wait()\nsubprocess.run([sys.executable, '-c', {child!r}])"
    )
    assert {"Makefile", "LICENSE"} <= heard(tmp_path, code)


def test_a_module_counts_as_its_source_and_again_when_it_was_imported(tmp_path: Path) -> None:
    code = (
        "import os\nfrom tests.suite import opened_files\n"
        "import adabench.harness.errors\nopened_files.listen(imports=True)\n"
        "os.environ[opened_files.UNIT] = 'tests/test_b.py'\nfrom adabench.harness import errors\n"
    )
    found = heard(tmp_path, code)
    assert "harness/errors.py" in found
    lines = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert "tests/test_b.py\tharness/errors.py" in lines


def test_nothing_is_heard_of_what_is_written_or_lies_elsewhere(tmp_path: Path) -> None:
    found = heard(tmp_path, "open('/dev/null', 'w'); open('/etc/hostname')")
    assert not any(path.startswith(("dev", "etc", "/")) for path in found)


def test_a_compiled_file_stands_for_its_source() -> None:
    assert inside(f"{ROOT}harness/__pycache__/errors.cpython-311.pyc") == "harness/errors.py"
    assert inside(f"{ROOT}.links/adabench/harness/errors.py") == "harness/errors.py"
    assert inside("/etc/passwd") == ""


def test_what_lies_outside_a_closure_is_said(tmp_path: Path) -> None:
    (tmp_path / "7").write_text("u\ta.py\nu\tb.py\nu\tcard:c.py\nother\tb.py\n")
    known = {"a.py", "b.py", "c.py"}
    assert outside(tmp_path, {"u": frozenset({"a.py", "c.py"})}, known) == {"u": ["b.py"]}
    assert outside(tmp_path, {"u": frozenset({"a.py", "b.py"})}, known) == {"u": ["card:c.py"]}
    assert outside(tmp_path, {"u": frozenset({"a.py"})}, {"a.py", "c.py"}) == {"u": ["card:c.py"]}
