"""Badges: a word and a figure in 20 pixels, as SVG that stands alone.

The letters' width is that of DejaVu Sans and written into the file (`textLength`), so the text
fits whatever font the reader has. Both texts are in a `<title>` too.
"""

from functools import cache
from typing import Any
from xml.etree import ElementTree as xml

SIZE_PX = 11.0
PADDING_PX = 6
HEIGHT_PX = 20
LEFT = "#555b62"
COLOURS = {"good": "#116b3c", "fair": "#835500", "bad": "#b3261e", "": "#0058a3", "mute": "#656d76"}
"""White on each of them has a contrast of at least 4.5."""


def badge(left: str, right: str, tone: str = "") -> bytes:
    """Return a badge."""
    widths = [_width(text) + 2 * PADDING_PX for text in (left, right)]
    whole = str(sum(widths))
    root = xml.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", width=whole, height=str(HEIGHT_PX), role="img",
        viewBox=f"0 0 {whole} {HEIGHT_PX}",
    )  # fmt: skip
    root.set("aria-label", f"{left}: {right}")
    xml.SubElement(root, "title").text = f"{left}: {right}"
    start = 0
    for text, width, colour in zip((left, right), widths, (LEFT, COLOURS[tone]), strict=True):
        box = {"x": str(start), "width": str(width), "height": str(HEIGHT_PX), "fill": colour}
        xml.SubElement(root, "rect", box)
        xml.SubElement(root, "text", _place(start, width)).text = text
        start += width
    drawn: bytes = xml.tostring(root, encoding="utf-8")
    return drawn + b"\n"


def _place(start: int, width: int) -> dict[str, str]:
    return {
        "x": str(start + PADDING_PX),
        "y": "14",
        "fill": "#ffffff",
        "font-family": "DejaVu Sans,Verdana,sans-serif",
        "font-size": f"{SIZE_PX:g}",
        "textLength": str(width - 2 * PADDING_PX),
    }


def _width(text: str) -> int:
    """Return how wide a text is, in whole pixels."""
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(text, _font(), False)
    return max(1, round(float(width)))


@cache
def _font() -> Any:
    from matplotlib.font_manager import FontProperties

    return FontProperties(family="DejaVu Sans", size=SIZE_PX)
