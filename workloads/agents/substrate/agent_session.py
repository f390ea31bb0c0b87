"""One question being answered by an agent: a policy, its tools, a row for each call, the best answer so far.

    with task.session(question) as session:
        seqs = session.fork(session.begin("act"), 8)
        session.finish(seqs)
        session.offer(vote(...))
    return session.best

It is a session of the engines' (`language_model/search_session.py`) whose sequences may call tools. Tools answer in
`advance` and `finish`, where the policy wrote a call, and nowhere else. A call of a model is one sequence in one
decoding call, up to where a tool has to answer or a step ends. Control chooses (the next call, a row, going back,
checking, judging); data are thoughts, answers, and what tools return.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.action_ledger import refuse_forced
from adabench.workloads.agents.substrate.action_steps import Ids, last_step
from adabench.workloads.agents.substrate.episodes import EpisodeLoop, due_result, is_over
from adabench.workloads.agents.substrate.strategy_adapter import StrategyAdapter
from adabench.workloads.agents.substrate.tool_server import ToolServer, price
from adabench.workloads.agents.substrate.value_head import ValueHead
from adabench.workloads.shared.language_model.contract import Chunk, Engine, Seq
from adabench.workloads.shared.language_model.domain import Domain
from adabench.workloads.shared.language_model.search_session import Session
from adabench.workloads.shared.language_model.session_account import Injection, SessionAccount

Kind = Literal["llm", "tool", "judge"]
Plane = Literal["control", "data"]


@dataclass(frozen=True)
class CallRow:
    """One call."""

    kind: Kind
    plane: Plane
    tool: int | None
    """The tool as a word; None of a model."""
    context: int
    """Words that stood before it: what is read without a cache."""
    written: int
    """Words that it added."""
    status: int | None = None
    """The word by which a tool failed; None: it did not."""


@dataclass
class CallLedger:
    """The rows of one session, in order."""

    rows: list[CallRow] = field(default_factory=list)

    def add(self, row: CallRow) -> None:
        """Write down a call."""
        self.rows.append(row)

    def totals(self) -> dict[str, int]:
        """Return counts by name, as a task's meter has them."""
        found: Counter[str] = Counter()
        for row in self.rows:
            if row.kind == "tool":
                found["priced_calls"] += 0 if row.tool is None else price(row.tool)
                found["failed_calls"] += row.status is not None
                continue
            found["llm_calls"] += 1
            found["judge_calls"] += row.kind == "judge"
            found[f"{row.plane}_calls"] += 1
            found["context_words"] += row.context
        return dict(found)


MODE_NAMES = tuple(tokens.WORDS[mode] for mode in tokens.MODES)


class AgentSession(Session):
    """A session with tools; use it in a `with`."""

    def __init__(
        self,
        policy: Engine,
        prompt: Ids,
        server: ToolServer,
        *,
        account: SessionAccount,
        domain: Domain,
        budget: int | None = None,
        tool_budget: int | None = None,
        tool_price: int = 0,
        value_head: Callable[[], ValueHead],
        adapter: Callable[[], StrategyAdapter],
    ) -> None:
        super().__init__(
            policy, None, prompt,
            account=account, domain=domain, budget=budget, tool_budget=tool_budget,
        )  # fmt: skip
        self._server, self._tool_price, self._head = server, tool_price, value_head
        self._adapter = adapter
        self._calls = CallLedger()
        self._prompts: dict[Seq, int] = {}
        """Words before a mode that was drawn by itself: the call that draws what follows has drawn it too."""
        act, judge = partial(self._draw, "llm"), partial(self._draw, "judge")
        self._loop = EpisodeLoop(act, self._inject, self._answer)
        self._critic = EpisodeLoop(judge, self._inject, self._answer)

    def begin(self, mode: str = "") -> Seq:
        """Return a sequence that holds the prompt, and a mode; without one the policy draws it.

        Raises:
            SelectionError: if there is no such mode.
        """
        if mode and mode not in MODE_NAMES:
            raise SelectionError(f"There is no mode {mode!r}.", nearest(mode, MODE_NAMES))
        seq = self.open()
        if mode:
            self.append([seq], [(tokens.IDS[mode],)])
        return seq

    def begin_by_itself(self) -> Seq:
        """Return a sequence that holds the prompt and the mode that the policy finds likeliest."""
        seq = self.open()
        (spare,) = self.fork(seq, 1)
        word = self.own_mode(seq)
        if word == seq.ids[-1] or word not in tokens.MODES:
            self.close([spare])
            return seq
        self.close([seq])
        self.append([spare], [(word,)])
        return spare

    def own_mode(self, seq: Seq) -> int:
        """Let the policy write the first word of an episode, its likeliest, and return it."""
        self._prompts[seq] = len(seq.ids)
        self.decode([seq], max_new=1, temperature=0.0)
        with self._account.counting():
            self._costs.meter["calls"] -= 1  # what follows is drawn by the same one
        return seq.ids[-1]

    def append(
        self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]], *, as_: Injection = "forced"
    ) -> None:
        """Force a mode or a role; all other words are the policy's or a tool's.

        Raises:
            MethodContractError: for other words.
        """
        refuse_forced(parts)
        super().append(seqs, parts, as_="forced" if as_ == "tool" else as_)

    def advance(self, seqs: Sequence[Seq], temperature: float | None = None) -> None:
        """Take each sequence to the end of its step: a call with its result, a thought, an answer.

        Raises:
            BudgetSpent: if words or calls of tools are gone.
        """
        self._loop.advance(seqs, self._heat(temperature))

    def finish(self, seqs: Sequence[Seq], temperature: float | None = None) -> None:
        """Take each sequence to its end.

        Raises:
            BudgetSpent: if words or calls of tools are gone.
        """
        self._loop.finish(seqs, self._heat(temperature))

    def ended(self, seq: Seq) -> bool:
        """Return whether an episode has come to its end."""
        return is_over(seq)

    def self_checks(self, seqs: Sequence[Seq]) -> list[float]:
        """Return how sure the policy's critic is that each answer is right.

        It reads a copy of the episode, may look up the answer's type, and says ok or bad: the probability
        of the first. Sequences without an answer get 0.
        """
        able = [seq for seq in seqs if not seq.finished and is_over(seq)]
        copies = {seq: self.fork(seq, 1)[0] for seq in able}
        readers = list(copies.values())
        self.append(readers, [(tokens.CRITIC,)] * len(readers))
        found = self._critic.verdicts(readers)
        self.close(readers)
        return [found.get(copies[seq], 0.0) if seq in copies else 0.0 for seq in seqs]

    def step_checks(self, seqs: Sequence[Seq]) -> list[float]:
        """Return what the critic would say at once of episodes that go on: the odds of ok against bad.

        It reads a copy, looks nothing up and writes nothing. Nobody trained it on episodes without an answer.
        """
        found = []
        for seq in seqs:
            copies = self.fork(seq, 2)
            words = [(tokens.CRITIC, tokens.OK), (tokens.CRITIC, tokens.BAD)]
            fine, bad = (row[-1] for row in self.score(copies, words))
            self.close(copies)
            self._calls.add(CallRow("judge", "control", None, len(seq.ids), 0))
            found.append(1 / (1 + math.exp(bad - fine)))
        return found

    def values(self, seqs: Sequence[Seq]) -> list[float]:
        """Return how probably each episode ends well, as the policy's state behind its last step tells.

        Raises:
            EnvironmentProblem: if no head was trained for the policy, or it misses its gate.
        """
        head = self._head()
        states = [self.hidden(seq, len(seq.ids) - 1)[0] for seq in seqs]
        with self._account.counting():
            self._costs.meter["flops"] += len(states) * head.flops
        return head.values(np.array(states))

    def strategy_odds(self, seq: Seq) -> tuple[float, ...]:
        """Return the odds that PRISM's adapter gives to the modes, in the order of `MODE_NAMES`.

        It reads the policy's state at the end of the prompt that a sequence holds, and nothing of tools or answers.

        Raises:
            CapabilityMissing: if the policy has no adapter.
        """
        adapter = self._adapter()
        state = self.hidden(seq, len(seq.ids) - 1)[0]
        with self._account.counting():
            self._costs.meter["flops"] += adapter.flops
        return adapter.odds(state)

    def others_odds(self, uniform: float) -> tuple[float, ...]:
        """Return the odds of some question that nobody scores, by a number in [0, 1).

        Raises:
            CapabilityMissing: if the policy has no adapter.
        """
        return self._adapter().odds_of_another(uniform)

    def kind_scores(self) -> tuple[float, ...]:
        """Return what each mode scored on average on training questions of the kind that the prompt shows.

        Raises:
            CapabilityMissing: if the policy has no adapter.
        """
        return self._adapter().scores(self.prompt)

    def episodes_in(self, seq: Seq, modes: Sequence[str]) -> list[Ids]:
        """Return greedy episodes that go on from a prompt, one in each mode, side by side."""
        leaves = self.fork(seq, len(modes))
        self.append(leaves, [(tokens.IDS[mode],) for mode in modes])
        self.finish(leaves, temperature=0.0)
        return [leaf.completion for leaf in leaves]

    @property
    def tools_used(self) -> int:
        """Return how many calls of tools were made."""
        return self._costs.meter["tool_calls"]

    @property
    def words_used(self) -> int:
        """Return how many words were generated, those of the critic among them."""
        return self._costs.meter["generated"]

    def calls(self) -> Mapping[str, int]:
        """Return what was called so far, by name."""
        return self._calls.totals()

    def _heat(self, temperature: float | None) -> float:
        return self._domain.temperature if temperature is None else temperature

    def _draw(
        self,
        kind: Kind,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int],
        max_new: Sequence[int],
        temperature: float,
    ) -> list[Chunk]:
        """Draw words, and write down a call for each sequence."""
        before = [self._prompts.pop(seq, len(seq.ids)) for seq in seqs]
        chunks = self.decode(seqs, max_new=list(max_new), temperature=temperature, stop=stop)
        for seq, context in zip(seqs, before, strict=True):
            plane: Plane = "control" if kind == "judge" else _plane(seq.completion)
            self._calls.add(CallRow(kind, plane, None, context, len(seq.ids) - context))
        return chunks

    def _inject(self, seqs: Sequence[Seq], parts: Sequence[Ids]) -> None:
        super().append(seqs, parts, as_="tool")

    def _answer(self, seq: Seq) -> Ids:
        """Call the tool that is due, and write it down."""
        tool, result = due_result(self._server, seq.completion)
        status = result[0] if result[0] in tokens.FAULTS else None
        self._calls.add(CallRow("tool", "data", tool, len(seq.ids), len(result), status))
        return result

    def _settle(self) -> None:
        """Write what was called, and the bill, into the task's meter with the rest."""
        found = self._calls.totals()
        with self._account.counting():
            meter = self._costs.meter
            for name, value in found.items():
                meter[name] += value
            words = meter["generated"] + meter["prefilled"]
            meter["bill"] += words + self._tool_price * found.get("priced_calls", 0)
        super()._settle()


def _plane(completion: Sequence[int]) -> Plane:
    """Return whether the latest step chose what to do next, or produced something."""
    last = last_step(completion)
    is_thought = len(last.head) > 1 and last.head[1] == tokens.OWN_THOUGHT
    return "data" if is_thought or last.head[:1] == (tokens.ANSWER,) else "control"
