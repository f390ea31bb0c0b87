"""Sentences of movie reviews that people rated: a real text task, from a package in the cache folder.

VADER's source package carries 10,605 of them with mean ratings from -4 to 4. Those that are clearly good or bad are
taken, always the same and in the same order; each is in one split, by its own number.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adabench.harness.errors import EnvironmentProblem
from adabench.harness.store.prepared_states import default_folder

FILES = ("vadersentiment-3.3.2.tar.gz", "vaderSentiment-3.3.2.tar.gz")
INNER, TABLE = "hutto_ICWSM_2014.tar.gz", "movieReviewSnippets_GroundTruth.txt"
LEAST_RATING, MOST_WORDS = 1.0, 30
SPLITS = (("train", 0.6), ("calibration", 0.1), ("test", 0.3))


@dataclass(frozen=True)
class Sentence:
    """A sentence, and whether people found it good."""

    text: str
    good: bool
    split: str


def sentences(counts: dict[str, int]) -> list[Sentence]:
    """Return so many sentences of each split, by the digest of their text.

    Raises:
        EnvironmentProblem: if the package is not there, damaged or too small.
    """
    path = _package()
    try:
        rows = sorted(_rows(path), key=lambda one: hashlib.sha256(one.text.encode()).digest())
    except (tarfile.TarError, OSError, EOFError, KeyError, ValueError) as problem:
        raise EnvironmentProblem(
            f"{path} cannot be read as a package: {problem}.", "Delete it and bring it again."
        ) from problem
    found = []
    for split, count in counts.items():
        own = [one for one in rows if one.split == split][:count]
        if len(own) < count or len({one.good for one in own}) < 2:
            raise EnvironmentProblem(
                f"{path} has {len(own)} rated sentences for {split}, of {count} that are needed.",
                "Delete it and bring the whole package again.",
            )
        found += own
    return found


def _package() -> Path:
    folder = default_folder() / "data"
    there = [folder / name for name in FILES if (folder / name).is_file()]
    if not there:
        raise EnvironmentProblem(
            f"Rated sentences come from VADER's source package, and {folder / FILES[0]} is not there.",
            f"mkdir -p {folder} && pip download --no-deps --no-binary :all: vaderSentiment==3.3.2 -d "
            f"{folder} brings it, once (2.5 MB).",
        )
    return there[0]


def _rows(path: Path) -> Iterator[Sentence]:
    with tarfile.open(path) as outer:
        packed = outer.extractfile(next(name for name in outer.getnames() if name.endswith(INNER)))
        assert packed is not None
        with tarfile.open(fileobj=io.BytesIO(packed.read())) as archive:
            names = [name for name in archive.getnames() if name.endswith(TABLE)]
            table = archive.extractfile(next(name for name in names if "/._" not in f"/{name}"))
            assert table is not None
            for line in table.read().decode("latin-1").splitlines():
                name, rating, text = line.split("\t", 2)
                words = text.split()
                if words and len(words) <= MOST_WORDS and abs(float(rating)) >= LEAST_RATING:
                    split = _split(name)
                    yield Sentence(" ".join(words), float(rating) > 0, split)


def _split(name: str) -> str:
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48
    for split, share in SPLITS:
        if place < share:
            return split
        place -= share
    return SPLITS[-1][0]
