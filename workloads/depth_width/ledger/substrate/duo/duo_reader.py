"""What a Duo-LLM method holds: a model with big and small modules, and perhaps routers for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Protocol

import torch
from torch import Tensor

from adabench.workloads.depth_width.ledger.substrate.duo import duo_modules as duos
from adabench.workloads.depth_width.ledger.substrate.duo import pattern_search
from adabench.workloads.depth_width.ledger.substrate.duo.duo_modules import (
    PLACES,
    SIXTEENTH,
    SLOTS,
    Chooser,
    Duo,
    Routers,
    routed,
    shares,
)
from adabench.workloads.depth_width.substrate.answers.tally import Tally
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, one_thread, read_out
from adabench.workloads.depth_width.substrate.readers import DECODED, GATHERED_TILE, Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.work_counter import Work


@dataclass(frozen=True)
class Studied(Answer):
    """An oracle's answer, with what else it ran on the same positions."""

    views: Mapping[str, Tensor] = field(default_factory=dict)
    """Logits [sequences, tokens, vocabulary] by name."""
    running: Mapping[str, Tensor] = field(default_factory=dict)
    """Logits of the running value, [sequences, tokens, 7]: `own` and `big`."""


@dataclass(frozen=True)
class StudiedTally(Tally):
    """The same of such an answer, as plain data."""

    views: Mapping[str, Tensor]
    running: Mapping[str, Tensor]


@dataclass(frozen=True)
class DuoReader:
    """A model with big and small modules, ready to read batches."""

    duo: Duo
    routers: Routers | None
    mode: str

    def read(self, batch: Batch, choose: Chooser, *, tile: int = GATHERED_TILE) -> Answer:
        """Return logits for every position; modules run for those that take them."""
        return self._sized(self._read(torch.from_numpy(batch.tokens), choose, tile))

    def read_along(self, batch: Batch, options: Tensor, *, tile: int = GATHERED_TILE) -> Answer:
        """Read with given options [layers, sequences, tokens]."""
        tokens, together = torch.from_numpy(batch.tokens), tile
        if self.mode != "prefill":
            together = DECODED[self.mode][0]
        logits, works = [], []
        for first in range(0, len(tokens), together):
            part = slice(first, first + together)
            answer = self._read(tokens[part], Given(options[:, part]), together)
            logits.append(answer.logits)
            works += [(rows + first, work) for rows, work in answer.works]
        whole = Answer(torch.cat(logits), tuple(works), layers_per_run=duos.SIXTEENTH)
        return self._sized(whole)

    def read_apart(self, batch: Batch, options: Tensor) -> Answer:
        """Read with big modules, then each position along its own options against that.

        `options` are [layers, sequences, tokens]; a position pays for both readings.
        """
        duo, tokens, logits, works = self.duo, torch.from_numpy(batch.tokens), [], []
        with torch.inference_mode(), one_thread():
            for first in range(0, len(tokens), GATHERED_TILE):
                part, work = tokens[first : first + GATHERED_TILE], Work()
                there = pattern_search.scene(duo, part, pattern_search.positions(part), work)
                own = options[:, first : first + GATHERED_TILE]
                states = pattern_search.apart(there, own, work)
                logits.append(read_out(duo.model, states, work))
                for choice in (torch.full_like(own, duos.BIG), own):
                    duos.written(work, choice.flatten(1))
                work.kv_entries = work.kv_allocated = part.numel() * len(own)
                works.append((torch.arange(first, first + len(part)), work))
        whole = Answer(torch.cat(logits), tuple(works), layers_per_run=duos.SIXTEENTH)
        return self._sized(whole)

    def studied(
        self,
        answer: Answer,
        *,
        views: Mapping[str, Tensor],
        running: Mapping[str, Tensor] | None = None,
    ) -> Studied:
        """Return an answer of this reader with what an oracle ran elsewhere on its positions."""
        own = {part.name: getattr(answer, part.name) for part in fields(answer)}
        return Studied(**own, views=views, running=running or {})

    def _read(self, tokens: Tensor, choose: Chooser, tile: int) -> Answer:
        if self.mode == "prefill":
            return duos.prefill_duo(self.duo, tokens, choose, tile=tile)
        return duos.decode_duo(self.duo, tokens, choose, batch=DECODED[self.mode][0])

    def _sized(self, answer: Answer) -> Answer:
        routers = () if self.routers is None else self.routers.parameters()
        return replace(
            answer,
            parameters=self.duo.parameters + sum(weight.numel() for weight in routers),
            unrolled=self.duo.model.shape.layers,
        )


@dataclass
class Given:
    """A chooser that hands out options [layers, sequences, tokens] as positions are met."""

    options: Tensor
    at: int = 0

    def __call__(self, layer: int, rows: Tensor, work: Work) -> Tensor:
        """Return the options of the next positions: all of them in prefill, one in decode."""
        layers, sequences, _ = self.options.shape
        after = self.at + len(rows) // sequences
        part = self.options[layer, :, self.at : after].flatten()
        if layer == layers - 1:
            self.at = after
        return part


def rates(reader: DuoReader, batch: Batch) -> Tensor:
    """Return the shares of skip, small and big in each layer under the routers, [layers, 3]."""
    assert reader.routers is not None
    answer = replace(reader, mode="prefill").read(batch, routed(reader.routers))
    return shares(answer, answer.unrolled, batch.tokens.size)


class DuoTask(StreamTask, Protocol):
    """A stream's task that has a model with big and small modules."""

    def duo_reader(self, budget: int = 0) -> DuoReader:
        """Return its reader; `budget` picks the routers, 0 is without."""
        ...


def exit_like(answer: Answer) -> dict[str, float]:
    """Return the share of early exits among the positions that skip; 1 where nobody skips.

    An early exit skips every layer after the first that it skips. Nothing for other models.
    """
    if answer.layers_per_run != SIXTEENTH:
        return {}
    n, tokens = answer.logits.shape[:2]
    ran = torch.zeros(answer.unrolled, n, tokens, dtype=torch.bool)
    for sequences, work in answer.works:
        part = torch.zeros(answer.unrolled, len(sequences) * tokens, dtype=torch.bool)
        for slot, flat in work.runs:
            layer, place = divmod(slot, SLOTS)
            if place in PLACES:
                part[layer, flat] = True
        ran[:, sequences] = part.view(-1, len(sequences), tokens)
    skips = ~ran.all(0)
    if not skips.any():
        return {"exit_like": 1.0}
    returns = (ran[1:] & ~ran[:-1]).any(0)  # runs a layer after one that it skipped
    return {"exit_like": float((~returns)[skips].double().mean())}
