"""A session's view of an engine of transformers: the model runs for all sessions, all else is its own."""

from collections.abc import Sequence

import torch
from torch import Tensor

from adabench.workloads.shared.language_model.backends.transformers_batches import Batch, Table
from adabench.workloads.shared.language_model.backends.transformers_engine import TransformersEngine
from adabench.workloads.shared.language_model.batched.batched_sessions import BatchedSessions
from adabench.workloads.shared.language_model.batched.continuous_batches import (
    ContinuousBatches,
    Run,
    SessionBatch,
)
from adabench.workloads.shared.language_model.contract import Costs, Seq


class BatchedTransformersEngine(TransformersEngine):
    """Gathers its sequences into batches that lie among those of other sessions."""

    def __init__(
        self, engine: TransformersEngine, sessions: BatchedSessions, batches: ContinuousBatches
    ) -> None:
        vars(self).update(vars(engine))
        live: set[Table] = set()
        self.costs, self._live = Costs(), live
        self._sessions, self._batches = sessions, batches

    def _gathered(self, seqs: Sequence[Seq]) -> Batch:
        """Return a batch whose rows enter a common cache when it is run."""
        device = self.model.device
        lengths = [seq.cache.stored for seq in seqs]
        states = torch.empty((len(seqs), 0, self._width), dtype=self.model.dtype, device=device)
        self._sessions.note_rows(len(seqs))
        return SessionBatch(
            None, max(lengths, default=0), torch.tensor(lengths, device=device), states,
            tables=[seq.cache for seq in seqs],
        )  # fmt: skip

    def _forward(
        self, batch: Batch, ids: Tensor, places: Tensor, keep: int
    ) -> tuple[Tensor, Tensor]:
        assert isinstance(batch, SessionBatch), "all batches of this engine are"
        return self._sessions.call(self._batches.run, Run(batch, ids, places, keep))
