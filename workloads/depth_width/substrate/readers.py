"""What a method holds: a model that reads batches and skips what the method's rule skips."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import (
    Answer,
    Policy,
    decode,
    everyone,
    prefill,
)
from adabench.workloads.depth_width.substrate.stream import Ints

DENSE_TILE, GATHERED_TILE = 64, 64
DECODED = {"decode1": (1, 4), "decode16": (16, 16)}
"""Sequences decoded together, and how many of a batch are decoded at all."""


@dataclass(frozen=True)
class Batch:
    """A case: token ids [sequences, 64], and which batch it is."""

    index: int
    tokens: Ints


@dataclass(frozen=True)
class Reader:
    """A trained model, ready to read batches: what a method gets to hold."""

    model: Backbone
    mode: str
    kv_analytic: float
    device: str = "cpu"

    def read(
        self,
        batch: Batch,
        policy: Policy = everyone,
        *,
        fill: bool = False,
        tile: int = GATHERED_TILE,
    ) -> Answer:
        """Return logits for every position, skipping what the policy skips."""
        tokens = torch.from_numpy(batch.tokens).to(self.device)
        return self.read_tokens(tokens, policy, fill=fill, tile=tile)

    def read_tokens(
        self, tokens: torch.Tensor, policy: Policy = everyone, *, fill: bool, tile: int
    ) -> Answer:
        """Read ids [n, T]."""
        if self.mode == "prefill":
            answer = prefill(self.model, tokens, policy, tile=tile, fill=fill)
        else:
            together, _ = DECODED[self.mode]
            answer = decode(self.model, tokens, policy, batch=together, fill=fill)
        return replace(
            answer,
            parameters=sum(weight.numel() for weight in self.model.parameters()),
            unrolled=len(self.model.shape.order),
            kv_analytic=self.kv_analytic,
        )

    def joined(self, parts: Sequence[tuple[Tensor, Answer]]) -> Answer:
        """Put answers together, each with the rows of its sequences; a later one replaces earlier.

        What any of them took is counted. They may come of several readers.
        """
        first = parts[0][1]
        sequences = 1 + max(int(rows.max()) for rows, _ in parts)
        logits = first.logits.new_empty(sequences, *first.logits.shape[1:])
        works = []
        for rows, answer in parts:
            logits[rows] = answer.logits
            works += [(rows[within], work) for within, work in answer.works]
        return replace(
            first,
            logits=logits,
            works=tuple(works),
            parameters=sum(answer.parameters for _, answer in parts),
            unrolled=0,
            kv_analytic=0.0,
        )
