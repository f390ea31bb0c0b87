"""Requests of lm-eval that methods of `pretrained` answer: what they think of text, in nats.

The method reads context and continuation once, as it reads a window of a run, and decides as it reads
which layers or parts of them each word gets. Words are cut as lm-eval's own `hf` model cuts them
with `max_length` at the words of a window (256), so a method that skips nothing gives that model's
numbers. What is too long loses its beginning; `truncated` counts the words.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from adabench.harness.contract.protocols import account
from adabench.harness.errors import SelectionError, require
from adabench.workloads.shared.lm_eval_bridge.cost_journals import CostJournals
from adabench.workloads.shared.lm_eval_bridge.request import Likelihood, Request
from adabench.workloads.shared.lm_eval_bridge.subject import Subject
from adabench.workloads.shared.lm_eval_bridge.text_words import TextWords, Words


class WindowRequests:
    """What answers requests with a method of `pretrained`."""

    def __init__(self, subject: Subject, journals: CostJournals) -> None:
        self.subject, self.journals = subject, journals
        self.text = TextWords(subject.task.codec)

    def generated(self, requests: Sequence[Request]) -> list[str]:
        """Refuse: a reader writes nothing.

        Raises:
            SelectionError: always.
        """
        raise SelectionError(
            f"{self.subject.cell.address} reads a sequence once and does not generate.",
            "Take a task that scores likelihoods, or a method of text.",
        )

    def likelihoods(self, requests: Sequence[Request]) -> list[Likelihood]:
        """Read each context with its continuation; those of one word share a reading."""
        readings: dict[Words, torch.Tensor] = {}
        found = []
        for request in requests:
            context, continuation = map(str, request.args)
            head, (part,) = self.text.pairs(context, [continuation])
            found.append(self._likelihood(request, head, part, readings))
        return found

    def rolling(self, requests: Sequence[Request]) -> list[float]:
        """Read whole texts, in windows as lm-eval cuts them."""
        return [self._rolled(request) for request in requests]

    def _rolled(self, request: Request) -> float:
        cutting = require("lm_eval.utils", extra="eval")
        windows = cutting.get_rolling_token_windows(
            token_list=list(self.text.bare(str(request.args[0]))),
            prefix_token=self.text.beginning,
            max_seq_len=self.subject.task.longest,
            context_len=1,
        )
        pairs = (map(tuple, cutting.make_disjoint_window(window)) for window in windows)
        return sum(self._likelihood(request, head, part, {})[0] for head, part in pairs)

    def _likelihood(
        self, request: Request, head: Words, part: Words, readings: dict[Words, torch.Tensor]
    ) -> Likelihood:
        """Return a continuation's log-probability, and whether each word was the likeliest."""
        kept = self._kept(head, part)
        read = (*kept, *part[:-1])
        if read not in readings:
            readings.clear()  # choices follow one another, and logits of many words are large
            readings[read] = self._read(request, read, len(head) - len(kept))
        rows = readings[read][-len(part) :].double()  # [words of the part, vocabulary]
        target = torch.tensor(part)
        likelihood = rows.log_softmax(-1)[torch.arange(len(part)), target].sum()
        return float(likelihood), bool((rows.argmax(-1) == target).all())

    def _kept(self, head: Words, part: Words) -> Words:
        """Return what can be read of a context.

        Raises:
            SelectionError: for words that no reading of the method judges.
        """
        longest, opening = self.subject.task.longest, max(1, self.subject.task.prompt)
        kept = head[-max(0, longest + 1 - len(part)) :] if len(part) <= longest else ()
        if not part or len(kept) < opening:
            raise SelectionError(
                f"{self.subject.cell.address} reads {longest} words at once and judges those after "
                f"the first {opening}; here {len(kept)} of a context's {len(head)} fit before "
                f"{len(part)} that are to be judged.",
                "Take a task with other contexts"
                + (", or a method that decides word by word." if opening > 1 else "."),
            )
        return kept

    def _read(self, request: Request, ids: Words, lost: int) -> torch.Tensor:
        """Return the logits after each word that is judged, [words, vocabulary]."""
        made = self.subject
        case = made.module.Windows(-1, np.array([ids]), made.task.prompt)
        answer, record = made.solve(case)
        odds: Any = account(made.substrate, case, answer)
        counts = {**odds.counted, "tokens": float(len(ids))}
        self.journals.add(
            request.task_name, record, {**counts, **({"truncated": float(lost)} if lost else {})}
        )
        logits: torch.Tensor = answer.logits[0].cpu()
        return logits
