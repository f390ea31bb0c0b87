"""Runs a model of experts on the pooled engine, and refines words: several routed passes, of which one word is drawn.

    plain pass     the experts of the highest scores R; its keys and values are what the cache holds
    pass i > 1     those of the highest R + noise G - reuse u, where G is Gumbel noise and u is how many earlier passes used an expert
    the word       drawn from sum_i w_i p_i, where w_i is the confidence of pass i over those of all

A further pass reruns the last position of a sequence over the plain pass's cache, its own place included, and writes nothing there
(Roster of Experts, arXiv 2509.17238, calls it a clean cache). Weights of the chosen are softmax(R), as ever. A refined word is booked
as `passes` words and so many serial steps; further rows and draws are counted where they run. Where the budget does not do for all, the
first sequences are refined.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.shared.language_model.contract import (
    Capability,
    Chunk,
    Costs,
    Refinement,
    Seq,
    mix,
)
from adabench.workloads.shared.language_model.model import rotate
from adabench.workloads.shared.language_model.pooled.engine import CAPABILITIES, PooledEngine
from adabench.workloads.shared.language_model.pooled.pool import Pool
from adabench.workloads.shared.language_model.pooled.sampling import sureness
from adabench.workloads.shared.language_model.routed_model import RoutedBlock, RoutedModel

ROUTED: frozenset[Capability] = CAPABILITIES | {"refine"}
LIKELIEST = 8
"""Words over which the confidence of a pass is taken."""


class RoutedEngine(PooledEngine):
    """A model of experts behind the engine interface."""

    def __init__(self, model: RoutedModel, name: str, costs: Costs | None = None) -> None:
        super().__init__(model, name, costs)
        self.caps = ROUTED
        self._blocks = [cast(RoutedBlock, block) for block in model.blocks]
        weight, chosen = model.embedding.weight, self._blocks[0].chosen
        # What the plain pass chose at each position: by layer, `chosen` experts.
        self.pool = Pool(model.shape, weight.device, weight.dtype, len(self._blocks) * chosen)
        self._how: Refinement | None = None
        self._refined: Counter[Seq] = Counter()

    @contextmanager
    def refining(self, how: Refinement) -> Iterator[None]:
        """Draw words within from several routed passes."""
        self._how = how
        try:
            yield
        finally:
            self._how = None

    def decode(self, seqs: Sequence[Seq], **how: Any) -> list[Chunk]:
        """Sample on from each sequence; see `Engine.decode`."""
        self._refined.clear()
        chunks = super().decode(seqs, **how)
        return [
            replace(chunk, refined=self._refined[seq])
            for seq, chunk in zip(seqs, chunks, strict=True)
        ]

    def _feed_forward(self, layer: int, x: Tensor) -> Tensor:
        block, first = self._blocks[layer], self.pool.used
        scores = block.router(x)
        places = block.choice(scores)
        self.pool.notes.view(len(self.pool.notes), -1, block.chosen)[
            first : first + len(x), layer
        ] = places
        return block.total(x, scores, places)

    def _next_logits(self, seqs: Sequence[Seq]) -> Tensor:
        plain = super()._next_logits(seqs)
        rows = self._unsure(plain, seqs) if self._how else []
        if not rows or self._how is None:
            return plain
        own, passes = [seqs[row] for row in rows], self._how.passes
        used = self._plain_use(own)
        logits = [plain[rows], *(self._rerouted(own, i, used, self._how) for i in range(1, passes))]
        sure = torch.tensor([sureness(one, LIKELIEST)[1] for one in logits])
        shares = (sure / sure.sum(0)).to(plain)[..., None]
        odds = torch.stack([one.softmax(-1) for one in logits])
        self._book(own, passes - 1)
        mixed = plain.clone()
        mixed[rows] = (shares * odds).sum(0).log()
        return mixed

    def _unsure(self, plain: Tensor, seqs: Sequence[Seq]) -> list[int]:
        """Return the rows whose next word is to be refined, as many as the budget allows."""
        assert self._how is not None
        entropies, _ = sureness(plain, 1)
        rows = [row for row, entropy in enumerate(entropies) if entropy >= self._how.above]
        left = self.costs.left
        most = len(rows) if left is None else (left - len(seqs)) // (self._how.passes - 1)
        return rows[:most]

    def _book(self, seqs: Sequence[Seq], further: int) -> None:
        """Book the passes behind the plain one."""
        self.costs.meter["generated"] += further * len(seqs)
        self.costs.meter["refined"] += len(seqs)
        self.costs.meter["serial_steps"] += further
        self._refined.update(seqs)

    def _plain_use(self, seqs: Sequence[Seq]) -> Tensor:
        """Return [layers, n, experts]: 1 where the plain pass of a last position used an expert."""
        last = np.array([seq.cache.places[-1] for seq in seqs])
        chosen = self.pool.notes[self.pool.index(last)].view(len(seqs), len(self._blocks), -1)
        return F.one_hot(chosen, self._blocks[0].experts).sum(2).transpose(0, 1)

    @torch.no_grad()
    def _rerouted(self, seqs: Sequence[Seq], number: int, used: Tensor, how: Refinement) -> Tensor:
        """Return logits [n, V] of a further pass over each last position; its experts are added to `used`."""
        n, width, device = len(seqs), self.shape.width, self.pool.keys.device
        places = torch.tensor([seq.cache.turn - 1 for seq in seqs], device=device)
        rotation = self._turns[0][places], self._turns[1][places]
        mask, noise = self._masks(seqs, 0), how.noise * self._gumbel(seqs, number)
        h = self.model.embedding(torch.tensor([seq.ids[-1] for seq in seqs], device=device))
        for layer, block in enumerate(self._blocks):
            asked = F.linear(block.norm_attention(h), block.qkv.weight[:width])
            queries = asked.view(n, block.heads, -1).transpose(0, 1)
            keys, values = self.pool.keys[layer], self.pool.values[layer]
            mixed = F.scaled_dot_product_attention(
                rotate(queries, rotation)[None],
                keys[None, :, : self.pool.used],
                values[None, :, : self.pool.used],
                attn_mask=mask[None, None],
            )[0]
            h = h + block.out(mixed.transpose(0, 1).reshape(n, width))
            x = block.norm_mlp(h)
            scores = block.router(x)
            chosen = block.choice(scores + noise[layer] - how.reuse * used[layer])
            used[layer].scatter_add_(1, chosen, torch.ones_like(chosen))
            h = h + block.total(x, scores, chosen)
        self._count(n, sum(len(seq.cache.places) for seq in seqs))
        return F.linear(self.model.norm(h), self.model.embedding.weight)

    def _count(self, rows: int, attended: int) -> None:
        """Count the products of a further pass, which makes no keys and no values."""
        shape, meter = self.shape, self.costs.meter
        weights = shape.parameters - 2 * shape.layers * shape.width**2
        unit = 4 * shape.layers * shape.width
        meter["flops"] += 2 * rows * (weights + shape.width * shape.vocabulary) + unit * attended
        meter["idle_flops"] += unit * (rows * self.pool.used - attended)

    def _gumbel(self, seqs: Sequence[Seq], number: int) -> Tensor:
        """Return Gumbel noise [layers, n, experts], by the key, length and pass of each sequence."""
        size = (len(self._blocks), self._blocks[0].experts)
        draws = [
            np.random.Generator(np.random.Philox(key=mix(seq.key, len(seq.ids), number))).gumbel(
                size=size
            )
            for seq in seqs
        ]
        return torch.from_numpy(np.stack(draws, 1)).to(self.pool.keys)
