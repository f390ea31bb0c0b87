"""Posts that are to be moderated, and the small models that read them: each sees its own part.

    text, spam, toxicity   the words, as counts of bytes
    image, video           a picture of 16 x 16
    history, auto, human   earlier posts of the same writer, as counts

A post that is harmful shows it in each part with a probability of its own, so readers err, and several of them err
less than one. Each reader is a logistic regression that was fitted on posts of other seeds when this module was
first asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from adabench.workloads.shared.language_model.contract import mix

Floats = NDArray[np.float64]
SHOWS: Mapping[str, float] = {"words": 0.75, "picture": 0.85, "past": 0.7}
"""How often a harmful post shows it in a part; the others then look harmless."""
PART_OF: Mapping[str, str] = {"image": "picture", "video": "picture", "history": "past"}
"""By reader: what it sees; all others see the words."""
_CALM = "good day thanks nice garden recipe photo music friend"
_HARSH = "kill scum idiot trash hate burn filth worthless vermin"
PRACTICE, STEPS, RATE = 240, 100, 1.0
_POST = 0x9057


@dataclass(frozen=True)
class Post:
    """A post by its seed, and whether it is harmful."""

    seed: int
    is_harmful: bool

    def part(self, name: str) -> Floats:
        """Return what a reader sees of a part, as numbers."""
        draws = np.random.default_rng(mix(_POST, self.seed, *name.encode()))
        shows = self.is_harmful and draws.random() < SHOWS[name]
        if name == "words":
            return _bytes(draws, shows)
        if name == "picture":
            return _glyph(draws, shows)
        return np.asarray(draws.poisson((6.0, 3.0) if shows else (1.0, 3.0)), np.float64) / 5


def read_post(tool: str, post: Post) -> int:
    """Return what a reader says of a post: 1 for harmful."""
    name = PART_OF.get(tool, "words")
    weights = _fitted(name)
    return int(post.part(name) @ weights[:-1] + weights[-1] > 0)


def _bytes(draws: np.random.Generator, shows: bool) -> Floats:
    """Return counts of bytes of twelve words, a third of them harsh if it shows."""
    calm, harsh = _CALM.split(), _HARSH.split()
    words = [
        str(draws.choice(harsh if shows and draws.random() < 0.5 else calm)) for _ in range(12)
    ]
    raw = np.frombuffer(" ".join(words).encode(), np.uint8)
    return np.bincount(raw - 32, minlength=96)[:96] / 10


def _glyph(draws: np.random.Generator, shows: bool) -> Floats:
    """Return a noisy ring, or a cross if it shows."""
    y, x = np.mgrid[-7.5:8.5, -7.5:8.5]
    lines = np.abs(np.abs(x) - np.abs(y)) < 1.5
    ring = np.abs(np.hypot(x, y) - 5.5) < 1.5
    picture = np.where(lines if shows else ring, 1.0, 0.0)
    return (picture + draws.normal(0.0, 0.8, (16, 16))).ravel() / 4


@lru_cache(maxsize=8)
def _fitted(name: str) -> Floats:
    """Return the weights of a reader, the last of them its threshold."""
    posts = [Post(mix(_POST, 1, index), index % 2 == 0) for index in range(PRACTICE)]
    inputs = np.array([np.append(post.part(name), 1.0) for post in posts])
    labels = np.array([post.is_harmful for post in posts], np.float64)
    weights = np.zeros(inputs.shape[1])
    for _ in range(STEPS):
        errors = 1 / (1 + np.exp(-inputs @ weights)) - labels
        weights -= RATE * (inputs.T @ errors / PRACTICE + 1e-3 * weights)
    return weights
