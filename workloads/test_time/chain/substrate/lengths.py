"""The conditions `lengths` and `large`: how many operations, or large factors, the questions have, in turn.

"4,6"        4, 6, 4, 6, ...
"1..8"       1, 2, ..., 8, 1, ...
"2..4,8"     2, 3, 4, 8, 2, ...
"""

from adabench.harness.errors import SelectionError
from adabench.workloads.test_time.chain.substrate.problems import LONGEST

DEFAULT = "4,6"
_QUOTE = 60
"""Characters of a bad text that a refusal quotes."""


def read_lengths(
    text: str, name: str = "lengths", low: int = 1, high: int = LONGEST
) -> tuple[int, ...]:
    """Return the numbers that a condition names, in its order.

    Raises:
        SelectionError: if it names none, one that the models did not learn, or one twice.
    """
    asked = f"{name} {_quoted(text)}"
    found = [number for part in text.split(",") for number in _span(part, asked, low, high)]
    twice = next((number for number in found if found.count(number) > 1), None)
    if twice is not None:
        # Questions of one length come from one stream: they would be the same ones again.
        raise SelectionError(f"{asked} names {twice} twice.", "Name it once.")
    return tuple(found)


def _span(part: str, asked: str, low: int, high: int) -> range:
    """Return the numbers of `4` or of `1..8`."""
    remedy = (
        f"Write them as 4,6, or {low}..{high}, or 2..4,{high}: whole numbers of {low} to {high}."
    )
    first, dots, last = (word.strip() for word in part.partition(".."))
    last = last if dots else first
    name, _, text = asked.partition(" ")
    if not all(word.isascii() and word.isdigit() for word in (first, last)):
        raise SelectionError(f"{name} cannot be {text}.", remedy)
    if len(first) > 1 or len(last) > 1 or not low <= int(first) <= int(last) <= high:
        raise SelectionError(f"{name} cannot be {text}: no question has those.", remedy)
    return range(int(first), int(last) + 1)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _QUOTE else f"{text[:_QUOTE]}...")
