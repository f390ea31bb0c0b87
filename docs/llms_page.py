"""The site as a list for language models, `llms.txt`: what adabench is, and every page with a link and its first sentence."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

HEADING = re.compile(r"^# +(.+)$", re.MULTILINE)
SENTENCE = re.compile(r"^(?![#|<>`!\-*\[])(\S.*?[.:?])(?:\s|$)", re.MULTILINE)
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def llms_page(name: str, about: str, nav: Iterable[Any], texts: Mapping[str, str]) -> str:
    """Return the list; `nav` is that of mkdocs with folders expanded, `texts` are pages by their place."""
    sections = [
        "\n".join([f"## {title}", "", *(_line(page, texts[page]) for page in _pages(part))])
        for entry in nav
        for title, part in entry.items()
    ]
    return "\n\n".join([f"# {name}", f"> {about}", *sections]) + "\n"


def _pages(part: Any) -> Iterator[str]:
    """Yield the pages below an entry of the navigation."""
    if isinstance(part, str):
        yield part
    else:
        inside = part.values() if isinstance(part, dict) else part
        for each in inside:
            yield from _pages(each)


def _line(page: str, text: str) -> str:
    title = HEADING.search(text)
    prose = re.sub(r"^```.*?^```$|<!--.*?-->", "", text, flags=re.MULTILINE | re.DOTALL)
    said = SENTENCE.search(prose)
    plain = LINK.sub(lambda link: link[1], said[1]) if said else ""
    about = f": {plain}" if plain else ""
    return f"- [{title[1] if title else page}]({page.removesuffix('.md')}.html){about}"
