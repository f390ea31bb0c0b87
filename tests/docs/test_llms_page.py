"""`llms.txt`: every page of the navigation once, with a link and a sentence."""

import re

import pytest

from docs.llms_page import llms_page
from tests.docs.guide_reader import DOCS, ROOT


def test_a_page_is_its_heading_its_place_and_its_first_sentence() -> None:
    texts = {
        "a.md": "# One\n\n<!-- not said. -->\n![picture](x.svg)\n\nWhat [it](b.md) is. More.\n",
        "in/b.md": "# Two\n\n```bash\nadabench list.\n```\n\n| a. |\n",
    }
    nav = [{"Start": ["a.md", {"Inside": ["in/b.md"]}]}]
    assert llms_page("name", "about", nav, texts) == (
        "# name\n\n> about\n\n## Start\n\n- [One](a.html): What it is.\n- [Two](in/b.html)\n"
    )


def test_every_single_page_of_the_site_is_in_it() -> None:
    yaml = pytest.importorskip("yaml", reason="the navigation is read with PyYAML")
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    [guides] = [entry for entry in site["nav"] if "Guides" in entry]
    texts = {name: (DOCS / name).read_text(encoding="utf-8") for name in guides["Guides"]}
    page = llms_page(site["site_name"], site["site_description"], [guides], texts)
    found = re.findall(r"^- \[[^\]]+\]\((.+)\.html\): .+", page, re.MULTILINE)
    assert [f"{name}.md" for name in found] == guides["Guides"]
