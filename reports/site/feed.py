"""An Atom feed (RFC 4287): what happened, newest first, for readers and for robots.

Times are those of the runs, never of publishing, so the same runs give the same bytes. Links
are relative unless the site knows its address; identifiers do not depend on it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as xml

NAMESPACE = "http://www.w3.org/2005/Atom"
NEWEST = 100
"""More entries than that no reader keeps."""
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""


@dataclass(frozen=True)
class Entry:
    """One thing that happened."""

    id: str
    """Unique for ever: `urn:...`."""
    title: str
    updated: str
    """RFC 3339, with a time zone."""
    link: str
    summary: str


def feed(title: str, entries: Sequence[Entry], url: str = "") -> bytes:
    """Return the feed; `url` is the address of the site, ending in a slash."""
    newest = sorted(entries, key=lambda entry: (entry.updated, entry.id), reverse=True)[:NEWEST]
    root = xml.Element("feed", xmlns=NAMESPACE)
    _text(root, "title", title)
    _text(root, "id", url or "urn:adabench:site")
    _text(root, "updated", newest[0].updated if newest else "1970-01-01T00:00:00+00:00")
    _text(xml.SubElement(root, "author"), "name", "adabench")
    if url:
        xml.SubElement(root, "link", rel="self", href=f"{url}feed.xml")
    xml.SubElement(root, "link", href=f"{url}index.html")
    for entry in newest:
        _entry(root, entry, url)
    xml.indent(root)
    body: bytes = xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _entry(root: xml.Element, entry: Entry, url: str) -> None:
    item = xml.SubElement(root, "entry")
    for tag in ("id", "title", "updated", "summary"):
        _text(item, tag, getattr(entry, tag))
    xml.SubElement(item, "link", href=f"{url}{entry.link}")


def _text(parent: xml.Element, tag: str, text: str) -> None:
    xml.SubElement(parent, tag).text = FORBIDDEN.sub("\ufffd", text)
