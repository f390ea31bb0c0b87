"""What a method holds: a model that reads batches and skips what the method's rule skips."""

from dataclasses import dataclass, replace

import torch

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
