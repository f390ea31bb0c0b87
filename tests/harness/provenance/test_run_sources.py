"""What a run's numbers depend on: the task's own files, and what it borrows from workloads/shared."""

from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.provenance.source_digests import borrowed


def test_what_is_borrowed_borrows_too(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "one.py").write_text("from adabench.workloads.shared.two import x\n")
    (shared / "two.py").write_text("import adabench.workloads.shared.one\nx = 1\n")
    (shared / "three.py").write_text("")
    (shared / "unused.py").write_text("")
    task = tmp_path / "task.py"
    task.write_text("from adabench.workloads.shared import one, three\nfrom json import loads\n")
    assert [path.name for path in borrowed([task], shared)] == ["one.py", "three.py", "two.py"]


def test_paging_borrows_its_books() -> None:
    folder = registry.find("paging").path.parent
    names = {path.name for path in borrowed(folder.glob("*.py"), folder.parent / "shared")}
    assert {"books.py", "hooks.py", "compiled.py"} <= names
    assert "lm.py" not in names
