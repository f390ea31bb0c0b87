"""An engine that replays a bank: sample i of a question is what its model drew as sample i, at the cost it had then.

    engine = BankEngine(bank)
    leaves = engine.fork(engine.open(prompt), 8)         the first eight samples of the prompt's question
    engine.decode(leaves, max_new=room, temperature=bank.header.temperature)

A context of a method's own, on the same prompt and another key (a pilot that estimates how hard a question
is), takes the last samples first, so that none of them is the answer's; where both come to the same one, it is
refused.

A bank holds whole completions of one temperature, and one that was written greedily. Steps, other
temperatures, forced words, states and samples beyond the bank are refused by name; nothing is made up.
Times are those of reading a file, so nothing here is timed (`counts_only` of the task).
"""

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import NoReturn

from adabench.workloads.shared.language_model.backends.text_pieces import END, PIECES, TextPieces
from adabench.workloads.shared.language_model.backends.text_pieces import piece_id as word_id
from adabench.workloads.shared.language_model.bank.sample_bank import (
    BankedQuestion,
    BankedSample,
    SampleBank,
)
from adabench.workloads.shared.language_model.batched.session_models import SessionModels
from adabench.workloads.shared.language_model.contract import (
    TO_THE_END,
    BudgetSpent,
    Capability,
    CapabilityMissing,
    Chunk,
    Costs,
    Seq,
    mix,
)
from adabench.workloads.shared.language_model.stateless_engine import StatelessEngine

DRAW = "Draw more: adabench bank --samples N --out FOLDER goes on with the same bank."
LIVE = "Run it on the model itself: leave out --data bank:FOLDER."


@dataclass
class BankPlace:
    """Where a sequence stands in a bank."""

    question: BankedQuestion
    context: int = 0
    """The key that it was opened with."""
    branch: int | None = None
    """Which sample; None: it is no fork yet."""
    sample: BankedSample | None = None
    """What it drew."""


class BankEngine(StatelessEngine):
    """The model of a bank behind the engine interface."""

    def __init__(self, bank: SampleBank, own: frozenset[int] | None = None) -> None:
        """Replay a bank; `own` are the keys that answers begin with, None for all."""
        self.name, self.vocabulary = f"bank of {bank.header.model}", PIECES
        sample = next(iter(bank.questions.values())).greedy
        logprobs: Capability = "logprobs"
        self.caps: frozenset[Capability] = frozenset({"fork", "exact"})
        if sample.logprobs:
            self.caps |= {logprobs}
        self.costs = Costs()
        self._bank, self._codec, self._own = bank, TextPieces(), own
        self._taken: dict[tuple[str, int], int] = {}
        self._questions = {question.prompt: question for question in bank.questions.values()}

    def of_session(self, models: SessionModels) -> "BankEngine":
        """Return one that counts for one of several sessions side by side."""
        own = copy(self)
        own.costs, own._taken = Costs(), {}
        return own

    def reset(self, costs: Costs) -> None:
        """Count into `costs` from here on."""
        self.costs = costs
        self._taken = {}

    def open(self, prompt: Sequence[int], key: int = 0) -> Seq:
        """Return a sequence that holds the prompt of a question of the bank.

        Raises:
            CapabilityMissing: for another prompt.
        """
        question = self._questions.get(self._codec.decode(prompt))
        if question is None:
            self._refuse(
                "another prompt", "the bank holds completions of its questions alone", LIVE
            )
        meter = self.costs.meter
        meter["prefilled"] += question.prefilled
        meter["cached"] += question.cached
        meter["calls"] += 1
        self._work(question.flops)
        return Seq(list(prompt), len(prompt), key, cache=BankPlace(question, key), eos=END)

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children: the first n samples of the question.

        Raises:
            CapabilityMissing: if the sequence has words of its own, or the bank fewer samples.
        """
        place: BankPlace = seq.cache
        if place.sample is not None or place.branch is not None:
            self._refuse("steps", "the bank holds whole completions", LIVE)
        length, count = len(seq.ids), len(place.question.samples)
        aside = self._own is not None and place.context not in self._own
        return [
            Seq(
                list(seq.ids), seq.start, mix(seq.key, length, child), seq, eos=END,
                cache=replace(place, branch=count - 1 - child if aside and child < count else child),
            )
            for child in range(n)
        ]  # fmt: skip

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int] = TO_THE_END,
        max_new: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
    ) -> list[Chunk]:
        """Replay the completion of each sequence.

        Raises:
            BudgetSpent: when the tokens of the case are gone.
            CapabilityMissing: if the bank does not hold what is asked.
        """
        if stop:
            self._refuse("steps", "the bank holds whole completions", LIVE)
        if top_p != 1.0 or max_new < self._bank.header.room:
            self._refuse("other draws", "the bank holds completions of one kind", LIVE)
        found = [self._drawn(seq, temperature) for seq in seqs]
        chunks = [self._replayed(seq, sample) for seq, sample in zip(seqs, found, strict=True)]
        meter = self.costs.meter
        meter["serial_steps"] += max((sample.generated for sample in found), default=0)
        meter["calls"] += 1
        return chunks

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Refuse: nobody drew what follows forced words.

        Raises:
            CapabilityMissing: always.
        """
        self._refuse("forced words", "the bank holds what its model drew", LIVE)

    def _drawn(self, seq: Seq, temperature: float) -> BankedSample:
        """Return the completion that a sequence is to replay."""
        place: BankPlace = seq.cache
        if place.sample is not None:
            self._refuse("steps", "the bank holds whole completions", LIVE)
        if temperature == 0:
            return place.question.greedy
        if temperature != self._bank.header.temperature:
            drawn_at = self._bank.header.temperature
            self._refuse(f"samples at {temperature:g}", f"the bank has those at {drawn_at:g}", LIVE)
        samples = place.question.samples
        if place.branch is None:
            self._refuse("a sample of no fork", "the bank has those of forks", LIVE)
        if place.branch >= len(samples):
            wanted = f"sample {place.branch + 1} of a question"
            self._refuse(wanted, f"the bank has {len(samples)} of it", DRAW)
        taken = (place.question.prompt, place.branch)
        if self._taken.setdefault(taken, place.context) != place.context:
            both = "samples for two contexts"
            self._refuse(both, f"the bank has {len(samples)} of a question for both", DRAW)
        return samples[place.branch]

    def _replayed(self, seq: Seq, sample: BankedSample) -> Chunk:
        """Put a completion onto a sequence, and book what it cost."""
        left = self.costs.left
        if left is not None and left < sample.generated:
            raise BudgetSpent
        ids = tuple(word_id(word.encode()) if word else END for word in sample.words)
        seq.ids.extend(ids)
        seq.eos = ids[-1] if ids and sample.ended else END
        seq.cache.sample = sample
        seq.logprob = sum(sample.logprobs) if "logprobs" in self.caps else math.nan
        self.costs.meter["generated"] += sample.generated
        self._work(sample.flops)
        return Chunk(ids, sample.logprobs, "stop" if sample.ended else "length")

    def _work(self, flops: int) -> None:
        name, count = ("flops", flops) if self._bank.header.sees_flops else ("uncounted", 1)
        self.costs.meter[name] += count

    def _refuse(self, what: str, why: str, remedy: str) -> NoReturn:
        raise CapabilityMissing(f"{what}: not in this {self.name}: {why}.", remedy)


class BankJudge:
    """The judge that scored the samples of a bank, at the price that it had then."""

    def __init__(self, bank: SampleBank) -> None:
        self.name, self.vocabulary = f"{bank.header.judge} in a bank", PIECES
        self._costs = Costs()
        self._sees_flops = bank.header.sees_flops

    def of_session(self, models: SessionModels) -> "BankJudge":
        """Return one that counts for one of several sessions side by side."""
        own = copy(self)
        own._costs = Costs()
        return own

    def reset(self, costs: Costs) -> None:
        """Count into `costs` from here on."""
        self._costs = costs

    def follow(self, parent: Seq, children: Sequence[Seq]) -> None:
        """Do nothing: a child's score is in the bank."""

    def forget(self, seq: Seq) -> None:
        """Do nothing."""

    def scores(self, seqs: Sequence[Seq]) -> list[tuple[float, ...]]:
        """Return a score for every step of each completion, and one for stopping."""
        found = [seq.cache.sample for seq in seqs]
        for sample in found:
            if (
                sample is not None and sample.judged
            ):  # one that knows log-probabilities reads nothing
                self._costs.meter["judged"] += sample.judged
                self._costs.meter["flops"] += sample.judge_flops * self._sees_flops
        return [() if sample is None else sample.scores for sample in found]
