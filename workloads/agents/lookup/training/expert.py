"""A scripted expert that works with the very tools that policies get, and writes down what it did.

    dir    states the answer
    cot    writes every step's result itself
    act    calls tools; of two rows it takes the hinted one, else either; a dead end is declared
    chk    the same, and looks up the type of what it found; where that does not fit, or nothing was found,
           it goes back to the latest row that it did not take

What fails once is tried again; what is late or down is left for its twin, and a tool that is down is not
called again. It does not know which row is right, so its episodes fail as often as a policy's must.
"""

from collections import Counter
from dataclasses import dataclass, field

from adabench.workloads.agents.substrate import action_words as tokens
from adabench.workloads.agents.substrate.action_steps import is_ambiguous, rows_of, stated
from adabench.workloads.agents.substrate.fault_plans import alternative
from adabench.workloads.agents.substrate.notation import Ids, number_words, words_of
from adabench.workloads.agents.substrate.seeded_draws import Draws
from adabench.workloads.agents.substrate.tool_server import ToolServer
from adabench.workloads.agents.truth.problems import Problem

HEAVY, LIGHT = 4.0, 0.1
"""Weights of words that are few and matter: verdicts, reflections, rows that a hint names, sums worked out,
what a type decides; and of facts that nobody can know by heart, of which only the form can be learned."""


@dataclass
class Trace:
    """A prompt and what follows it; a weight of 0 says that the policy did not write the word."""

    prompt: Ids
    words: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def own(self, *words: int, weight: float = 1.0) -> None:
        """Write words of the policy."""
        self.words += words
        self.weights += [weight] * len(words)

    def inject(self, *words: int) -> None:
        """Write words that a tool returned, or that were forced."""
        self.words += words
        self.weights += [0.0] * len(words)


@dataclass
class Expert:
    """One episode being written."""

    problem: Problem
    server: ToolServer
    draws: Draws
    trace: Trace
    tools: dict[int, int] = field(
        default_factory=lambda: {tokens.K1: tokens.K1, tokens.C1: tokens.C1}
    )
    """By kind: the tool that is called next."""
    down: set[int] = field(default_factory=set)
    attempts: Counter[Ids] = field(default_factory=Counter)
    chosen: list[tuple[int, int]] = field(default_factory=list)
    """Hops, from 1, at which a row was chosen, and which."""
    unused: list[tuple[int, Ids]] = field(default_factory=list)
    """Hops and the rows there that were not taken, to go back to."""
    mark: tuple[int, ...] = ()
    """The row that the next call restates."""
    weight: float = 1.0
    """Of the word that goes back or answers: heavy behind a look-up of the type, which decides it."""

    def call(self, kind: int, marker: int, arguments: Ids) -> Ids | None:
        """Call a tool until it works; None: none does."""
        while True:
            tool = self.tools[kind]
            self.trace.own(marker, tool, *self.mark, *arguments, tokens.EQUALS)
            key = (tool, *arguments)
            result = self.server.call(tool, arguments, self.attempts[key])
            self.attempts[key] += 1
            self.trace.inject(*result, tokens.END_STEP)
            if result == (tokens.DOWN,):
                self.down.add(tool)
            elif result not in ((tokens.TRANSIENT,), (tokens.TIMEOUT,)):
                self.mark = ()
                return result
            if result != (tokens.TRANSIENT,):
                if alternative(tool) not in self.down:
                    self.tools[kind] = alternative(tool)
                elif tool in self.down:
                    return None

    def act(self, *, checks: bool) -> None:
        """Follow the hops with tools; `checks`: go back where it did not lead to the answer's type."""
        entity, hop = words_of(self.problem.trail[0]), 0
        while True:
            found = self._follow(entity, hop)
            if found and (not checks or self._fits(found)):
                self.work_out(found) if self.problem.attribute is not None else self._state(found)
                return
            back = self._back() if checks and found is not None else None
            if back is None:
                self.trace.own(tokens.ANSWER, tokens.FAIL, tokens.END_STEP)
                return
            hop, entity = back

    def _follow(self, entity: Ids, hop: int) -> Ids | None:
        """Look up what is left from a hop on; nothing: a dead end; None: no tool works."""
        relations = self.problem.relations
        for k in range(hop, len(relations)):
            found = self.call(
                tokens.K1, tokens.FIRST_HOP + k, (*entity, tokens.FIRST_RELATION + relations[k])
            )
            if found is None or found == (tokens.NONE,):
                return None if found is None else ()
            entity = self._choice(k + 1, found) if is_ambiguous(found) else found
        attribute = self.problem.attribute
        if attribute is None:
            return entity
        marker = tokens.FIRST_HOP + len(relations)
        found = self.call(tokens.K1, marker, (*entity, tokens.FIRST_ATTRIBUTE + attribute))
        return () if found == (tokens.NONE,) else found

    def _choice(self, hop: int, result: Ids) -> Ids:
        """Take a row: the hinted one, else either."""
        hints = dict(self.problem.hints)
        row = hints.get(hop, self.draws.below(2))
        self.trace.own(tokens.ROWS[row], weight=HEAVY if hop in hints else 1.0)
        rows = rows_of(result)
        self.chosen.append((hop, row))
        self.unused.append((hop, rows[tokens.ROWS[1 - row]]))
        self.mark = (tokens.ROWS[row],)
        return rows[tokens.ROWS[row]]

    def _fits(self, entity: Ids) -> bool:
        """Look up the type of what was found; numbers have none."""
        if self.problem.attribute is not None:
            return True
        self.weight = HEAVY
        return self.call(tokens.K1, tokens.LAST_HOP, entity) == (self.problem.type_word,)

    def _back(self) -> tuple[int, Ids] | None:
        """Go back to the latest row that was not taken."""
        self.mark = ()
        self.trace.own(tokens.BACK, weight=self.weight)
        self.trace.own(tokens.EQUALS)
        self.weight = 1.0
        if not self.unused:
            self.trace.inject(tokens.NONE, tokens.END_STEP)
            return None
        hop, row = self.unused.pop()
        self.trace.inject(tokens.FIRST_HOP + hop - 1, *row, tokens.END_STEP)
        return hop, row

    def work_out(self, number: Ids) -> None:
        """Work out the operations with the calculator."""
        first = len(self.problem.relations) + (self.problem.attribute is not None)
        for k, (sign, operand) in enumerate(self.problem.operations, first):
            found = self.call(
                tokens.C1, tokens.FIRST_HOP + k, (*number, sign, *number_words(operand))
            )
            if found is None:
                self.trace.own(tokens.ANSWER, tokens.FAIL, tokens.END_STEP)
                return
            number = found
        self._state(number)

    def _state(self, answer: Ids) -> None:
        self.trace.own(tokens.ANSWER, weight=self.weight)
        self.trace.own(*self.mark, *answer, tokens.END_STEP)

    def judge(self, *, reflects: bool) -> None:
        """Let the critic look up the answer's type and say the truth; and reflect on what is wrong."""
        answer = stated(self.trace.words)
        right = answer == self.problem.answer
        self.trace.inject(tokens.CRITIC)
        if answer is not None and answer != (tokens.FAIL,) and self.problem.family == "kb":
            self.mark = ()
            self.call(tokens.K1, tokens.LAST_HOP, answer)
        self.trace.own(tokens.OK if right else tokens.BAD, weight=HEAVY)
        if not right and reflects:
            self.trace.inject(tokens.REFLECT)
            self.trace.own(*self._reflection(), tokens.END_STEP, weight=HEAVY)

    def _reflection(self) -> Ids:
        """Name the latest choice that no hint made, and the other row there."""
        hinted = dict(self.problem.hints)
        free = [(hop, row) for hop, row in self.chosen if hop not in hinted]
        return (
            (tokens.FIRST_HOP + free[-1][0] - 1, tokens.ROWS[1 - free[-1][1]])
            if free
            else (tokens.NONE,)
        )


def write_trace(
    problem: Problem,
    server: ToolServer,
    draws: Draws,
    mode: int,
    *,
    judged: bool = False,
    reflects: bool = False,
) -> Trace:
    """Return an episode of the expert in a mode."""
    expert = Expert(problem, server, draws, Trace(problem.prompt))
    expert.trace.own(mode)
    if mode == tokens.DIRECT:
        is_sum = problem.family == "arith"
        weight = LIGHT if not is_sum else HEAVY if problem.size == 1 else 1.0
        expert.trace.own(tokens.ANSWER)
        expert.trace.own(*problem.answer, weight=weight)
        expert.trace.own(tokens.END_STEP)
    elif mode == tokens.CHAIN:
        _think(expert)
    elif problem.family == "arith":
        assert isinstance(problem.start, int)
        expert.work_out(number_words(problem.start))
    else:
        expert.act(checks=mode == tokens.CHECK)
    if judged and mode == tokens.ACT:
        expert.judge(reflects=reflects)
    expert.trace.own(tokens.EOS)
    return expert.trace


def _think(expert: Expert) -> None:
    """Write each step with its true result, as if it were known by heart."""
    problem, trace, hop = expert.problem, expert.trace, tokens.FIRST_HOP

    def thought(words: Ids, result: Ids, weight: float) -> None:
        nonlocal hop
        trace.own(hop, tokens.OWN_THOUGHT, *words, tokens.EQUALS)
        trace.own(*result, weight=weight)
        trace.own(tokens.END_STEP)
        hop += 1

    for k, relation in enumerate(problem.relations):
        here, there = words_of(problem.trail[k]), words_of(problem.trail[k + 1])
        thought((*here, tokens.FIRST_RELATION + relation), there, LIGHT)
    values = [number_words(value) for value in problem.values]
    if problem.attribute is not None:
        last = words_of(problem.trail[-1])
        thought((*last, tokens.FIRST_ATTRIBUTE + problem.attribute), values[0], LIGHT)
    for k, (sign, operand) in enumerate(problem.operations):
        thought((*values[k], sign, *number_words(operand)), values[k + 1], HEAVY)
    trace.own(tokens.ANSWER, *problem.answer, tokens.END_STEP)
