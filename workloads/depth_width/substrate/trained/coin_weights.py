"""The knob `weights` of a random control: on whose weights it chooses at random.

    weights=method    those of the method it controls, which were trained with its router (default)
    weights=coins     those of a recipe of their own, trained with random choices where the method has a router

The second is the harder control, and is not shipped: `adabench train` makes it.
"""

from adabench.harness.contract.card import Point
from adabench.harness.errors import SelectionError


def trained_with_coins(point: Point) -> bool:
    """Say whether weights of the coins' own are asked for.

    Raises:
        SelectionError: for another word than `method` and `coins`.
    """
    asked = point.get("weights", "method")
    if asked not in ("method", "coins"):
        raise SelectionError(f"weights={asked} says nothing.", "Choose weights=method or coins.")
    return asked == "coins"
