"""Streams of requests: which kinds of questions a stream has, and its questions one by one."""

from collections.abc import Sequence

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.worlds import WorldRules
from adabench.workloads.agents.truth.problems import (
    QUESTION_KINDS,
    SIZES,
    Family,
    Problem,
    draw_problem,
)
from adabench.workloads.shared.language_model.contract import mix

Kinds = tuple[tuple[Family, int], ...]


def read_kinds(text: str) -> dict[str, Kinds]:
    """Read which streams there are: all kinds of questions, a family (`kb`), or one size of it (`kb4`).

    Raises:
        SelectionError: for one that there is not.
    """
    known: dict[str, Kinds] = {"all": QUESTION_KINDS}
    known |= {
        family: tuple(kind for kind in QUESTION_KINDS if kind[0] == family) for family in SIZES
    }
    known |= {f"{family}{n}": ((family, n),) for family, sizes in SIZES.items() for n in sizes}
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise SelectionError(f"There is no kind of question {name!r}.", nearest(name, known))
    return {name: known[name] for name in names}


def draw_request(key: int, among: Sequence[tuple[Family, int]], rules: WorldRules) -> Problem:
    """Draw a question of one of several kinds; it is of the split that is scored."""
    family, size = Draws(key).pick(among)
    return draw_problem(family, size, mix(key, size), "held-out", rules)
