"""Reward models of Hugging Face as judges: they read the text again, with a tokenizer of their own.

Each step is scored once, when it is whole, and the last one when the completion has ended. What a
reading costs is booked when it runs: `judged` words, FLOPs by the formula of any model
(`causal_model.py`). Nothing is kept from one step to the next, so the beginning is read again.
"""

from collections.abc import Sequence
from copy import copy
from typing import Any

import torch

from adabench.workloads.shared.language_model.backends.causal_model import attention
from adabench.workloads.shared.language_model.backends.tokenizer_codec import text_steps
from adabench.workloads.shared.language_model.backends.torch_threads import one_core_spare
from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import Costs, Seq
from adabench.workloads.test_time.text.substrate.completions import QuestionText, TextCodec
from adabench.workloads.test_time.text.substrate.reward_shapes import Reading, Shape

STEP_MARK = "\n"


class RewardJudge:
    """Scores the steps of a policy's sequences by a reward model that reads their text."""

    def __init__(
        self, name: str, model: Any, shape: Shape, codec: TextCodec, question: QuestionText
    ) -> None:
        self.name, self.vocabulary = name, codec.vocabulary
        self._model, self._shape, self._codec, self._question = model.eval(), shape, codec, question
        self._row_flops = 2 * _matrices(model)
        self._position_flops = attention(model.config.get_text_config()).position_flops
        self._costs = Costs()
        self._scores: dict[Seq, tuple[float, ...]] = {}

    def of_session(self, models: SessionModels) -> "RewardJudge":
        """Return one with readings of its own, for one of several sessions side by side."""
        own = copy(self)
        own._costs = Costs()
        own._scores = {}
        return own

    def reset(self, costs: Costs) -> None:
        """Forget every sequence and count into `costs` from here on."""
        self._costs = costs
        self._scores.clear()

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Let what was scored of a parent count for its children."""
        if parent in self._scores:
            self._scores.update(dict.fromkeys(children, self._scores[parent]))

    def forget(self, seq: Seq) -> None:
        """Let go of a sequence."""
        self._scores.pop(seq, None)

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return a score for every whole step of each sequence; the last is whole when it ended."""
        for seq in seqs:
            known = self._scores.get(seq, ())
            steps = text_steps(self._codec.decode(seq.completion), STEP_MARK)
            if not seq.finished and steps and not steps[-1].endswith(STEP_MARK):
                steps = steps[:-1]
            if len(steps) > len(known):
                question = self._question(seq.ids[: seq.start])
                found = self._shape.readings(question, steps, len(known))
                known += tuple(score for reading in found for score in self._read(reading))
            self._scores[seq] = known
        return [self._scores[seq] for seq in seqs]

    @one_core_spare()
    @torch.no_grad()
    def _read(self, reading: Reading) -> list[float]:
        ids = torch.tensor([reading.ids], device=self._model.device)
        logits = self._model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0].float()
        self._book(len(reading.ids))
        if logits.dim() == 1:
            return [self._shape.score(logits)]
        return [self._shape.score(logits[place]) for place in reading.places]

    def _book(self, words: int) -> None:
        meter = self._costs.meter
        meter["judged"] += words
        meter["flops"] += self._row_flops * words + self._position_flops * words * (words + 1) // 2


def _matrices(model: Any) -> int:
    """Return the weights of matrices that a row meets; a head is one of them, an embedding is not."""
    return sum(
        module.weight.numel()
        for module in model.modules()
        if isinstance(module, torch.nn.Linear) and module.weight.dim() == 2
    )
