"""What a method of affine operands holds, and the task that hands it out."""

from dataclasses import dataclass, replace
from typing import Protocol

import torch

from adabench.workloads.depth_width.ledger_affine.substrate.ffn_models import Stack
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import (
    ONCE,
    Depths,
    Path,
    Run,
    decode_ffns,
    prefill_ffns,
)
from adabench.workloads.depth_width.substrate.readers import DECODED, GATHERED_TILE, Batch


@dataclass(frozen=True)
class FfnReader:
    """A model of affine operands: what a method gets to hold."""

    stack: Stack
    mode: str

    def read(
        self,
        batch: Batch,
        depths: Depths = ONCE,
        *,
        path: Path = "both",
        tile: int = GATHERED_TILE,
    ) -> Run:
        """Return logits for every position; loops and slices run for those that take them."""
        tokens = torch.from_numpy(batch.tokens)
        if self.mode == "prefill":
            answer = prefill_ffns(self.stack, tokens, depths, tile=tile, path=path)
        else:
            together, _ = DECODED[self.mode]
            answer = decode_ffns(self.stack, tokens, depths, batch=together, path=path)
        return replace(answer, unrolled=self.stack.shape.layers)


class AffineTask(Protocol):
    """Models by name, and unlabelled sequences."""

    def ffn_reader(self, base: str, /) -> FfnReader:
        """Return the reader of a model such as `versatile-ffn`."""
        ...

    def calibration(self) -> Batch:
        """Return sequences that no score is taken on."""
        ...
