"""Runs a model that tells segments apart on the pooled engine: the words of a sequence say which of them begins."""

from collections.abc import Sequence

from torch import Tensor

from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.shared.language_model.pooled.engine import PooledEngine
from adabench.workloads.shared.language_model.pooled.thought_model import ThoughtModel, segments_of


class ThoughtEngine(PooledEngine):
    """A model of segments behind the engine interface."""

    def __init__(self, model: ThoughtModel, name: str, costs: Costs | None = None) -> None:
        super().__init__(model, name, costs)
        self.thinker = model

    def _segments(self, seq: Seq, part: Sequence[int]) -> list[int]:
        found = segments_of(part, seq.cache.segment)
        seq.cache.segment = found[-1] if found else seq.cache.segment
        return found

    def _read_as(
        self, segments: Sequence[int], layer: int, own: Sequence[Tensor]
    ) -> Sequence[Tensor]:
        return self.thinker.read_as(
            layer, self.thinker.embedding.weight.new_tensor(segments).long(), own
        )
