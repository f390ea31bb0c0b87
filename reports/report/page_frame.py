"""Frames pages beside the report, in its style (`page/page.css`): the sites' and those of cards.

A page holds everything it shows, and links are relative. Every text from a record or a card is escaped here.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from adabench.reports.figures.style import GREY, INK, RULE, SLATE, inline_svg
from adabench.reports.report.markup import LONGEST, cell_of, head, name
from adabench.reports.tables.cells import Cell, Column, Sheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXTRA = """
.page svg { width: 100%; height: auto; display: block; max-width: 62rem; }
pre { overflow-x: auto; }
details { margin: 1rem 0; } summary { cursor: pointer; }
"""
POLICY = "script-src 'none'; object-src 'none'"
SWAP = {INK: "currentColor", SLATE: "var(--soft)", GREY: "var(--strong)", RULE: "var(--rule)"}
"""Colours of figures that follow the page's theme."""


@cache
def style() -> str:
    """Return the report's style."""
    return Path(__file__).parent.joinpath("page/page.css").read_text(encoding="utf-8")


def document(
    title: str, lead: str, parts: Iterable[str], trail: Sequence[tuple[str, str]] = ()
) -> str:
    """Return a page; `lead` and `parts` are HTML, `trail` are links (target, text) to go back."""
    links = "".join(f'<li><a href="{escape(to)}">{escape(text)}</a></li>' for to, text in trail)
    nav = f'<nav aria-label="Where you are"><ul>{links}</ul></nav>' if links else ""
    body = "\n".join(part for part in parts if part)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{style()}{EXTRA}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<div class="page">
<header>
<div class="brand"><span><strong>adabench</strong></span></div>
<h1>{name(title)}</h1>
<p class="lead">{lead}</p>
{nav}
</header>
<main id="main">
{body}
</main>
</div>
</body>
</html>
"""


def section(heading: str, *parts: str, anchor: str = "") -> str:
    """Return a section; one without content is left out."""
    body = "\n".join(part for part in parts if part)
    own = f' id="{escape(anchor)}"' if anchor else ""
    return f"<section{own}>\n<h2>{escape(heading)}</h2>\n{body}\n</section>" if body else ""


def details_block(summary: str, body: str) -> str:
    """Return what is shown on demand."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>" if body else ""


def figure(drawn: "Figure", stem: str, words: str) -> str:
    """Return a figure with what it shows in words below it."""
    svg = inline_svg(drawn, stem, words, SWAP)
    return f"<figure>{svg}<figcaption>{escape(words)}</figcaption></figure>"


def table(sheet: Sheet, links: Mapping[str, str] | None = None, spoken: str = "") -> str:
    """Draw a sheet; one without rows is left out. `links` are targets of first cells, by text.

    `spoken` names the table to a screen reader where its title stands twice on a page.
    """
    if not sheet.rows:
        return ""
    heads = "".join(map(head, sheet.columns))
    rows = "".join(_row(sheet.columns, row, links or {}) for row in sheet.rows)
    note = f" <small>{escape(sheet.caption)}</small>" if sheet.caption else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" '
        f'aria-label="{escape((spoken or sheet.title)[:LONGEST])}">'
        f"<table><caption>{name(sheet.title)}{note}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(columns: Sequence[Column], cells: Sequence[Cell], links: Mapping[str, str]) -> str:
    link = links.get(cells[0].text, "")
    first = _linked(cells[0], link) if link else cell_of(columns[0], cells[0], "th")
    rest = (cell_of(c, cell) for c, cell in zip(columns[1:], cells[1:], strict=True))
    return f"<tr>{first}{''.join(rest)}</tr>"


def _linked(cell: Cell, link: str) -> str:
    minor = f"<small>{name(cell.minor)}</small>" if cell.minor else ""
    text = f'<a href="{escape(link)}">{name(cell.text)}</a>'
    return f'<th scope="row" class="{cell.tone}">{text}{minor}</th>'
