"""The draws of one decode of the transformers engine: from logits to words, and what is known of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from adabench.workloads.shared.language_model import random_draws
from adabench.workloads.shared.language_model.contract import Chunk, Finish, Seq
from adabench.workloads.shared.language_model.draw_options import DrawOptions
from adabench.workloads.shared.language_model.pooled import sampling
from adabench.workloads.shared.language_model.random_draws import uniform


@dataclass
class Draws:
    """What the sequences of a call may draw, and have drawn."""

    seqs: Sequence[Seq]
    options: DrawOptions
    context: int
    _begins: dict[Seq, int] = field(init=False)
    _ends: dict[Seq, int] = field(init=False)
    """The length that each does not grow beyond."""
    _rows: dict[Seq, int] = field(init=False)
    _known: dict[Seq, list[tuple[float, ...]]] = field(init=False)
    """Log-probability of each word drawn; entropy and confidence too, if they are watched."""

    def __post_init__(self) -> None:
        self._begins = {seq: len(seq.ids) for seq in self.seqs}
        self._ends = {
            seq: min(len(seq.ids) + limit, self.context)
            for seq, limit in zip(self.seqs, self.options.limits, strict=True)
        }
        self._rows = {seq: row for row, seq in enumerate(self.seqs)}
        self._known = {seq: [] for seq in self.seqs}

    def draw(
        self, active: Sequence[Seq], logits: Tensor, rows: Sequence[int] | None = None
    ) -> list[int]:
        """Return a word for each row [n, V]; on a GPU the logits stay where they are.

        `rows` says in which row each sequence stands, where some share one.
        """
        options, host = self.options, logits.device.type == "cpu"
        numbers = [uniform(seq.key, len(seq.ids)) for seq in active]
        masks = self._masks(active)
        if host:
            words, chances = random_draws.draw(
                logits.numpy(), numbers, options.temperature, options.top_p,
                None if masks is None else masks.numpy(), rows,
            )  # fmt: skip
        else:
            words, chances = sampling.draw_words(
                logits if rows is None else logits[rows], numbers, options.temperature, options.top_p,
                forced=[-1] * len(numbers),
                allowed=None if masks is None else masks.to(logits.device),
            )  # fmt: skip
        sure: tuple[list[float], ...] = ()
        if options.watch:
            sure = (
                random_draws.sureness(logits.numpy(), options.watch)
                if host
                else sampling.sureness(logits, options.watch)
            )
        if rows is not None:
            sure = tuple([values[row] for row in rows] for values in sure)
        for seq, *known in zip(active, chances, *sure, strict=True):
            self._known[seq].append(tuple(known))
        return words

    def is_full(self, seq: Seq) -> bool:
        """Say whether a sequence has its most words."""
        return len(seq.ids) >= self._ends[seq]

    def chunks(self, stops: frozenset[int], *, spent: bool) -> list[Chunk]:
        """Return what each sequence got, and add its log-probabilities to its sum."""
        return [self._chunk(seq, stops, spent=spent) for seq in self.seqs]

    def _chunk(self, seq: Seq, stops: frozenset[int], *, spent: bool) -> Chunk:
        ids, known = tuple(seq.ids[self._begins[seq] :]), self._known[seq]
        chances, *sure = zip(*known, strict=True) if known else ((),)
        seq.logprob += sum(chances)
        stopped = bool(ids) and ids[-1] in stops
        out_of_tokens = spent and not self.is_full(seq)
        finish: Finish = "stop" if stopped else "budget" if out_of_tokens else "length"
        return Chunk(ids, chances, finish, *sure)

    def _masks(self, active: Sequence[Seq]) -> Tensor | None:
        """Return the words [rows or 1, V] that may be drawn; None: all of them."""
        masks = self.options.masks
        if not len(masks):
            return None
        rows = [0] if len(masks) == 1 else [self._rows[seq] for seq in active]
        return torch.from_numpy(masks[rows])
