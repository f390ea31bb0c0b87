"""The condition `lengths`: how many operations the questions have, in turn.

"4,6"        4, 6, 4, 6, ...
"1..8"       1, 2, ..., 8, 1, ...
"2..4,8"     2, 3, 4, 8, 2, ...
"""

from adabench.harness.errors import SelectionError
from adabench.workloads.test_time.chain.substrate.problems import LONGEST

DEFAULT = "4,6"
_REMEDY = f"Write them as 4,6, or 1..{LONGEST}, or 2..4,8: whole numbers of 1 to {LONGEST}."
_QUOTE = 60
"""Characters of a bad text that a refusal quotes."""


def read_lengths(text: str) -> tuple[int, ...]:
    """Return the lengths that a text names, in its order.

    Raises:
        SelectionError: if it names none, one that the models did not learn, or one twice.
    """
    found = [length for part in text.split(",") for length in _span(part, text)]
    twice = next((length for length in found if found.count(length) > 1), None)
    if twice is not None:
        # Questions of one length come from one stream: they would be the same ones again.
        raise SelectionError(f"lengths {_quoted(text)} names {twice} twice.", "Name it once.")
    return tuple(found)


def _span(part: str, text: str) -> range:
    """Return the lengths of `4` or of `1..8`."""
    first, dots, last = (word.strip() for word in part.partition(".."))
    last = last if dots else first
    if not all(word.isascii() and word.isdigit() for word in (first, last)):
        raise SelectionError(f"lengths cannot be {_quoted(text)}.", _REMEDY)
    if len(first) > 1 or len(last) > 1 or not 1 <= int(first) <= int(last) <= LONGEST:
        raise SelectionError(f"lengths cannot be {_quoted(text)}: no question has those.", _REMEDY)
    return range(int(first), int(last) + 1)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= _QUOTE else f"{text[:_QUOTE]}...")
