"""The README names every source file, and only files that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("cli", "harness", "profilers", "reports", "kernels", "workloads", "benchmarks")


def test_the_tree_names_every_source_file() -> None:
    tree = (ROOT / "README.md").read_text(encoding="utf-8").split("## The tree")[1]
    named = set(re.findall(r"[\w/]*?(\w+\.py)\b", tree))
    sources = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    assert sources - named == set()


def test_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / target).exists(), target


def test_every_verb_is_in_the_help_pages() -> None:
    pages = (ROOT / "docs" / "help.md").read_text(encoding="utf-8")
    for verb in ("run", "list", "show", "claims", "report", "check", "train", "doctor",
                 "hardware", "trace"):  # fmt: skip
        assert f"## adabench {verb}" in pages
