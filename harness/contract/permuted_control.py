"""The control that the harness makes of a method: its own signal, permuted between cases.

A method adapts on a signal: a judge's scores, a forecast of difficulty, an agreement of samples. Its card
names the functions of the substrate that give it (`signal=`). `<method>_permuted` is the method with one
thing changed: what these functions return is what they returned for another case of the same seed. So the
signal has the distribution that it has, costs what it costs, and says nothing of the case at hand. Whatever this
control meets, the signal has no part in (`harness/run/permuted_signal.py` does it).

Where what a method adapts on cannot be another case's (bits that stand in a trace, answers to its own calls, a
run of one case) its card says so (`no_signal=`), and names the hand-written control that stands for it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from adabench.harness.contract.card import Card

SUFFIX = "_permuted"


def permuted_name(method: str) -> str:
    """Return what the control of a method is called."""
    return f"{method}{SUFFIX}"


def permuted_card(name: str, card: Card) -> Card | None:
    """Return the card of a method's control; None where its card names no signal."""
    if not card.signal:
        return None
    return replace(
        card,
        title=f"{card.title}, its signal permuted between cases",
        slug="",
        adapts="",
        role="control",
        claims=(),
        control_of=(name,),
        skips_from="",
        moved_from="",
    )


def faults(method: str, cards: Mapping[str, Card]) -> Iterator[str]:
    """Yield what is wrong with what a card says of a signal; `cards` are those of its task by bare name."""
    card = cards[method]
    if card.signal and card.no_signal:
        yield "it names a signal (signal=), and says why it has none (no_signal=)"
    if card.no_signal and card.role != "adaptive":
        yield "it says why it has no signal (no_signal=), and it is not adaptive"
    if card.role == "adaptive" and card.claims and not (card.signal or card.no_signal):
        yield (
            "something is claimed of it, and its card names neither the signal that it adapts on (signal=) "
            "nor why that cannot be another case's (no_signal=)"
        )
    for name in re.findall(r"`(\w+)`", card.no_signal):
        if name not in cards or not cards[name].controls(method):
            yield f"it has no signal (no_signal=) and names {name!r} in its place, which is no control of it"
