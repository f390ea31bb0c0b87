"""Small pictures with prompts: glyphs of the fonts that matplotlib brings, handwritten digits, clothes.

A prompt of glyphs is four words: a character, a family, a weight, a slant. Glyphs are drawn large from their outlines and
averaged down, with a place of a quarter of a pixel by lot, so that a prompt has many pictures. Prompts are split: those of the test are
combinations of words that no training saw. Prompts of the other sources name a class and attributes that were computed from
the picture; how busy a picture is is never among them.

A prompt's code is the mean of its words' fixed random vectors: a frozen encoder that has no order.
"""

import gzip
import hashlib
import importlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adabench.harness.errors import EnvironmentProblem, MissingExtra, SelectionError

Prompt = tuple[str, ...]
WIDTH = 32
"""Of a prompt's vector."""
CHARACTERS = "ABCEGHIKLMNOSTWXZ.-:%@#&"
FAMILIES = {"sans": "DejaVuSans", "serif": "DejaVuSerif", "mono": "DejaVuSansMono"}
WEIGHTS = {"regular": "", "bold": "Bold"}
SLANTS = {"upright": "", "slanted": "Oblique"}
SIZE, FINE, LARGE = 12, 8, 80
"""Pixels of a glyph's picture on a side, fine dots to a pixel, and the height of a font in fine dots."""
FASHION = Path("/usr/share/dataset-fashion-mnist")
CLOTHES = (
    "shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "blouse",
    "sneaker",
    "bag",
    "boot",
)


@dataclass(frozen=True)
class Pictures:
    """Pictures and what each is of."""

    images: Tensor
    """[n, side, side], in -1..1, ink high."""
    prompts: tuple[Prompt, ...]

    def take(self, places: Sequence[int]) -> "Pictures":
        """Return some of them."""
        return Pictures(self.images[list(places)], tuple(self.prompts[i] for i in places))


def encode(prompts: Sequence[Prompt], source: str = "glyphs") -> Tensor:
    """Return the vectors of prompts, [n, WIDTH], of norm one.

    Raises:
        SelectionError: for a prompt without words, or a word that the source does not know.
    """
    known, table = _table(source)
    rows = []
    for prompt in prompts:
        if not prompt:
            raise SelectionError(
                "A prompt has no words.", "Say what is to be drawn, as: A serif bold upright."
            )
        for word in prompt:
            if word not in known:
                raise SelectionError(
                    f"No picture of {source} shows {word!r}.", f"Words are: {' '.join(known)}."
                )
        rows.append(table[[known[word] for word in prompt]].mean(0))
    found = torch.stack(rows)
    unit: Tensor = found / found.norm(dim=1, keepdim=True)
    return unit


def words(source: str) -> tuple[str, ...]:
    """Return every word of a source's prompts."""
    if source == "glyphs":
        return (*CHARACTERS, *FAMILIES, *WEIGHTS, *SLANTS)
    if source == "digits":
        return (*(f"digit-{d}" for d in range(10)), "thin", "thick", "narrow", "wide")
    if source == "fashion":
        return (*CLOTHES, "thin", "thick", "narrow", "wide")
    raise SelectionError(
        f"There are no pictures called {source!r}.", "Take glyphs, digits or fashion."
    )


@cache
def _table(source: str) -> tuple[dict[str, int], Tensor]:
    every = words(source)
    random = torch.Generator().manual_seed(41)
    return {word: i for i, word in enumerate(every)}, torch.randn(
        len(every), WIDTH, generator=random
    )


def glyph_prompts(split: str) -> list[Prompt]:
    """Return the prompts of a split of glyphs: a sixth of all is `test`, a twelfth `calibration`, the rest `train`."""
    every = [(*parts,) for parts in itertools.product(CHARACTERS, FAMILIES, WEIGHTS, SLANTS)]
    order = np.random.default_rng(17).permutation(len(every))
    ends = {"test": (0, 2), "calibration": (2, 3), "train": (3, 12)}[split]
    first, last = (len(every) * end // 12 for end in ends)
    return [every[i] for i in order[first:last]]


def draw(source: str, split: str, count: int, *seeds: int) -> Pictures:
    """Draw pictures of a split, with their prompts.

    Raises:
        SelectionError: for a source that there is not.
        MissingExtra, EnvironmentProblem: if what the pictures come from is not installed.
    """
    words(source)
    random = np.random.default_rng(np.random.SeedSequence(seeds[0], spawn_key=(7, *seeds[1:])))
    if source != "glyphs":
        every = _photographs(source)
        shares = {"test": (0.0, 0.2), "calibration": (0.2, 0.3), "train": (0.3, 1.0)}[split]
        first, last = (int(len(every.prompts) * share) for share in shares)
        return every.take((random.integers(last - first, size=count) + first).tolist())
    prompts = glyph_prompts(split)
    places = random.integers(len(prompts), size=count)
    shifts = random.integers(-FINE // 2, FINE // 2 + 1, size=(count, 2))
    chosen = tuple(prompts[i] for i in places)
    return Pictures(shifted(chosen, shifts), chosen)


def shifted(prompts: Sequence[Prompt], shifts: np.ndarray) -> Tensor:
    """Return glyphs at shifted places, [n, SIZE, SIZE]."""
    fine = np.stack([
        np.roll(_large(prompt), tuple(shift), (0, 1)) for prompt, shift in zip(prompts, shifts, strict=True)
    ])  # fmt: skip
    means = fine.reshape(len(prompts), SIZE, FINE, SIZE, FINE).mean((2, 4))
    return torch.from_numpy(means.astype(np.float32) / 127.5 - 1)


@cache
def _large(prompt: Prompt) -> np.ndarray:
    """Return a glyph in fine dots, [SIZE FINE, SIZE FINE], its middle in the middle, on a common base line."""
    character, family, weight, slant = prompt
    font = _font(family, weight, slant)
    flags = importlib.import_module("matplotlib.ft2font").LoadFlags.NO_HINTING
    font.set_text(character, 0.0, flags=flags)
    font.draw_glyphs_to_bitmap(antialiased=True)
    ink = np.asarray(font.get_image())
    side = SIZE * FINE
    below = round(font.get_descent() / 64)
    bottom = min(side, side * 3 // 4 + below + FINE // 2)
    found = np.zeros((side, side), dtype=np.uint8)
    ink = ink[max(0, ink.shape[0] - bottom) :, :side]
    top, left = bottom - ink.shape[0], (side - ink.shape[1]) // 2
    found[top:bottom, left : left + ink.shape[1]] = ink
    return found


@cache
def _font(family: str, weight: str, slant: str) -> Any:
    """Return a font at its size in fine dots.

    Raises:
        EnvironmentProblem: if its file is missing.
    """
    matplotlib = importlib.import_module("matplotlib")
    lean = SLANTS[slant] if family != "serif" or not SLANTS[slant] else "Italic"
    style = WEIGHTS[weight] + lean
    name = f"{FAMILIES[family]}{'-' if style else ''}{style}.ttf"
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name
    if not path.exists():
        raise EnvironmentProblem(
            f"The font {name} is not among those of matplotlib.",
            "Install matplotlib again, with its fonts.",
        )
    font = importlib.import_module("matplotlib.ft2font").FT2Font(str(path))
    font.set_size(LARGE, 72)
    return font


@cache
def _photographs(source: str) -> Pictures:
    """Return all pictures of digits or clothes with prompts, in an order by lot."""
    images, labels = _digits() if source == "digits" else _clothes()
    order = np.random.default_rng(17).permutation(len(labels))
    images, labels = images[order], labels[order]
    ink = images.mean((1, 2))
    spread = (images.max(1) > 0.0).mean(1)
    names = words(source)
    thick, wide = ink > np.median(ink), spread > np.median(spread)
    prompts = tuple(
        (names[label], "thick" if a else "thin", "wide" if b else "narrow")
        for label, a, b in zip(labels.tolist(), thick, wide, strict=True)
    )
    return Pictures(torch.from_numpy(images), prompts)


def _digits() -> tuple[np.ndarray, np.ndarray]:
    try:
        found = importlib.import_module("sklearn.datasets").load_digits()
    except ImportError as problem:
        raise MissingExtra(
            "Digits come with scikit-learn, which is not installed.",
            "pip install 'adabench[eval]', or take data=glyphs.",
        ) from problem
    return (found.images / 8 - 1).astype(np.float32), found.target.astype(np.int64)


def _clothes() -> tuple[np.ndarray, np.ndarray]:
    path = FASHION / "train-images-idx3-ubyte.gz"
    if not path.exists():
        raise EnvironmentProblem(
            f"Fashion-MNIST is not in {FASHION}.",
            "Install Debian's package dataset-fashion-mnist, or take data=glyphs.",
        )
    raw = np.frombuffer(gzip.decompress(path.read_bytes()), dtype=np.uint8, offset=16).reshape(
        -1, 28, 28
    )
    labels = gzip.decompress((FASHION / "train-labels-idx1-ubyte.gz").read_bytes())
    means = raw.reshape(-1, 14, 2, 14, 2).mean((2, 4))
    return (means / 127.5 - 1).astype(np.float32), np.frombuffer(
        labels, dtype=np.uint8, offset=8
    ).astype(np.int64)


def digest() -> str:
    """Return a digest of the pictures of a hundred prompts: other outlines are other pictures."""
    images = draw("glyphs", "train", 100, 0).images
    return hashlib.sha256((images * 32).round().to(torch.int8).numpy().tobytes()).hexdigest()
