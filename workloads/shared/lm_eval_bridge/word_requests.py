"""Requests of lm-eval that methods of `chain` and `ledger` answer, in the tasks' own words."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import numpy as np
import torch

from adabench.harness.contract.protocols import account, judge
from adabench.workloads.shared.lm_eval_bridge.cost_journals import CostJournals
from adabench.workloads.shared.lm_eval_bridge.request import Likelihood, Request
from adabench.workloads.shared.lm_eval_bridge.subject import Subject
from adabench.workloads.shared.lm_eval_bridge.tasks import chain_prompt, chain_text, ledger_ids

SCORED = "ledger"
"""The task whose methods score words that they are given."""


class WordRequests:
    """What answers requests with a method of one of these tasks."""

    def __init__(self, subject: Subject, journals: CostJournals) -> None:
        self.subject, self.journals = subject, journals
        self._known = _known(subject)
        self._met: Counter[tuple[int, ...]] = Counter()

    def generated(self, requests: Sequence[Request]) -> list[str]:
        """Solve each prompt's last question, searching as the method does."""
        if self.subject.cell.task != "chain":
            raise NotImplementedError(
                f"{self.subject.cell.address} reads a sequence once and does not generate: take a "
                "task that scores likelihoods, such as adabench_ledger."
            )
        return [self._generated(request) for request in requests]

    def likelihoods(self, requests: Sequence[Request]) -> list[Likelihood]:
        """Read context and continuation, and return what the continuation was worth."""
        self._require_reading()
        readings: dict[tuple[int, ...], torch.Tensor] = {}
        return [self._worth(request, request.args, readings) for request in requests]

    def rolling(self, requests: Sequence[Request]) -> list[float]:
        """Read whole texts; the first word is given."""
        self._require_reading()
        parts = [(request, request.args[0].strip().partition(" ")) for request in requests]
        return [self._worth(request, (given, rest), {})[0] for request, (given, _, rest) in parts]

    def _generated(self, request: Request) -> str:
        context, how = request.args
        case, own = self._case(chain_prompt(context))
        answer, record = self.subject.solve(case, own=own)
        completion: Any = account(self.subject.substrate, case, answer)
        score = judge(self.subject.task, case, completion) if own else {}
        self.journals.add(request.task_name, record, score)
        return _until(chain_text(completion), how.get("until", ()))

    def _case(self, prompt: tuple[int, ...]) -> tuple[Any, bool]:
        """Return the task's own case with this prompt, or a new one; and whether it is its own."""
        known = self._known.get(prompt, ())
        if known:
            self._met[prompt] += 1
            return known[(self._met[prompt] - 1) % len(known)], True
        if self.subject.role == "oracle":
            raise NotImplementedError(
                f"{self.subject.cell.address} is an oracle, and has to be told the answers: it "
                "solves the questions of its own task and seed alone."
            )
        number = int.from_bytes(blake2b(repr(prompt).encode(), digest_size=4).digest(), "big")
        template = next(iter(self._known.values()))[0]
        return replace(template, index=number, prompt=prompt, group=""), False

    def _require_reading(self) -> None:
        cell, role = self.subject.cell, self.subject.role
        if cell.task != SCORED:
            raise NotImplementedError(
                f"{cell.address} searches for an answer, and what it returns has no likelihood: "
                "take a task that generates, such as adabench_chain or gsm8k."
            )
        if role == "oracle":
            raise NotImplementedError(
                f"{cell.address} is an oracle, and has to be told the answers."
            )

    def _worth(
        self,
        request: Request,
        said: tuple[str, ...],
        readings: dict[tuple[int, ...], torch.Tensor],
    ) -> Likelihood:
        """Return a continuation's log-probability, and whether each word was the likeliest."""
        given, wanted = map(ledger_ids, said)
        if not given or not wanted:
            raise ValueError("A ledger model needs a word to begin with and a word to judge.")
        read = (*given, *wanted[:-1])
        if read not in readings:
            readings.clear()  # choices follow one another, and logits of many words are large
            readings[read] = self._read(request, read)
        rows = readings[read][len(given) - 1 :].double()  # [words wanted, vocabulary]
        target = torch.tensor(wanted)
        worth = rows.log_softmax(-1)[torch.arange(len(wanted)), target].sum()
        return float(worth), bool((rows.argmax(-1) == target).all())

    def _read(self, request: Request, ids: tuple[int, ...]) -> torch.Tensor:
        """Return the logits after each word, [words, vocabulary]."""
        task = self.subject.task
        longest = task.corpora[0].inputs.shape[1]
        if len(ids) > longest:
            raise ValueError(f"A ledger model reads {longest} words, and these are {len(ids)}.")
        answer, record = self.subject.solve(self.subject.module.Batch(-1, np.array([ids])))
        works = [work for _, work in answer.works]
        counts = {
            "executions": float(answer.executions().float().mean()),
            "flops_counted": sum(work.flops + work.moved for work in works) / len(ids),
            "tokens": float(len(ids)),
        }
        self.journals.add(request.task_name, record, counts)
        logits: torch.Tensor = answer.logits[0].cpu()
        return logits


def _known(of: Subject) -> dict[tuple[int, ...], list[Any]]:
    """Return the task's own cases by their prompts, for tasks that generate."""
    known: dict[tuple[int, ...], list[Any]] = defaultdict(list)
    if of.cell.task == "chain":
        for case in of.task.cases():
            known[case.prompt].append(case)
    return dict(known)


def _until(text: str, stops: str | Iterable[str]) -> str:
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.split(stop)[0] if stop else text
    return text
