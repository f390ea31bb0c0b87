"""Make `byte_corpus.xz`: prose and code that come with Python, by document, for byte-level language models.

Prose are the topic pages of the reference manual (`pydoc_data.topics`); code are modules of the standard library, in
alphabetical order, until `CODE_BYTES` are reached. Both belong to the interpreter and are under its licence. The
file holds JSON under LZMA: by domain, a list of documents with their names.

    python workloads/moe/data/make_byte_corpus.py

The result depends on the interpreter's version, which is why the file is shipped.
"""

import hashlib
import json
import lzma
import platform
import sysconfig
from collections.abc import Iterator
from pathlib import Path

OUT = Path(__file__).with_name("byte_corpus.xz")
CODE_BYTES = 900_000
LONGEST = 60_000
"""Longer modules are left out: one of them would be a split of its own."""


def prose() -> Iterator[tuple[str, str]]:
    """Yield the manual's topics by name."""
    from pydoc_data import topics

    yield from sorted(topics.topics.items())


def code() -> Iterator[tuple[str, str]]:
    """Yield modules of the standard library by name, until there are enough bytes."""
    taken, root = 0, Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.glob("*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if len(text) <= LONGEST and taken < CODE_BYTES:
            taken += len(text)
            yield path.stem, text


def main() -> None:
    """Write the corpus and its card."""
    corpus = {"prose": list(prose()), "code": list(code())}
    plain = json.dumps(corpus, ensure_ascii=False).encode()
    OUT.write_bytes(lzma.compress(plain, preset=9 | lzma.PRESET_EXTREME))
    card = {
        "title": "topics of the Python manual, and modules of its standard library",
        "python": platform.python_version(),
        "made_by": "workloads/moe/data/make_byte_corpus.py",
        "licence": "PSF-2.0",
        "documents": {domain: len(texts) for domain, texts in corpus.items()},
        "bytes": {
            domain: sum(len(t.encode()) for _, t in texts) for domain, texts in corpus.items()
        },
        "sha256": hashlib.sha256(plain).hexdigest(),
    }
    OUT.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
