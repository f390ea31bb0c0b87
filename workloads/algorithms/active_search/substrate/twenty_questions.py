"""Noisy 20 Questions and jokes: how likely an object gets a yes to a question.

Generated: 100 objects and 60 questions from a logistic model of rank 5,

    chance of a yes = 1 / (1 + exp(-u_object . v_question)),    u, v standard Gaussians

kept within 0.05..0.95, a new table for each seed. Jokes and who likes them, in the shape of Jester's table:

    rating = joke + user + (joke's taste . user's taste) + noise,    tastes of rank 6
    chance of a like = chance that the rating is above 0

100 jokes, ratings on Jester's scale of -10 to 10, and 200 users of its thousands: an object is a joke, a
question is a user, an answer says whether that user, asked now, likes it. Noise is logistic. Its spread of 4.1
is what the best models of Jester leave unexplained, as we remember it; the other spreads are chosen so that
ratings spread by about 5, and none is fitted: no rating of Jester's is here. Or a table of your own:

    adabench run 'active_search/*' --set matrix=answers.csv

one line an object, one column a question, numbers from 0 to 1 without a header.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from adabench.harness.errors import SelectionError
from adabench.workloads.algorithms.active_search.substrate.bandits import Small
from adabench.workloads.algorithms.active_search.substrate.hypothesis_search import LEAST

OBJECTS, QUESTIONS, RANK = 100, 60, 5
JOKES, USERS, TASTES = 100, 200, 6
MEAN, JOKE_SD, USER_SD, TASTE_SD, NOISE_SD = 0.7, 1.5, 2.5, 2.0, 4.1
"""In points of Jester's scale."""
MOST_OBJECTS, MOST_QUESTIONS, LONGEST = 2000, 1000, 50_000
FORM = "A matrix is a .csv file: a line an object, a column a question, chances of a yes in 0..1."


def table(rng: np.random.Generator, objects: int = OBJECTS, questions: int = QUESTIONS) -> Small:
    """Draw the chances of a yes: (objects, questions)."""
    u, v = rng.standard_normal((objects, RANK)), rng.standard_normal((RANK, questions))
    found: Small = np.clip(1 / (1 + np.exp(-u @ v)), LEAST, 1 - LEAST).astype(np.float32)
    return found


def joke_table(rng: np.random.Generator) -> Small:
    """Draw the chances of a like: (jokes, users)."""
    joke, user = rng.standard_normal((JOKES, 1)), rng.standard_normal((1, USERS))
    taste = (
        rng.standard_normal((JOKES, TASTES)) @ rng.standard_normal((TASTES, USERS)) / TASTES**0.5
    )
    rating = MEAN + JOKE_SD * joke + USER_SD * user + TASTE_SD * taste
    scale = NOISE_SD * 3**0.5 / np.pi  # of a logistic distribution of that spread
    found: Small = np.clip(1 / (1 + np.exp(-rating / scale)), LEAST, 1 - LEAST).astype(np.float32)
    return found


def read_matrix(name: str) -> Small:
    """Return the chances of a yes of a user's file: (objects, questions).

    Raises:
        SelectionError: if there is no such file, or it is no usable matrix.
    """
    path = Path(name)
    if not path.is_file():
        raise SelectionError(f"There is no file {name!r}.", FORM)
    with path.open("rb") as file:
        lines = list(islice(_lines(file, name), MOST_OBJECTS + 1))
    if len(lines) > MOST_OBJECTS:
        raise SelectionError(
            f"{name} has more than {MOST_OBJECTS:,} objects.", f"Cut it to {MOST_OBJECTS:,} lines."
        )
    rows = [_numbers(raw, at, name) for at, raw in enumerate(lines, 1)]
    if len(rows) < 2:
        raise SelectionError(
            f"{name} has {len(rows)} objects: there is nothing to tell apart.", FORM
        )
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise SelectionError(
            f"The lines of {name} have {min(widths)} to {max(widths)} columns.", FORM
        )
    found: Small = np.clip(np.array(rows), LEAST, 1 - LEAST).astype(np.float32)
    if len(np.unique(found, axis=0)) < 2:
        raise SelectionError(f"All objects of {name} answer alike: none can be found.", FORM)
    return found


def _lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the lines that are not blank; a line without an end is not read in whole."""
    while raw := file.readline(LONGEST):
        if len(raw) >= LONGEST:
            raise SelectionError(f"A line of {name} is longer than {LONGEST:,} bytes.", FORM)
        if raw.strip():
            yield raw


def _numbers(raw: bytes, at: int, name: str) -> list[float]:
    try:
        row = [float(part) for part in raw.decode("utf-8").split(",")]
    except (UnicodeDecodeError, ValueError):
        raise SelectionError(f"Line {at} of {name} is not numbers: {raw[:40]!r}.", FORM) from None
    if len(row) > MOST_QUESTIONS:
        raise SelectionError(
            f"Line {at} of {name} has {len(row):,} columns.", f"Cut it to {MOST_QUESTIONS:,}."
        )
    if not all(0 <= value <= 1 for value in row):
        raise SelectionError(f"Line {at} of {name} has a value outside 0 to 1, or none.", FORM)
    return row
