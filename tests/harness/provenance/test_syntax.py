"""A file is what it does: prose, layout and what never runs are not seen, all else is."""

import pytest

from adabench.harness.provenance.syntax import Import, parse

PINNED = "5915b42554bee2f11b2f0ecd4a7bf66b9b6499b700e2670f980555d5ac1c3aa9"
PLAIN = b"import os\n\n\nclass A:\n    x = 1\n\n    def f(self):\n        return self.x + 1\n"


@pytest.mark.parametrize(
    "text",
    [
        b'"""Doc."""\n' + PLAIN,
        PLAIN.replace(b"class A:\n", b'class A:\n    """Doc."""\n\n'),
        PLAIN.replace(b"x = 1\n", b'x = 1  # one\n    """What x is."""\n'),
        PLAIN.replace(b"self):\n", b'self):\n        """Doc."""\n        # why\n        pass\n'),
        PLAIN.replace(b"self.x + 1", b"(\n            self.x\n            + 0x1\n        )"),
        PLAIN + b"\n\n# The end.\n",
    ],
    ids=["module", "class", "attribute", "function", "layout", "newline"],
)
def test_prose_and_layout_are_not_seen(text: bytes) -> None:
    assert parse(text) == parse(PLAIN)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN.replace(b"+ 1", b"- 1"),
        PLAIN.replace(b"x = 1", b"x = 1.0"),
        PLAIN.replace(b"x = 1", b"x = True"),
        PLAIN.replace(b"x = 1", b"x = None"),
        PLAIN.replace(b"x = 1", b"x: int = 1"),
        PLAIN.replace(b"def f", b"async def f"),
        PLAIN.replace(b"(self)", b"(self, *, y=None)"),
        PLAIN.replace(b"import os", b"import sys as os"),
        PLAIN.replace(b"import os", b""),
        PLAIN + b"y = 'x'\n",
    ],
)
def test_code_is_seen(text: bytes) -> None:
    assert parse(text) != parse(PLAIN)


def test_calls_that_differ_in_what_is_left_out_are_told_apart() -> None:
    texts = (b"f(None)", b"f()", b"f([])", b"f(())", b"return_ = f", b"x = [None]", b"x = []")
    assert len({parse(text).parts for text in texts}) == len(texts)


def test_sorting_imports_changes_nothing_where_they_stand_together() -> None:
    one = parse(b"import a\nfrom b import c, d\nx = 1\nimport e\n")
    other = parse(b"from b import d\nfrom b import c\nimport a\nx = 1\nimport e\n")
    assert sorted(one.imports) == sorted(other.imports)
    assert one.body == other.body
    assert one.body != parse(b"import a\nfrom b import c, d\nimport e\nx = 1\n").body


def test_every_version_of_python_writes_the_same() -> None:
    """In 3.12 an f-string can end with an empty text, and in 3.13 a dump leaves out what is empty."""
    text = b"""
from a import b, c as d

@b(1, *d, k=None)
async def f(x, /, y: int = 2, *z, w=(), **rest) -> "str":
    async with x as (p, q), y:
        return f"{x!r:>{y}}{z}" f"" rf"\\d{w:{p}.{q}f}" + u"u" 'v' + str(b"w", encoding="ascii")

class A(f, metaclass=d):
    x: int; y = [i async for i in z if i if not i]
    def g(self): return lambda *a: {**self, 1: -1.5e-7, 2j: ..., True: None}[1:, ::2]

match f:
    case A(x=1) | [_, *rest] | {"k": None, **more} if more: del x, y
    case _: raise A from None
try:
    x = (yield)
except* (A, B) as e: global g
else: nonlocal_ = not x < y <= z is not None
finally: print(x if y else z, sep="")
"""
    assert parse(text).body.hex() == PINNED


def test_imports_at_any_depth_are_seen_and_those_that_never_run_are_not() -> None:
    text = b"""
from typing import TYPE_CHECKING
import a.b
if TYPE_CHECKING:
    import never
else:
    import otherwise
def f():
    from . import lazy
    try:
        from ..up import x as y
    except ImportError:
        import c as z
"""
    assert set(parse(text).imports) == {
        Import("typing", "TYPE_CHECKING", "TYPE_CHECKING", 0),
        Import("a.b", "", "a.b", 0),
        Import("otherwise", "", "otherwise", 0),
        Import("", "lazy", "lazy", 1),
        Import("up", "x", "y", 2),
        Import("c", "", "z", 0),
    }
