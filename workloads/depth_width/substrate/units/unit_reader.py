"""What a method that routes units holds: a frozen model and the parts trained for it."""

from dataclasses import dataclass, replace

import torch

from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.readers import DECODED, GATHERED_TILE, Batch
from adabench.workloads.depth_width.substrate.train_backbone import held_out_corpus, scores
from adabench.workloads.depth_width.substrate.units import unit_forward
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Fitted, rule
from adabench.workloads.depth_width.substrate.units.unit_forward import (
    Rule,
    decode_units,
    prefill_units,
)


@dataclass(frozen=True)
class UnitReader:
    """A frozen model and the parts trained for it: what a method that routes units gets to hold."""

    fitted: Fitted
    mode: str

    def read(self, batch: Batch, rule: Rule, *, tile: int = GATHERED_TILE) -> Answer:
        """Return logits for every position; units run for those that the rule keeps."""
        model, tokens = self.fitted.model, torch.from_numpy(batch.tokens)
        if self.mode == "prefill":
            answer = prefill_units(model, tokens, rule, tile=tile)
        else:
            answer = decode_units(model, tokens, rule, batch=DECODED[self.mode][0])
        weights = (*model.parameters(), *self.fitted.parts.parameters())
        return replace(
            answer,
            parameters=sum(weight.numel() for weight in weights),
            unrolled=model.shape.layers,
        )


def held_out(fitted: Fitted) -> dict[str, float]:
    """Return answer accuracy by k, filler accuracy and executions on held-out sequences."""
    corpus, tokens = held_out_corpus()
    answer = unit_forward.prefill_units(fitted.model, tokens, rule(fitted.parts), tile=16)
    return scores(corpus, answer.logits, float(answer.executions().double().mean()))
