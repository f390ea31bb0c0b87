"""Draws a bank: to each question one greedy completion and N samples, with scores and what each of them cost.

The random numbers are those of a run with the same seed, so sample i of a bank is the sample i that `text/majority`
would draw. Questions are drawn some at a time and written at once: drawing may be interrupted, and goes on.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

from adabench.harness.contract.card import Scalar
from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.language_model.bank.sample_bank import (
    BankedQuestion,
    BankedSample,
    BankHeader,
    BankWriter,
    SampleBank,
    read_bank,
)
from adabench.workloads.shared.language_model.contract import (
    CapabilityMissing,
    Chunk,
    Costs,
    Seq,
    mix,
)
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.stop_strings import HALF
from adabench.workloads.shared.sources.model_digest import model_digest
from adabench.workloads.shared.sources.model_spec import model_spec
from adabench.workloads.test_time.text.substrate.completions import CompletionReader, end_words
from adabench.workloads.test_time.text.substrate.text_models import TextModels
from adabench.workloads.test_time.text.substrate.text_task import GradedText
from adabench.workloads.test_time.text.truth.question_rows import QuestionRow

ROWS = 288
"""Sequences in a batch, about; those with the same words so far are one row, so it has about 50 of them."""
Say = Callable[[int, int], None]
"""Is told after each batch how many questions are there, of how many."""


@dataclass(frozen=True)
class BankRequest:
    """What is to be drawn, and where to."""

    folder: Path
    samples: int
    conditions: Mapping[str, Scalar]
    """Of the task, with every default."""
    time_s: float | None = None
    """Seconds after which no further batch is begun."""
    say: Say = lambda there, wanted: None


@dataclass(frozen=True)
class Ask:
    """A question by its place, and which of its samples are wanted."""

    index: int
    known: int
    """Samples that the bank has."""
    wanted: int


Draw = Callable[[Sequence[Ask]], list[BankedQuestion]]
"""Draws what is asked, here or in another process."""


def together(task: GradedText) -> GradedText:
    """Return a task whose completions are run once as far as their words are the same."""
    models = task.load_models
    if not isinstance(models, TextModels):
        return task
    return replace(task, load_models=replace(models, merges=True))


def fill_bank(
    request: BankRequest,
    task: GradedText,
    rows: Sequence[QuestionRow],
    others: Iterable[Draw] = (),
) -> SampleBank:
    """Draw what a bank has not got yet of a task's questions, which are `rows`, and return it.

    `others` draw beside this process; what they draw is written here.

    Raises:
        SelectionError: for no samples, or a folder with another bank.
        EnvironmentProblem: if a server is gone.
    """
    if request.samples < 1:
        raise SelectionError("A bank needs samples.", "Ask for one at least: --samples 8.")
    writer = BankWriter(request.folder, _header(task, request.conditions))
    draws = _Draws(request, task, rows, writer, _asks(writer.bank, task, request.samples))
    here, *beside = partial(drawn, task), *others
    with ThreadPoolExecutor(len(beside) + 1) as pool:
        waiting = [pool.submit(draws.work, draw) for draw in beside]
        try:
            draws.work(here)
        finally:
            draws.over = True
        for one in waiting:
            one.result()
    return read_bank(request.folder)


def _asks(bank: SampleBank, task: GradedText, samples: int) -> list[Ask]:
    """Return what the bank has not got yet."""
    found = []
    for question in task.questions:
        known = bank.questions.get((task.seed, question.index))
        there = len(known.samples) if known is not None else 0
        if there < samples:
            found.append(Ask(question.index, there, samples))
    return found


@dataclass
class _Draws:
    """Draws some questions at a time and writes them, until all are there or the time is over."""

    request: BankRequest
    task: GradedText
    rows: Sequence[QuestionRow]
    writer: BankWriter
    asks: Sequence[Ask]
    over: bool = False
    lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.began_s = time.monotonic()
        self.there = len(self.rows) - len(self.asks)
        self.begun = False
        self.pending = iter(self.asks)
        shares = "held" in self.task.models.policy.caps
        self.size = max(1, ROWS // (self.request.samples + 1)) if shares else 1

    def work(self, draw: Draw) -> None:
        """Draw one batch after another, beside others that do; where one fails, none begins another."""
        while batch := self._batch():
            try:
                found = draw(batch)
            except BaseException:
                self.over = True
                raise
            with self.lock:
                for ask, question in zip(batch, found, strict=True):
                    row = self.rows[ask.index]
                    text = {"question": row.question, "answer": row.answer, "level": row.level}
                    self.writer.add((self.task.seed, ask.index), text, question)
                self.there += len(batch)
                self.request.say(self.there, len(self.rows))

    def _batch(self) -> list[Ask]:
        time_s = self.request.time_s
        with self.lock:
            late = time_s is not None and time.monotonic() - self.began_s > time_s
            self.over = self.over or (late and self.begun)
            self.begun = True
            return [] if self.over else list(islice(self.pending, self.size))


def _header(task: GradedText, given: Mapping[str, Scalar]) -> BankHeader:
    domain = task.domain
    reader = domain.answer
    assert isinstance(reader, CompletionReader)
    spec = model_spec(str(given["model"]))
    return BankHeader(
        model=str(given["model"]),
        judge=str(given["judge"]) if task.models.judge is not None else "none",
        data=str(given["data"]),
        level=str(given["level"]),
        chat=str(given["chat"]),
        temperature=domain.temperature,
        room=domain.room(()),
        step_room=domain.step_room,
        deepest=domain.deepest,
        rules=reader.rules,
        ends=reader.stops,
        sees_flops="flops_counted" not in task.unseen,
        grader=str(given["grader"]),
        prompt=str(given["prompt"]),
        weights="" if spec.is_served else model_digest(spec),
    )


def drawn(task: GradedText, asks: Sequence[Ask]) -> list[BankedQuestion]:
    """Draw the samples of some questions in one batch, and their greedy completions in another."""
    policy, judge, costs = task.models.policy, task.models.judge, Costs()
    policy.reset(costs)
    if judge is not None:
        judge.reset(costs)
    places = [_opened(task, ask, costs) for ask in asks]
    wanted = [leaf for place in places for leaf in place.leaves]
    chunks = dict(zip(wanted, _decoded(task, wanted, task.domain.temperature), strict=True))
    first = [place.greedy for place in places]
    chunks.update(zip(first, _decoded(task, first, 0.0), strict=True))
    if "held" not in policy.caps:  # a server reads the prompt with each request: once is once
        read = costs.meter["prefilled"] // max(1, costs.meter["requests"])
        places = [replace(place, prefilled=read) for place in places]
    return [_banked(task, place, chunks, costs) for place in places]


@dataclass(frozen=True)
class _Place:
    """The sequences of a question, and what opening it cost."""

    question: Question
    leaves: tuple[Seq, ...]
    greedy: Seq
    prefilled: int
    cached: int
    flops: int


def _opened(task: GradedText, ask: Ask, costs: Costs) -> _Place:
    before = costs.meter.copy()
    policy, judge = task.models.policy, task.models.judge
    question = task.questions[ask.index]
    root = policy.open(question.prompt, mix(task.seed, ask.index))
    spent = costs.meter - before
    leaves = policy.fork(root, ask.wanted)[ask.known :]
    (greedy,) = policy.fork(root, 1)
    if judge is not None:
        judge.follow(root, [*leaves, greedy])
    policy.close(root)
    return _Place(
        question, tuple(leaves), greedy, spent["prefilled"], spent["cached"], spent["flops"]
    )


def _decoded(task: GradedText, seqs: Sequence[Seq], temperature: float) -> list[Chunk]:
    policy, domain = task.models.policy, task.domain
    how: dict[str, Any] = {"watch": 1} if "watch" in policy.caps else {}
    return policy.decode(
        seqs, stop=domain.end_marks, max_new=domain.room(()), temperature=temperature, **how
    )


def _banked(
    task: GradedText, place: _Place, chunks: Mapping[Seq, Chunk], costs: Costs
) -> BankedQuestion:
    """Write down what was drawn for a question, and let go of it."""
    seqs = (*place.leaves, place.greedy)
    *samples, greedy = [_sample(task, seq, chunks[seq], costs) for seq in seqs]
    for seq in seqs:
        task.models.policy.close(seq)
        if task.models.judge is not None:
            task.models.judge.forget(seq)
    prompt = task.domain.codec.decode(place.question.prompt)
    return BankedQuestion(
        prompt, place.prefilled, place.cached, place.flops, greedy, tuple(samples)
    )


def _sample(task: GradedText, seq: Seq, chunk: Chunk, costs: Costs) -> BankedSample:
    reader, judge = task.domain.answer, task.models.judge
    assert isinstance(reader, CompletionReader)
    before = costs.meter.copy()
    scores: tuple[float, ...] = ()
    with suppress(CapabilityMissing):  # of what a server only talks nobody reads likelihoods
        scores = judge.scores([seq])[0] if judge is not None else ()
    spent = costs.meter - before
    formula = getattr(task.models.policy, "formula", None)
    words, logprobs, entropies = _joined(task, chunk)
    ended = reader.has_ended(chunk.ids)
    return BankedSample(
        words=words,
        logprobs=logprobs,
        entropies=entropies,
        scores=scores,
        ended=ended,
        generated=len(chunk.ids),
        flops=formula.decoding(seq.start, len(chunk.ids), ended=seq.finished) if formula else 0,
        judged=spent["judged"],
        judge_flops=spent["flops"],
    )


def _joined(
    task: GradedText, chunk: Chunk
) -> tuple[tuple[str, ...], tuple[float, ...], tuple[float, ...]]:
    """Return the text of each word, with what is known of it; a part of a sign goes with the next part."""
    codec = task.domain.codec
    assert isinstance(codec, TokenizerCodec | TextPieces)
    ends = end_words(codec)
    known: list[tuple[str, float, float]] = []
    text, partial = "", (0.0, 0.0)
    for place, word in enumerate(chunk.ids):
        logprob = chunk.logprobs[place] if chunk.logprobs else 0.0
        entropy = chunk.entropies[place] if chunk.entropies else 0.0
        partial = (partial[0] + logprob, partial[1] + entropy)
        longer = codec.decode(chunk.ids[: place + 1])
        if word in ends:
            known.append(("", *partial))
            partial = (0.0, 0.0)
        elif longer.startswith(text) and longer != text and not longer.endswith(HALF):
            known.append((longer[len(text) :], *partial))
            text, partial = longer, (0.0, 0.0)
    words, logprobs, entropies = zip(*known, strict=True) if known else ((), (), ())
    return words, logprobs if chunk.logprobs else (), entropies if chunk.entropies else ()
