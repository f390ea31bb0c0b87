"""Make `traces/python_docs.xz`: a real trace out of the manual that comes with Python.

Every word or symbol of the text is one request for its row of an embedding table, the
access pattern of a cache of embedding rows. The text is the topic pages of the reference
manual (`pydoc_data.topics`) followed by the docstrings and code of the standard library's
modules in alphabetical order, cut after `TOKENS` tokens. Token ids count by first
appearance. Both belong to the interpreter and are under its licence; only the numbers are
stored, little-endian 16-bit words under LZMA, with a card that says which Python and how.

    python workloads/algorithms/paging/data/make_docs_trace.py

The result depends on the interpreter's version, which is why the file is shipped.
"""

import hashlib
import json
import lzma
import platform
import re
import sysconfig
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np

TOKENS = 300_000
WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_+")
OUT = Path(__file__).parent / "traces" / "python_docs.xz"
LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"}


def texts() -> Iterator[str]:
    """Yield the manual's topics, then the standard library's sources, in a fixed order."""
    from pydoc_data import topics

    yield from (topics.topics[name] for name in sorted(topics.topics))
    root = Path(sysconfig.get_path("stdlib"))
    sources = (path.relative_to(root) for path in root.rglob("*.py"))
    for path in sorted(path for path in sources if not LEFT_OUT & set(path.parts)):
        yield (root / path).read_text(encoding="utf-8", errors="replace")


def token_ids(limit: int) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    """Return the first `limit` token ids, numbered by first appearance."""
    words = islice(chain.from_iterable(map(WORD.findall, texts())), limit)
    seen: dict[str, int] = {}
    return np.fromiter((seen.setdefault(word, len(seen)) for word in words), "<u2")


def main() -> None:
    """Write the trace and its card."""
    ids = token_ids(TOKENS)
    packed = lzma.compress(ids.tobytes(), preset=9 | lzma.PRESET_EXTREME)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(packed)
    card = {
        "title": "words of the Python manual and standard library, in order",
        "python": platform.python_version(),
        "made_by": "workloads/algorithms/paging/data/make_docs_trace.py",
        "tokens": len(ids),
        "vocabulary": int(ids.max()) + 1,
        "tokenizer": WORD.pattern,
        "format": "little-endian uint16, one word a token, LZMA (.xz)",
        "sha256": hashlib.sha256(packed).hexdigest(),
        "bytes": len(packed),
    }
    OUT.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n")


if __name__ == "__main__":
    main()
