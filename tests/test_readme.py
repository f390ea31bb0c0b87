"""The README is short, its links lead somewhere, and the commands of the documents are real."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adabench.cli.main import VERBS, app
from adabench.harness.contract import registry

READS = ("<all files>",)
"""For tests/suite/dependencies.py."""

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
WITH_COMMANDS = (
    "README.md", "CONTRIBUTING.md", "docs/publish.md", "docs/models.md", "docs/findings.md", "docs/architecture.md",
    "docs/threat_model.md",
    "docs/energy.md",
    "docs/python.md",
    *(f"docs/{room}/{path.name}" for room in ("start", "guides") for path in (ROOT / "docs" / room).glob("*.md")),
)  # fmt: skip
WITH_LINKS = (
    *WITH_COMMANDS, "docs/glossary.md", "docs/speed.md", "docs/statistics.md", "docs/results/README.md",
    "docs/papers/README.md", *(f"docs/papers/{path.name}" for path in (ROOT / "docs" / "papers").glob("*.md")),
    *(f"docs/results/{path.name}" for path in (ROOT / "docs" / "results").glob("*.md")),
)  # fmt: skip
MOST_LINES = 120
PLACEHOLDERS = ("paging/mine", "paging/mine=mine.py", "paging/clock")
"""Addresses that a reader is to make."""


def commands(name: str) -> Iterator[str]:
    """Yield each `adabench ...` of a document, in blocks and between single backticks."""
    text = (ROOT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL)
    for line in "\n".join(blocks).splitlines():
        if line.strip().startswith("adabench "):
            yield line.strip()
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from re.findall(r"`(adabench [^`]+)`", prose)


def words_of(command: str) -> list[str]:
    """Return the words after `adabench`, as a shell would pass them."""
    return shlex.split(command, comments=True)[1:]


def reply(words: list[str]) -> str:
    """Return what the command line has against a verb or an option; nothing is run.

    Options are parsed before `--help` is heeded.
    """
    done = CliRunner().invoke(app, [*words, "--help"])
    return "" if done.exit_code == 0 else done.output


def test_the_readme_is_short_and_holds_no_tree() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert not re.search(r"[├└│]──", text)
    named = set(re.findall(r"\w+\.py\b", text))
    assert len(named) < 5, f"the tree belongs into docs/architecture.md: {named}"


@pytest.mark.parametrize("name", WITH_LINKS)
def test_links_lead_somewhere(name: str) -> None:
    folder = (ROOT / name).parent
    for target in re.findall(r"\]\(([^)#:]+)\)", (ROOT / name).read_text(encoding="utf-8")):
        assert (folder / target).exists(), target


@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_every_command_is_one_that_the_command_line_takes(name: str) -> None:
    found = list(commands(name))
    assert found, "no command: is this still a place for them?"
    for command in found:
        words = [word for word in words_of(command) if word != "..."]
        assert reply(words) == "", command


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_method_in_a_command_exists(name: str) -> None:
    tasks = registry.tasks()
    for word in (word for command in commands(name) for word in words_of(command)):
        if word.partition("/")[0] in tasks and word not in PLACEHOLDERS and "*" not in word:
            assert registry.find(word)


@pytest.mark.parametrize(
    "wrong", [["lits"], ["run", "--sed", "3"], ["list", "--strict"], ["hardware", "pni"]]
)
def test_a_wrong_command_would_be_noticed(wrong: list[str]) -> None:
    assert "No such" in reply(wrong)


def test_every_verb_is_in_the_help_pages() -> None:
    pages = (ROOT / "docs" / "help.md").read_text(encoding="utf-8")
    for verb in VERBS:
        assert f"## adabench {verb}\n" in pages
