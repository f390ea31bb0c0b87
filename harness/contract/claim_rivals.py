"""Whom a published claim must be told apart from, and whether anybody is left who could meet it.

A claim is put to the controls and statics of its method (`analysis/claims/discrimination.py`), unless it names
others (`Claim.apart_from`); a control may say of which methods it is one (`Card.control_of`). Both leave rivals
out for good reasons, and neither may be a way out: of an adaptive method's published claims each has a
control left that could meet it, or says why it needs none (`Claim.no_rival`).
"""

from collections.abc import Iterator, Mapping

from adabench.harness.contract.card import Card, Role
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.expectations import OutOfReach, is_certainty, rival_names
from adabench.harness.contract.permuted_control import permuted_name

Cards = Mapping[str, Card]
"""The methods of a task by bare name."""


def rivals(
    claim: Claim,
    method: str,
    task: Card,
    cards: Cards,
    roles: tuple[Role, ...] = ("control", "static"),
) -> Iterator[str]:
    """Yield the methods that must not meet a claim: those that it names, else those of some roles.

    With the statics come the adaptive methods that the paper says it beats, in this claim or another.
    """
    if claim.apart_from is not None:
        yield from (name for name in claim.apart_from if name != method)
        own = permuted_name(method)
        if claim.apart_from and own in cards and own not in claim.apart_from:
            yield own
        return
    beaten = beaten_by(method, cards) if "static" in roles else set()
    for name, card in cards.items():
        of_it = card.role != "control" or card.controls(method)
        chosen = (card.role in roles and of_it) or (card.role == "adaptive" and name in beaten)
        if name != method and chosen and is_made_for(card, claim, task):
            yield name


def beaten_by(method: str, cards: Cards) -> set[str]:
    """Return the methods that published claims of a method say it is better than."""
    return {
        name for claim in cards[method].claims if claim.published
        for name in rival_names(claim.expect)
    }  # fmt: skip


def is_made_for(card: Card, claim: Claim, task: Card) -> bool:
    """Say whether the conditions that a method is made for are among those that a claim speaks of."""
    expect, known = claim.expect, task.defaults
    where = getattr(expect, "where", {})
    free = {task.budget, getattr(expect, "over", "")}
    for name, value in card.conditions.items():
        asked = where.get(name, known.get(name, value))
        if name not in free and value not in (asked if isinstance(asked, tuple) else (asked,)):
            return False
    return True


def faults(claim: Claim, method: str, task: Card, cards: Cards) -> Iterator[str]:
    """Yield why no control could meet a claim that should be put to one."""
    if cards[method].role != "adaptive" or not claim.published:
        return
    if isinstance(claim.expect, OutOfReach) or is_certainty(claim.expect):
        return
    controls = [
        name
        for name, card in cards.items()
        if card.controls(method) and is_made_for(card, claim, task)
    ]
    if claim.apart_from == ():
        if not claim.no_rival:
            yield f"{claim.id} is told apart from nobody and does not say why (no_rival=)"
    elif claim.apart_from is None:
        if not controls:
            yield (
                f"{claim.id} can be met by no control: none is one of {method} under its conditions. "
                "Name whom it must be told apart from (apart_from=), or write a control"
            )
    elif controls and not set(controls) & set(claim.apart_from):
        yield (
            f"{claim.id} names whom it must be told apart from and no control of {method}; "
            f"add {' or '.join(controls)}"
        )


def faults_of_units(
    claim: Claim, method: str, task: Card, cards: Mapping[str, Card]
) -> Iterator[str]:
    """Yield why a claim cannot be over what it says: it would count as independent what is not."""
    if claim.over is None:
        return
    if task.cases == "nested":
        if claim.over == "cases":
            yield f"{claim.id} is over cases, and a seed of this task changes what all its cases share (over=)"
        return
    for name in (method, *rival_names(claim.expect)):
        if name in cards and cards[name].prepares and claim.over != "trainings":
            yield f'{claim.id} is over {claim.over}, and {name} is fitted by its prepare: say over="trainings"'
