r"""Any method of a language task as an lm-eval model, so that lm-eval's tasks score adaptive
methods.

    python -P -m adabench.workloads.shared.lm_eval_bridge.model run --model adabench \
        --model_args method=chain/ets,N=16,out=runs/ets --tasks adabench_chain

takes what `lm_eval` takes: it registers the model, adds our tasks to `--include_path`, and hands
over. lm-eval 0.4 finds no models by entry point, so a program of your own imports this module
instead:

    import adabench.workloads.shared.lm_eval_bridge.model
    lm_eval.simple_evaluate("adabench", "method=chain/ets", tasks=[...])

`--model_args` names the method, `seed`, `scale` and `out`; every other name is a knob of the
method or a condition of its task, as with `adabench run --set`.

**Generation** (`chain`): the prompt's last question is the case, `solve` with all its searching is
the model, and the text of the completion is what lm-eval scores. A question that the task has for
this seed is that very case, with its random numbers: answers, counts and accuracy are those of
`adabench run`. Any other question gets random numbers from its own text. Sampling parameters of a
task are not the method's and are not read; `until` cuts the text.

**Likelihood** (`ledger`, `pretrained`): the method reads context and continuation once, teacher-forced, one
sequence at a time, so that neither batching nor the company of other requests decides who leaves
early. Continuations that share a context (the choices of an item) share its reading when each is
one word. A method that searches has no likelihood, and one that reads does not generate: each says
so.

**What it costs.** Every solving is measured like a case of a run: probes, latency, energy, the
task's counts. Means stand in lm-eval's results under `config.adabench`, beside its accuracy; with
`out=DIR` every record is appended to a run folder `DIR/<lm-eval task>`, which `claims`, `report`
and `compare` read. There `accuracy` is our own score, present where the case is one of the task's
own. One solving is one sample: `loops` is 1, and cases shorter than the clock are as coarse as that
is.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from adabench.harness.contract.card import Scalar
from adabench.harness.contract.protocols import account, judge
from adabench.harness.contract.record import Record
from adabench.harness.errors import AdabenchError, SelectionError, require
from adabench.harness.store import run_folder
from adabench.workloads.shared.lm_eval_bridge.subject import Subject, journal, subject
from adabench.workloads.shared.lm_eval_bridge.tasks import (
    FOLDER,
    chain_prompt,
    chain_text,
    ledger_ids,
)

require("lm_eval", extra="eval")
# lm-eval registers its own models only where nobody has registered one: ours is to join them.
require("lm_eval.models", extra="eval")
LM = require("lm_eval.api.model", extra="eval").LM

NOT_OURS = ("batch_size", "max_batch_size", "device", "trust_remote_code", "metadata")
"""What lm-eval adds to every model's arguments."""
SCORED = ("ledger", "pretrained")
"""Tasks whose methods score words that they are given."""
READ = ("chain", *SCORED)
"""Tasks whose cases can be read from text."""
Likelihood = tuple[float, bool]


class Request(Protocol):
    """What is read of lm-eval's `Instance`."""

    args: tuple[Any, ...]
    task_name: str | None


class AdaptiveModel(LM):  # type: ignore[misc, valid-type]
    """A method of `chain`, `ledger` or `pretrained`, as lm-eval sees a model."""

    def __init__(
        self,
        method: str,
        seed: int = 0,
        scale: str = "embedded",
        out: str | None = None,
        **asked: Scalar,
    ) -> None:
        """Load the method; `asked` are its knobs and its task's conditions.

        Raises:
            SelectionError: for a method, knob or value that does not exist, or a method of a
                task that does not read text.
        """
        super().__init__()
        if method.partition("/")[0] not in READ:
            raise SelectionError(
                f"lm-eval's tasks are text, and {method} does not read text.",
                f"Methods of {' and '.join(READ)} do.",
            )
        ours = {name: value for name, value in asked.items() if name not in NOT_OURS}
        self.subject = subject(method, int(seed), scale, ours)
        self.out = Path(out) if out else None
        self.records: dict[str, list[Record]] = defaultdict(list)
        self._known = _known(self.subject)
        self._met: Counter[tuple[int, ...]] = Counter()
        self._journals: dict[str, run_folder.Run] = {}
        """Of this call, closed when it ends."""
        self._opened = ExitStack()
        self._begun: set[str] = set()
        """Tasks whose journals were opened before."""

    def generate_until(self, requests: list[Request], disable_tqdm: bool = False) -> list[str]:
        """Solve each prompt's last question, searching as the method does."""
        del disable_tqdm
        if self.subject.cell.task != "chain":
            raise NotImplementedError(
                f"{self.subject.cell.address} reads a sequence once and does not generate: take a "
                "task that scores likelihoods, such as adabench_ledger."
            )
        with self._journalling():
            return [self._generated(request) for request in requests]

    def loglikelihood(
        self, requests: list[Request], disable_tqdm: bool = False
    ) -> list[Likelihood]:
        """Read context and continuation, and return what the continuation was worth."""
        del disable_tqdm
        self._require_reading()
        readings: dict[tuple[int, ...], torch.Tensor] = {}
        with self._journalling():
            return [self._worth(request, request.args, readings) for request in requests]

    def loglikelihood_rolling(
        self, requests: list[Request], disable_tqdm: bool = False
    ) -> list[float]:
        """Read whole texts; the first word is given."""
        del disable_tqdm
        self._require_reading()
        with self._journalling():
            parts = [(request, request.args[0].strip().partition(" ")) for request in requests]
            return [
                self._worth(request, (given, rest), {})[0] for request, (given, _, rest) in parts
            ]

    def get_model_info(self) -> dict[str, Any]:
        """Return what solving cost, on average, for lm-eval to put beside its results."""
        cell = self.subject.cell.to_json()
        costs = {name: _means(records) for name, records in self.records.items()}
        return {"adabench": {"cell": cell, "per_case": costs}}

    @contextmanager
    def _journalling(self) -> Iterator[None]:
        """Close the journals when all requests of a call have been answered."""
        with ExitStack() as opened:
            self._opened = opened
            try:
                yield
            finally:
                self._journals.clear()

    def _generated(self, request: Request) -> str:
        context, how = request.args
        case, own = self._case(chain_prompt(context))
        answer, record = self.subject.solve(case, own=own)
        completion: Any = account(self.subject.substrate, case, answer)
        score = judge(self.subject.task, case, completion) if own else {}
        self._record(request, record, score)
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
        if cell.task not in SCORED:
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
        # `pretrained` reads plain text with its model's own words.
        given, wanted = map(getattr(self.subject.task, "ids", ledger_ids), said)
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
        longest = getattr(task, "longest", 0) or task.corpora[0].inputs.shape[1]
        if len(ids) > longest:
            raise ValueError(f"A ledger model reads {longest} words, and these are {len(ids)}.")
        answer, record = self.subject.solve(self.subject.module.Batch(-1, np.array([ids])))
        works = [work for _, work in answer.works]
        counts = {
            "executions": float(answer.executions().float().mean()),
            "flops_counted": sum(work.flops + work.moved for work in works) / len(ids),
            "tokens": float(len(ids)),
        }
        self._record(request, record, counts)
        logits: torch.Tensor = answer.logits[0].cpu()
        return logits

    def _record(self, request: Request, record: Record, more: Any) -> None:
        """Keep what a case cost, in memory and in the journal of its lm-eval task."""
        task = str(request.task_name or "lm_eval")
        whole = replace(record, case=len(self.records[task]), values={**record.values, **more})
        self.records[task].append(whole)
        if self.out is not None:
            self._journal(self.out / task, task).append(whole)

    def _journal(self, folder: Path, task: str) -> run_folder.Run:
        if task not in self._journals:
            again = task in self._begun
            asked = {"lm_eval_task": task}
            run = run_folder.resume(folder) if again else journal(folder, self.subject.cell, asked)
            self._journals[task] = self._opened.enter_context(run)
            self._begun.add(task)
        return self._journals[task]


require("lm_eval.api.registry", extra="eval").register_model("adabench")(AdaptiveModel)


def _known(of: Subject) -> dict[tuple[int, ...], list[Any]]:
    """Return the task's own cases by their prompts, for tasks that generate."""
    known: dict[tuple[int, ...], list[Any]] = defaultdict(list)
    if of.cell.task == "chain":
        for case in of.task.cases():
            known[case.prompt].append(case)
    return dict(known)


def _means(records: Sequence[Record]) -> dict[str, float]:
    """Return means over cases of what every one of them has."""
    names = set.intersection(*(set(record.values) for record in records))
    return {
        name: sum(record.values[name] for record in records) / len(records)
        for name in sorted(names)
    }


def _until(text: str, stops: str | Iterable[str]) -> str:
    for stop in [stops] if isinstance(stops, str) else stops:
        text = text.split(stop)[0] if stop else text
    return text


def main() -> None:
    """Be `lm_eval`, with our model and our tasks known to it."""
    words = sys.argv[1:]
    given = any(word.startswith("--include_path") for word in words)
    if not given and any(word in ("run", "ls", "list", "validate", "--tasks") for word in words):
        sys.argv += ["--include_path", str(FOLDER)]
    try:
        require("lm_eval.__main__", extra="eval").cli_evaluate()
    except AdabenchError as problem:
        sys.stderr.write(f"adabench: {problem.message}\n  {problem.hint}\n")
        raise SystemExit(problem.exit_code) from None


if __name__ == "__main__":
    main()
