"""Keys and values of a batch that grow in place; transformers' own layers copy all of them at every word.

    cache = growing_cache(keys, values)         [layers, rows, heads, columns, head width]

A layer has columns to spare, and what is new is written there. When they are used up, it moves to a
larger place. Attention reads a view of the columns that are filled.
"""

from typing import Any

from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

SPARE = 32
"""Columns that are added at a time: a move is paid once in so many words."""


class GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """The keys and values of one layer, with columns to spare."""

    _places: tuple[Tensor, Tensor] | None = None
    """Where keys and values lie: [rows, heads, columns with the spare ones, head width]."""

    def fill(self, keys: Tensor, values: Tensor, columns: int) -> None:
        """Take places of which the first columns are filled."""
        self.lazy_initialization(keys, values)
        self._places = keys, values
        self._look(columns)

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write new columns behind those that are there; return all that are filled."""
        begin, more = self.get_seq_length(), key_states.shape[-2]
        if self._places is None or begin + more > self._places[0].shape[-2]:
            self._move(key_states, value_states, begin + more + SPARE)
        assert self._places is not None
        for place, new in zip(self._places, (key_states, value_states), strict=True):
            place[:, :, begin : begin + more] = new
        return self._look(begin + more)

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep some rows."""
        if self._places is not None:
            columns = self.get_seq_length()
            keys, values = self._places
            self._places = keys.index_select(0, indices), values.index_select(0, indices)
            self._look(columns)

    @property
    def memory_bytes(self) -> int:
        """Return what it takes, spare columns included."""
        return sum(place.nbytes for place in self._places or ())

    def _move(self, keys: Tensor, values: Tensor, columns: int) -> None:
        """Go to a place with more columns."""
        filled = self.get_seq_length()
        old = (self.keys, self.values) if filled else (None, None)
        if not self.is_initialized:
            self.lazy_initialization(keys, values)
        places = []
        for like, before in zip((keys, values), old, strict=True):
            rows, heads, _, width = like.shape
            place = like.new_empty((rows, heads, columns, width))
            if before is not None:
                place[:, :, :filled] = before
            places.append(place)
        self._places = places[0], places[1]

    def _look(self, columns: int) -> tuple[Tensor, Tensor]:
        assert self._places is not None
        keys, values = (place[:, :, :columns] for place in self._places)
        self.keys, self.values = keys, values
        return keys, values


def growing_cache(keys: Tensor | None = None, values: Tensor | None = None, filled: int = 0) -> Any:
    """Return a cache for a model of transformers, empty or with places of which some columns are filled."""
    cache = DynamicCache()
    cache.layer_class_to_replicate = GrowingLayer
    if keys is not None and values is not None:
        for layer_keys, layer_values in zip(keys, values, strict=True):
            layer = GrowingLayer()  # type: ignore[no-untyped-call]
            layer.fill(layer_keys, layer_values, filled)
            cache.layers.append(layer)
    return cache
