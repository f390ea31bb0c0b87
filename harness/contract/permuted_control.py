"""The control that the harness makes of a method: its own signal, permuted between cases.

A method adapts on a signal: a judge's scores, a forecast of difficulty, an agreement of samples. Its card
names the functions of the substrate that give it (`signal=`). `<method>_permuted` is the method with one
thing changed: what these functions return is what they returned for another case of the same seed. So the
signal has the distribution that it has, costs what it costs, and says nothing of the case at hand. Whatever this
control meets, the signal has no part in (`harness/run/permuted_signal.py` does it).
"""

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
