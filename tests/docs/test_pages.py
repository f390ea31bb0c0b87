"""Generated pages: what a reader must find in them, and what must not stand there.

That they are fresh is `make check`'s to see; here they are read as they lie.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from adabench.harness.contract import registry
from adabench.harness.contract.papers import papers
from docs import source_tree
from docs.paper_index import papers_to_come

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*(DOCS / "results").glob("*.md"), *(DOCS / "papers").glob("*.md")])


def rows(page: Path) -> list[list[str]]:
    """Return the cells of every table row of a page."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("| ")]


def test_every_task_and_every_paper_has_a_page() -> None:
    assert len(papers()) >= 22
    assert {page.stem for page in PAGES} == {"README", *papers(), *registry.tasks()}
    for slug, paper in papers().items():
        text = (DOCS / "papers" / f"{slug}.md").read_text(encoding="utf-8")
        assert paper.title in text
        assert paper.arxiv in text
        assert f"adabench reproduce {slug}" in text


def test_every_paper_of_the_47_is_in_the_index_and_those_to_come_say_so() -> None:
    assert len(papers()) + len(papers_to_come()) == 47
    assert not papers().keys() & papers_to_come().keys()
    numbers = [paper.arxiv for paper in (*papers().values(), *papers_to_come().values())]
    assert len(set(numbers)) == 47
    answers = {cells[0].strip(): cells[1].strip() for cells in rows(DOCS / "papers" / "README.md")}
    for paper in papers_to_come().values():
        name = f"{paper.title}, [{paper.arxiv}](https://arxiv.org/abs/{paper.arxiv})"
        assert answers[name] == "not yet"


def test_every_task_that_a_paper_needs_is_recorded_or_said_not_to_be() -> None:
    for task in registry.tasks():
        text = (DOCS / "results" / f"{task}.md").read_text(encoding="utf-8")
        recorded = (DOCS / "recorded" / task).is_dir()
        assert recorded == ("## The run" in text)
        assert recorded != (f"No run of `{task}` is recorded yet" in text)


def unfit_for_people(page: Path) -> Iterator[str]:
    """What of a page is Python's way of writing, an empty cell, or a column that says nothing."""
    text = page.read_text(encoding="utf-8")
    yield from re.findall(r"\bNone\b|\bnan\b|\{'|\['|Mapping|/tmp/|=\(", text)
    for cells in rows(page):
        if not all(cell.strip() for cell in cells):
            yield f"an empty cell: {cells}"
        if re.search(r"not testable here\*\*(?!: \w)", cells[-1]):
            yield f"no reason: {cells}"
    tables = [table for table in text.split("\n\n") if table.startswith("| ")]
    for table in tables:
        columns = zip(
            *(line.strip("|").split("|") for line in table.splitlines()[2:]), strict=False
        )
        if any({cell.strip() for cell in column} <= {"-", "–"} for column in columns):
            yield f"a column that says nothing: {table.splitlines()[0]}"


def test_a_page_is_for_people() -> None:
    assert [f"{page.stem}: {text}" for page in PAGES for text in unfit_for_people(page)] == []


def test_the_tree_has_a_line_for_each_file_and_none_for_a_method() -> None:
    lines = source_tree.tree().splitlines()
    assert max(map(len, lines)) <= 150
    assert sum(line.split()[:1] == ["run_folder.py"] for line in lines) == 1
    assert not any(line.split()[:1] == ["lru.py"] for line in lines)
    [methods] = [line for line in lines if " mark_and_predict " in f"{line} "]
    assert "marker" in methods
    assert "__pycache__" not in "\n".join(lines)


def test_the_tree_stands_between_its_markers() -> None:
    page = source_tree.insert("before\n<!-- tree -->\nold\n<!-- /tree -->\nafter\n")
    assert page.startswith("before\n<!-- tree -->\n```\n")
    assert page.endswith("```\n<!-- /tree -->\nafter\n")
    assert "\nold\n" not in page
    assert source_tree.insert(page) == page


def test_every_entry_of_the_recorded_runs_is_a_run() -> None:
    """A shell's `docs/recorded/*` is handed to verbs that read runs."""
    for entry in (DOCS / "recorded").iterdir():
        assert (entry / "run.json.gz").is_file(), entry
