"""Every command of a guide is run, or says why not; every page is in the navigation, and links lead somewhere."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs import guide_page, live_blocks
from tests.docs.guide_reader import DOCS, PAGES, ROOT, Journey, page_text

READS = (".github/actions/gate/action.yml",)
"""For tests/suite/dependencies.py."""

yaml = pytest.importorskip("yaml", reason="the navigation is read with PyYAML")
BESIDE = {"index.md", "CONTRIBUTING.md", "CHANGELOG.md"}
"""Pages of the site that lie beside docs/."""
GUIDES = [path for room in ("start", "guides") for path in sorted((DOCS / room).glob("*.md"))]
EVERY = [path for path in sorted(DOCS.rglob("*.md")) if "recorded" not in path.parts[:-2]]


@pytest.mark.xdist_group("paging")
@pytest.mark.parametrize("page", PAGES)
def test_what_a_guide_says_to_run_runs(page: str, journey: Journey) -> None:
    for (name, line), done in journey.replies.items():
        if name == page:
            # Times of two rounds may be ambiguous, which no machine owes us to be otherwise.
            fine = (0, 5) if line.startswith("adabench gate") else (0,)
            assert done.returncode in fine, f"{line}\n{done.stdout}\n{done.stderr}"
            assert "Traceback" not in done.stderr
            assert "deprecated" not in done.stderr.lower()


def test_each_guide_is_followed() -> None:
    names = {path.relative_to(DOCS).as_posix() for path in GUIDES}
    assert names - {"guides/README.md"} == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_run_says_why(page: str) -> None:
    for block in guide_page.blocks(page_text(page)):
        if block.mark == "not run":
            assert re.match(r"needs |tests/", block.words), block.words
            assert ".ci/extra" not in block.words or (ROOT / ".ci" / "extra").is_file()
            for name in re.findall(r"tests/[\w/]+\.py", block.words):
                assert (ROOT / name).is_file(), name
        elif block.language == "bash":
            assert all(line.startswith(("adabench ", "pytest ")) for line in block.commands)


def places(entry: Any) -> Iterator[str]:
    """The pages below an entry of the navigation."""
    if isinstance(entry, str):
        yield entry
    elif isinstance(entry, dict):
        yield from (place for value in entry.values() for place in places(value))
    else:
        yield from (place for value in entry for place in places(value))


def test_every_page_is_in_the_navigation_once() -> None:
    nav = list(places(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    folders = {name for name in nav if name.endswith("/")}
    single = [name for name in nav if name not in folders | BESIDE]
    assert len(single) == len(set(single))
    pages = {path.relative_to(DOCS).as_posix() for path in EVERY}
    assert set(single) <= pages
    assert {name for name in pages if f"{name.partition('/')[0]}/" not in folders} == set(single)


@cache
def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in headings}


def broken_links(path: Path) -> Iterator[str]:
    """The links of a page that lead nowhere, or to a heading that is not there."""
    prose = re.sub(
        r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield f"{path.relative_to(DOCS).as_posix()}: {link}"


def test_links_and_their_anchors_lead_somewhere() -> None:
    assert len(EVERY) > 50
    assert [link for path in EVERY for link in broken_links(path)] == []


def test_a_block_of_output_is_what_the_command_prints_and_a_file_is_whole() -> None:
    text = (
        "<!-- output: adabench --version -->\nold\n<!-- /output -->\n"
        "<!-- source: tests/plugin/adabench_toy/coin.py as mine.py -->\n<!-- /source -->\n"
    )
    page = live_blocks.fill(text)
    assert "```console\n$ adabench --version\nadabench 0." in page
    assert "\nold\n" not in page
    source = (ROOT / "tests" / "plugin" / "adabench_toy" / "coin.py").read_text()
    assert source.rstrip() in page
    assert live_blocks.fill(page) == page
    assert guide_page.files(page) == {"mine.py": source}
    with pytest.raises(RuntimeError, match="exits 2"):
        live_blocks.fill("<!-- output: adabench runn -->\n<!-- /output -->\n")
