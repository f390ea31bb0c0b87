"""Jokes and who likes them: a generated table of the shape of Jester's, for hunts.

    rating = joke + user + (joke's taste . user's taste) + noise,    tastes of rank 6
    chance of a like = chance that the rating is above 0

100 jokes as in Jester, ratings on its scale of -10 to 10, and 200 users of its thousands: an
object is a joke, a question is a user, an answer says whether that user, asked now, likes it.
Noise is logistic. Its spread of 4.1 is what the best models of Jester leave unexplained, as we
remember it; the other spreads are chosen so that ratings spread by about 5, and none is fitted: no
rating of Jester's is here.

The real one is for whoever has it: a line a joke, a column a user, the chances that a user likes
it (what smoothing a model of the ratings gives), by `--set matrix=FILE`.
"""

import numpy as np

from adabench.workloads.algorithms.active_search.substrate.bandits import Small
from adabench.workloads.algorithms.active_search.substrate.hypothesis_search import LEAST

JOKES, USERS, RANK = 100, 200, 6
MEAN, JOKE_SD, USER_SD, TASTE_SD, NOISE_SD = 0.7, 1.5, 2.5, 2.0, 4.1
"""In points of the scale."""


def table(rng: np.random.Generator) -> Small:
    """Draw the chances of a like: (jokes, users)."""
    joke, user = rng.standard_normal((JOKES, 1)), rng.standard_normal((1, USERS))
    taste = rng.standard_normal((JOKES, RANK)) @ rng.standard_normal((RANK, USERS)) / RANK**0.5
    rating = MEAN + JOKE_SD * joke + USER_SD * user + TASTE_SD * taste
    scale = NOISE_SD * 3**0.5 / np.pi  # of a logistic distribution of that spread
    found: Small = np.clip(1 / (1 + np.exp(-rating / scale)), LEAST, 1 - LEAST).astype(np.float32)
    return found
