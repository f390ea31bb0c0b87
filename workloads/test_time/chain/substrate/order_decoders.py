"""Decoders of the format `orders` that hold which factor a step takes, and leave the product to the policy.

    held      what stands in the prompt or further up: the last product, the factor, the slots; signs and the end
    its own   every product, greedy

Held words are drawn like all others and cost as much.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.vocabulary import EOS
from adabench.workloads.test_time.chain.substrate.held_words import mask_of, write
from adabench.workloads.test_time.chain.substrate.order_problems import (
    EQUAL,
    NUMBERS,
    SLOTS,
    STEP_END,
    TIMES,
    USED,
    ZERO,
    Product,
    problem_of,
)

ANY_NUMBER = mask_of(NUMBERS)


def problem_in(session: Session) -> Product:
    """Return the problem of a session.

    Raises:
        CapabilityMissing: if it is of another format.
    """
    if session.prompt[2] != SLOTS:
        raise CapabilityMissing(
            "Orders: the factors of these questions have an order already.",
            "Choose format=orders, or another method.",
        )
    return problem_of(session.prompt)


@dataclass
class OpenSolution:
    """A solution that is being written: what stands at its end."""

    seq: Seq
    value: int
    """The last product."""
    slots: list[int | None]
    """The factors by place, None where one is used."""

    @property
    def left(self) -> list[int]:
        """Return the places of the factors that are left."""
        return [place for place, slot in enumerate(self.slots) if slot is not None]


def begin(seq: Seq, problem: Product) -> OpenSolution:
    """Return a solution in which nothing is written yet."""
    return OpenSolution(seq, problem.first, list(problem.factors))


def multiply(
    session: Session, solutions: Sequence[OpenSolution], places: Sequence[int]
) -> list[float]:
    """Let each solution state the product with the factor at a place; return their log-probabilities."""
    seqs = [one.seq for one in solutions]
    factors = [one.slots[place] for one, place in zip(solutions, places, strict=True)]
    rows = [
        (ZERO + one.value, TIMES, ZERO + (factor or 0), EQUAL)
        for one, factor in zip(solutions, factors, strict=True)
    ]
    write(session, seqs, rows)
    chunks = session.decode(seqs, max_new=1, temperature=0.0, allow=ANY_NUMBER)
    for one, place, chunk in zip(solutions, places, chunks, strict=True):
        one.value = chunk.ids[0] - ZERO
        one.slots[place] = None
    return [chunk.logprobs[0] for chunk in chunks]


def close_step(session: Session, solutions: Sequence[OpenSolution]) -> None:
    """Write the slots as they are now."""
    slots = [[USED if slot is None else ZERO + slot for slot in one.slots] for one in solutions]
    write(session, [one.seq for one in solutions], [(SLOTS, *row, STEP_END) for row in slots])


def end(session: Session, solutions: Sequence[OpenSolution]) -> None:
    """End solutions."""
    write(session, [one.seq for one in solutions], [(EOS,)] * len(solutions))
