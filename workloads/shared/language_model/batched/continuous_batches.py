"""Batches what sessions run on one model of transformers: rows come and go at any word.

Rows that decode stay in one cache, aligned on the right: columns [begin, end) are what attention sees, and a row of n positions fills the
last n. Longer runs, of forced words, share a batch with those of as many words, for that one time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from adabench.workloads.shared.language_model.backends.growing_cache import SPARE
from adabench.workloads.shared.language_model.backends.torch_threads import one_core_spare
from adabench.workloads.shared.language_model.backends.transformers_batches import (
    Batch,
    Piece,
    Table,
)

MORE_COLUMNS = 4 * SPARE
"""Columns that a common cache is lengthened by at a time."""


@dataclass(eq=False)
class Row:
    """One sequence in a common cache."""

    pieces: Sequence[Piece]
    """What was stored before."""
    length: int
    """Positions so far."""
    place: int = -1
    """Its row in the cache; -1 before the first run."""


@dataclass(eq=False)
class SessionBatch(Batch):
    """A session's batch, which lies among the rows of a common cache once it has run.

    Its columns, and what it takes, are those that it would have alone.
    """

    tables: Sequence[Table] = ()
    common: "CommonCache | None" = None
    rows: list[Row] = field(init=False)
    capacity: int = 0
    """Columns that its own cache would have, spare ones included."""

    def __post_init__(self) -> None:
        self.rows = [Row(tuple(table.pieces), table.stored) for table in self.tables]
        self.capacity = self.begin + SPARE if self.begin else 0

    def note_run(self, common: "CommonCache") -> None:
        """Note that a common cache runs its rows; `states` have room for the new words already."""
        self.common = common
        if self.columns > self.capacity:
            self.capacity = self.columns + SPARE

    @property
    def memory_bytes(self) -> int:
        """Return the bytes that its keys, values and states would take alone."""
        each = 0 if self.common is None else self.common.position_bytes
        return len(self.rows) * self.capacity * each + self.states.nbytes

    def narrow(self, rows: Sequence[int]) -> None:
        """Keep some rows."""
        if len(rows) < len(self.rows):
            chosen = torch.tensor(rows, dtype=torch.long, device=self.lengths.device)
            self.lengths, self.states = self.lengths[chosen], self.states[chosen]
            self.rows = [self.rows[row] for row in rows]

    def piece(self, row: int) -> Piece:
        """Return a copy of the new positions of a row."""
        assert self.common is not None, "what has new positions was run"
        keys, values = self.common.latest(self.rows[row], self.columns - self.begin)
        return Piece(keys, values, self.states[row].clone())


class Run(NamedTuple):
    """What a session wants run: words [rows, n] at places [rows, n]; logits of the last `keep`."""

    batch: SessionBatch
    ids: Tensor
    places: Tensor
    keep: int


class WindowLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """Keys and values of one layer: places of which attention sees the first rows and some columns."""

    def __init__(self, rows: int, begin: int, end: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.places: list[Tensor] = []
        """Keys and values [rows, heads, columns, head width]; none before the first words."""
        self.rows, self.begin, self.end = rows, begin, end

    def take(self, places: list[Tensor]) -> None:
        """Lie in these places."""
        self.places = places
        if not self.is_initialized:
            self.lazy_initialization(*places)

    def look(self, rows: int, begin: int, end: int) -> tuple[Tensor, Tensor]:
        """See some rows and columns."""
        self.rows, self.begin, self.end = rows, begin, end
        keys, values = (place[:rows, :, begin:end] for place in self.places)
        self.keys, self.values = keys, values
        return keys, values

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write new columns behind those that are seen; return all."""
        new, more = (key_states, value_states), key_states.shape[-2]
        if not self.places:
            columns = self.end + more + MORE_COLUMNS
            self.take([_zeros(one, self.rows, columns) for one in new])
        for place, one in zip(self.places, new, strict=True):
            place[: self.rows, :, self.end : self.end + more] = one
        return self.look(self.rows, self.begin, self.end + more)


class CommonCache:
    """Rows of several sessions, aligned on the right."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.end = 0
        self._layers: list[WindowLayer] = []

    @property
    def begin(self) -> int:
        """Return the first column that attention sees."""
        return self.end - max((row.length for row in self.rows), default=0)

    @property
    def position_bytes(self) -> int:
        """Return what one position of one row takes."""
        places = (place for layer in self._layers for place in layer.places)
        return sum(place.shape[1] * place.shape[3] * place.itemsize for place in places)

    def hold(self, rows: Sequence[Row], more: int) -> None:
        """Hold just these rows, in an order of the cache's own, with room for `more` words of each."""
        wanted = set(rows)
        for row in [row for row in self.rows if row not in wanted]:
            self._leave(row)
        new = [row for row in rows if row.place < 0]
        longest = max((row.length for row in rows), default=0)
        if longest > self.end or not self._has_room(len(rows), self.end + more):
            self._move(rows, longest, more)
        for row in new:
            self._enter(row)

    def latest(self, row: Row, positions: int) -> tuple[Tensor, Tensor]:
        """Return copies of the latest keys and values of a row [layers, heads, positions, head width]."""
        columns = slice(self.end - positions, self.end)
        keys, values = (
            torch.stack([layer.places[which][row.place, :, columns] for layer in self._layers])
            for which in (0, 1)
        )
        return keys, values

    def cache(self) -> Any:
        """Return what a model of transformers reads and writes: the rows as they stand."""
        found: Any = DynamicCache()
        found.layers = self._layers
        found.layer_class_to_replicate = self._layer
        for layer in self._layers:
            layer.look(len(self.rows), self.begin, self.end)
        return found

    def grow(self, more: int) -> None:
        """Note that the model has written so many columns."""
        self.end += more
        for row in self.rows:
            row.length += more

    def _layer(self) -> WindowLayer:
        return WindowLayer(len(self.rows), self.begin, self.end)

    def _has_room(self, rows: int, columns: int) -> bool:
        if not self._layers:  # a layer that has no place yet makes one as large as it must be
            return True
        there = self._layers[0].places[0].shape
        return rows <= there[0] and columns <= there[2]

    def _leave(self, row: Row) -> None:
        """Drop a row; the last one takes its place."""
        last = self.rows.pop()
        if last is not row:
            for layer in self._layers:
                for place in layer.places:
                    place[row.place] = place[last.place]
            self.rows[row.place] = last
            last.place = row.place
        row.place = -1

    def _enter(self, row: Row) -> None:
        """Write what is stored of a row behind the others."""
        row.place = len(self.rows)
        self.rows.append(row)
        at = self.end - row.length
        for piece in row.pieces:
            to = at + len(piece.states)
            for index, layer in enumerate(self._layers):
                layer.places[0][row.place, :, at:to] = piece.keys[index]
                layer.places[1][row.place, :, at:to] = piece.values[index]
            at = to

    def _move(self, rows: Sequence[Row], end: int, more: int) -> None:
        """Go to places with room for these rows and `more` words of each, which end at another column."""
        columns, count, begin = end + more + MORE_COLUMNS, len(self.rows), self.begin
        held = self.end - begin
        if not self._layers:
            some = next(piece for row in rows for piece in row.pieces)
            self._layers = [self._layer() for _ in some.keys]
            for layer, *both in zip(self._layers, some.keys, some.values, strict=True):
                layer.take([_zeros(like[None], 0, 0) for like in both])
        for layer in self._layers:
            places = [_zeros(old, len(rows), columns) for old in layer.places]
            for place, old in zip(places, layer.places, strict=True):
                place[:count, :, end - held : end] = old[:count, :, begin : self.end]
            layer.take(places)
        self.end = end


def _zeros(like: Tensor, rows: int, columns: int) -> Tensor:
    """Return places for keys or values like these [rows, heads, n, head width]; padding must be a number."""
    _, heads, _, width = like.shape
    return like.new_zeros((rows, heads, columns, width))


class ContinuousBatches:
    """Runs one model for all sessions."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._decoding = CommonCache()

    def run(self, wanted: Sequence[Run]) -> list[tuple[Tensor, Tensor]]:
        """Run the words of each session; return logits [rows, keep, V] and states [rows, n, width]."""
        alike: dict[tuple[int, int], list[int]] = {}
        for place, one in enumerate(wanted):
            alike.setdefault((one.ids.shape[1], one.keep), []).append(place)
        found: dict[int, tuple[Tensor, Tensor]] = {}
        for (more, _), places in alike.items():
            cache = self._decoding if more == 1 else CommonCache()
            parts = self._run(cache, [wanted[place] for place in places])
            found.update(zip(places, parts, strict=True))
        return [found[place] for place in range(len(wanted))]

    @one_core_spare()
    @torch.no_grad()
    def _run(self, cache: CommonCache, wanted: Sequence[Run]) -> list[tuple[Tensor, Tensor]]:
        """Run words that are equally many in each row as one batch."""
        rows, more = [row for one in wanted for row in one.batch.rows], wanted[0].ids.shape[1]
        cache.hold(rows, more)
        for one in wanted:
            one.batch.note_run(cache)
        back = torch.tensor([row.place for row in rows], device=wanted[0].ids.device)
        order = back.argsort()
        ids = torch.cat([one.ids for one in wanted])[order]
        places = torch.cat([one.places for one in wanted])[order]
        end = cache.end + more
        columns = torch.arange(cache.begin, end, device=ids.device)
        mask = (columns >= end - 1 - places[:, -1:]).long()
        logits, states = self._engine.forward(cache.cache(), ids, places, mask, keep=wanted[0].keep)
        cache.grow(more)
        sizes = [len(one.ids) for one in wanted]
        return list(zip(logits[back].split(sizes), states[back].split(sizes), strict=True))
