"""What a method that chooses widths holds: a model with granular modules in place of its MLPs."""

from dataclasses import dataclass, replace

import torch

from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.learners import (
    Chooser,
    Widened,
    decode_widths,
    prefill_widths,
)
from adabench.workloads.depth_width.substrate.readers import DECODED, GATHERED_TILE, Batch


@dataclass(frozen=True)
class WidthReader:
    """A model with granular modules: what a method that chooses widths gets to hold."""

    widened: Widened
    mode: str

    def read(self, batch: Batch, choose: Chooser, *, tile: int = GATHERED_TILE) -> Answer:
        """Return logits for every position; learners run for those that take them."""
        tokens = torch.from_numpy(batch.tokens)
        if self.mode == "prefill":
            answer = prefill_widths(self.widened, tokens, choose, tile=tile)
        else:
            answer = decode_widths(self.widened, tokens, choose, batch=DECODED[self.mode][0])
        return replace(
            answer,
            parameters=self.widened.parameters,
            unrolled=self.widened.model.shape.layers,
        )
