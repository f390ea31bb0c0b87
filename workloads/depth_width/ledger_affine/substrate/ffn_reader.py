"""What a method of affine operands holds, and the task that hands it out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

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

    def joined(self, parts: Sequence[tuple[Tensor, Run]]) -> Run:
        """Put answers together, each with the rows of its sequences; a later one replaces earlier.

        What any of them took is counted. They may come of several readers: a loop is counted in
        the slots of the model with the most of them, so that one list of runs holds all.
        """
        deepest = max((run for _, run in parts), key=lambda run: run.places)
        sequences = 1 + max(int(rows.max()) for rows, _ in parts)
        logits = deepest.logits.new_empty(sequences, *deepest.logits.shape[1:])
        works = []
        for rows, run in parts:
            logits[rows] = run.logits
            for within, work in run.works:
                moved = [(_moved(slot, run, deepest), flat) for slot, flat in work.runs]
                works.append((rows[within], replace(work, runs=moved)))
        parameters = sum(run.parameters for _, run in parts)
        return replace(
            deepest, logits=logits, works=tuple(works), parameters=parameters, unrolled=0
        )


def _moved(slot: int, run: Run, deepest: Run) -> int:
    """Return a slot as the model with the most places numbers it."""
    layer, place = divmod(slot, run.places)
    return layer * deepest.places + place


class AffineTask(Protocol):
    """Models by name, and unlabelled sequences."""

    def ffn_reader(self, base: str, /) -> FfnReader:
        """Return the reader of a model such as `versatile-ffn`."""
        ...

    def calibration(self) -> Batch:
        """Return sequences that no score is taken on."""
        ...
