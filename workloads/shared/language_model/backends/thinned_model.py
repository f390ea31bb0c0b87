"""Makes a model without a tenth of its layers, on the very weights of the whole one.

Matrices, norms, embedding and head stand in both, so it takes no memory. Nothing is trained to make up for what is gone: the layers
at `PLACES`, which SmolLM2 misses least one by one (0.04 nats each of its own answers to six practice sums).
"""

import copy
from collections.abc import Collection
from fractions import Fraction
from typing import Any

from torch import nn

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.backends.transformers_engine import TransformersEngine

PLACES = (Fraction(27, 30), Fraction(4, 30), Fraction(9, 30))
"""Of the depth, the least missed one first."""
PLACE = "layer_idx"
"""Where a layer's attention has its place: the cache keeps its keys there."""


def gone_layers(count: int) -> frozenset[int]:
    """Return a tenth of so many layers, one at least; none of a single one."""
    wanted = max(1, round(count / 10)) if count > 1 else 0
    order = dict.fromkeys(min(count - 1, int(count * place)) for place in PLACES)
    rest = (layer for layer in reversed(range(1, count)) if layer not in order)
    return frozenset([*order, *rest][:wanted])


def thin(engine: TransformersEngine) -> TransformersEngine:
    """Return an engine over a model without the tenth of its layers that is missed least.

    Raises:
        SelectionError: for a model whose layers are not one list of layers of one make.
    """
    return thinned(engine, gone_layers(engine.model.config.get_text_config().num_hidden_layers))


def can_thin(engine: TransformersEngine) -> bool:
    """Say whether a model has one list of layers, two at least, that are all of one make."""
    lists = _layers(engine.model)
    return len(lists) == 1 and len(lists[0]) > 1 and len({repr(layer) for layer in lists[0]}) == 1


def thinned(engine: TransformersEngine, gone: Collection[int]) -> TransformersEngine:
    """Return an engine over a model without some layers, which shares all weights.

    Raises:
        SelectionError: for a model whose layers are not one list of layers of one make.
    """
    if not can_thin(engine):
        raise SelectionError(
            f"{engine.name} cannot be thinned: it has no list of layers that are all of one make.",
            "Name a small model of the same words: --draft hf:NAME.",
        )
    # An engine moves a model that is elsewhere; of two on shared weights one would find half of it moved.
    engine.model.to(engine.device)
    model = copy.deepcopy(engine.model, _shared(engine.model))
    config = model.config.get_text_config()
    count = config.num_hidden_layers
    kept = [index for index in range(count) if index not in gone]
    _keep(model, _layers(model)[0], kept)
    config.num_hidden_layers = len(kept)
    if getattr(config, "layer_types", None):
        config.layer_types = [config.layer_types[index] for index in kept]
    name = f"{engine.name} without {count - len(kept)} of {count} layers"
    return engine.part(model, name, Fraction(len(kept), count))


def _shared(model: nn.Module) -> dict[int, Any]:
    """Return what a copy takes over as it is: modules without parts, and weights that stand alone."""
    leaves: dict[int, Any] = {id(one): one for one in model.modules() if not any(one.children())}
    return leaves | {id(weight): weight for weight in model.parameters()}


def _layers(model: Any) -> list[nn.ModuleList]:
    """Return the lists that have as many parts as the model has layers."""
    count = model.config.get_text_config().num_hidden_layers
    return [one for one in model.modules() if isinstance(one, nn.ModuleList) and len(one) == count]


def _has_place(part: nn.Module) -> bool:
    return hasattr(part, PLACE)


def _keep(model: nn.Module, layers: nn.ModuleList, kept: list[int]) -> None:
    """Keep some layers, and tell each its place anew."""
    fewer = nn.ModuleList([layers[index] for index in kept])
    for place, layer in enumerate(fewer):
        for part in filter(_has_place, layer.modules()):
            setattr(part, PLACE, place)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if child is layers:
                setattr(parent, name, fewer)
