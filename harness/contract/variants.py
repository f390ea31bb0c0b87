"""Statics, controls and ablations that are a method at other values: rows of its card.

    CARD = Card(
        title="Predicted updates", ..., fixed={"hints": "given"},
        variants=(Variant("shuffled_predictions", "On shuffled predictions", {"hints": "shuffled"}),),
    )

    def solve(task, case, point):
        return task.serve(case, update, query, start, hints=point["hints"])

What a method reads from its point beside its knobs stands in `fixed=`; a variant has other values of
these, or of knobs, which it then has no more. `shuffled_predictions` has an address, a card and claims as
any method has, and records hold its own knobs alone. Its functions are the method's, so nothing differs but
these values. Coins that an engine deals by the name of a file are the method's too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import wraps
from types import ModuleType
from typing import Any

from adabench.harness.contract.card import Card, Scalar, Variant

POINT_AT = {"solve": 2, "prepare": 1, "unpack": 1}
"""By function of a method's file: where its operating point stands among the arguments."""


def variant_card(card: Card, variant: Variant) -> Card:
    """Return the card of a variant of the method that has this card."""
    own = tuple(knob for knob in card.knobs if knob.name not in variant.fixed)
    adapts = variant.role == "adaptive"
    return replace(
        card,
        title=variant.title,
        paper=variant.paper,
        slug=variant.slug,
        adapts=variant.adapts,
        signal=card.signal if adapts else (),
        no_signal=card.no_signal if adapts else "",
        role=variant.role,
        # How near a method is to its paper says nothing of a control that is made of it.
        fidelity=card.fidelity if variant.role == card.role else Card.fidelity,
        knobs=own if variant.knobs is None else variant.knobs,
        fixed={**card.fixed, **variant.fixed},
        abilities=tuple(one for one in card.abilities if one.is_needed(variant.fixed)),
        on_task=card.on_task if variant.on_task is None else variant.on_task,
        variants=(),
        claims=(),
        conditions=card.conditions if variant.conditions is None else variant.conditions,
        skips_from=card.skips_from if adapts else "",
        control_of=variant.control_of,
        idle=variant.idle,
        moved_from=variant.moved_from,
    )


def cards_of(name: str, card: Card) -> Iterator[tuple[str, Card]]:
    """Yield the cards of one file by name: the method's, then those of its variants."""
    yield name, card
    for variant in card.variants:
        yield variant.name, variant_card(card, variant)


def bound(module: ModuleType, card: Card) -> ModuleType:
    """Return the module of a method whose functions find in the point what its card fixes."""
    if not card.fixed:
        return module
    view = ModuleType(module.__name__, module.__doc__)
    vars(view).update(vars(module), CARD=card)
    for name, place in POINT_AT.items():
        if hasattr(module, name):
            setattr(view, name, _completed(getattr(module, name), place, card.fixed))
    return view


def _completed(
    function: Callable[..., Any], place: int, fixed: Mapping[str, Scalar]
) -> Callable[..., Any]:
    """Return a function that gets fixed values beside its point, the argument at a place."""

    @wraps(function)
    def completed(*args: Any) -> Any:
        before, point, after = args[:place], args[place], args[place + 1 :]
        return function(*before, {**fixed, **point}, *after)

    return completed
