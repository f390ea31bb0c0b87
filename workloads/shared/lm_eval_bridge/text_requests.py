"""Requests of lm-eval that a method of `text` answers, or its policy: prompts, stops, contexts, windows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adabench.harness.contract.record import Cell, Record
from adabench.harness.errors import require
from adabench.workloads.shared.language_model.stop_strings import Stops
from adabench.workloads.shared.lm_eval_bridge.cost_journals import CostJournals
from adabench.workloads.shared.lm_eval_bridge.request import Likelihood, Request
from adabench.workloads.shared.lm_eval_bridge.text_subject import Prompt, TextSubject

MOST = 256
"""Words of a completion where a task does not say it, as with lm-eval's own models."""
LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""How tasks name the most words; the first one counts."""
LONGEST = 1 << 20
"""Words of a window where a model names no end of its context."""
READING = "the policy read; the method has no part in likelihoods"


class TextRequests:
    """What answers requests with a method of `text`."""

    def __init__(self, text: TextSubject, journals: CostJournals) -> None:
        self.text, self.journals = text, journals

    def generated(self, requests: Sequence[Request]) -> list[str]:
        """Answer each prompt as the method does."""
        cells, texts = self._cells(requests), []
        for request in requests:
            solved = self.text.completion(_prompt(request))
            record = replace(solved.record, cell=cells[request.task_name])
            self.journals.add(request.task_name, record, solved.grades)
            texts.append(solved.text)
        return texts

    def likelihoods(self, requests: Sequence[Request]) -> list[Likelihood]:
        """Read each context once, with all its continuations."""
        places: dict[tuple[str | None, str], list[int]] = {}
        for place, request in enumerate(requests):
            places.setdefault((request.task_name, str(request.args[0])), []).append(place)
        cells = self._cells(requests)
        found: list[Likelihood] = [(0.0, False)] * len(requests)
        for (task, context), alike in places.items():
            likelihoods, record = self.text.likelihoods(
                context, [str(requests[i].args[1]) for i in alike]
            )
            self._note(task, record, cells)
            for place, likelihood in zip(alike, likelihoods, strict=True):
                found[place] = likelihood
        return found

    def rolling(self, requests: Sequence[Request]) -> list[float]:
        """Read whole texts, in windows as lm-eval cuts them."""
        cells = self._cells(requests)
        return [self._rolled(request, cells) for request in requests]

    def _rolled(self, request: Request, cells: Mapping[str | None, Cell]) -> float:
        cutting = require("lm_eval.utils", extra="eval")
        windows = cutting.get_rolling_token_windows(
            token_list=list(self.text.words.bare(str(request.args[0]))),
            prefix_token=self.text.words.beginning,
            # A window and the word after it are read at once.
            max_seq_len=min(self.text.context, LONGEST) - 1,
            context_len=1,
        )
        likelihood = 0.0
        for window in windows:
            head, part = map(tuple, cutting.make_disjoint_window(window))
            ((chance, _),), record = self.text.word_likelihoods(head, [part])
            self._note(request.task_name, record, cells)
            likelihood += chance
        return likelihood

    def _note(self, task: str | None, record: Record, cells: Mapping[str | None, Cell]) -> None:
        note = "; ".join(filter(None, (record.note, READING)))
        self.journals.add(task, replace(record, cell=cells[task], note=note), {})

    def _cells(self, requests: Sequence[Request]) -> dict[str | None, Cell]:
        """Return the cell of each lm-eval task; questions that are not `text`'s own have other data."""
        own = self.text.made.cell
        counts = Counter(request.task_name for request in requests)
        foreign = {r.task_name for r in requests if str(r.args[0]) not in self.text.known}
        return {
            task: replace(
                own, conditions={**own.conditions, "data": f"lm-eval:{task}", "problems": count}
            )
            if task in foreign
            else own
            for task, count in counts.items()
        }


def _prompt(request: Request) -> Prompt:
    context, how = request.args
    most = next((how[name] for name in LIMITS if how.get(name) is not None), MOST)
    return Prompt(str(context), _stops(how.get("until")), int(most), _gold(request.doc))


def _stops(until: Any) -> Stops:
    return tuple(filter(None, (until,) if isinstance(until, str) else until or ()))


def _gold(item: Any) -> str | None:
    """Return what is right, where an item says it as our own data do."""
    answer = item.get("answer") if isinstance(item, Mapping) else None
    return answer if isinstance(answer, str) and answer.strip() else None
