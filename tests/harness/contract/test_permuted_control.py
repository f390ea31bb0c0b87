"""A card says what its method adapts on, or why that cannot be another case's."""

from dataclasses import replace

import pytest

from adabench.harness.contract.card import Card, Claim, Difference
from adabench.harness.contract.permuted_control import faults, permuted_card

CLAIM = Claim("T-1", "says", "headline", "paper", None, Difference("score", "old", low=0.0))
NEW = Card("New", role="adaptive", claims=(CLAIM,), signal=("toy.substrate:score",))
COIN = Card("Coin", role="control")


def problems(card: Card, coin: Card = COIN) -> list[str]:
    return list(faults("new", {"new": card, "coin": coin, "old": Card("Old", role="static")}))


@pytest.mark.parametrize(
    "card",
    [
        NEW,
        replace(NEW, signal=(), no_signal="bits stand in the trace"),
        replace(NEW, signal=(), no_signal="bits stand in the trace; `coin` throws a die"),
        replace(NEW, signal=(), claims=()),
        replace(NEW, signal=(), role="static"),
    ],
)
def test_a_signal_or_a_reason_will_do_where_something_is_claimed(card: Card) -> None:
    assert problems(card) == []


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (replace(NEW, signal=()), "neither the signal that it adapts on (signal=) nor why"),
        (replace(NEW, no_signal="it is shy"), "names a signal (signal=), and says why it has none"),
        (replace(NEW, signal=(), role="oracle", no_signal="it is one"), "and it is not adaptive"),
        (replace(NEW, signal=(), no_signal="see `old`"), "names 'old' in its place, which is no"),
        (replace(NEW, signal=(), no_signal="see `nobody`"), "names 'nobody' in its place"),
    ],
)
def test_a_card_that_leaves_it_open_is_refused_in_a_sentence(card: Card, said: str) -> None:
    (problem,) = problems(card)
    assert said in problem


def test_a_control_of_other_methods_stands_for_no_signal() -> None:
    named = replace(NEW, signal=(), no_signal="`coin` throws a die")
    assert problems(named, coin=replace(COIN, control_of=("new",))) == []
    assert problems(named, coin=replace(COIN, control_of=("old",)))


def test_a_reason_makes_no_control() -> None:
    assert permuted_card("new", replace(NEW, signal=(), no_signal="it is so")) is None
    assert permuted_card("new", NEW) is not None
