"""Independent episodes one after the other, until the calls of tools of a session are gone.

What a method returns is the answer with the most weight among the episodes that answered; a declared failure has
none. An episode that is cut by the budget has not answered. So that there is an answer at all, the episode under
way is taken to its end greedily as soon as nothing has answered and the calls that are left are RESERVE more than
its hops.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from adabench.workloads.agents.substrate.action_steps import MARKERS, Ids, stated, steps
from adabench.workloads.agents.substrate.action_words import FAIL, FAULTS, FIRST_HOP, LAST_HOP, NONE
from adabench.workloads.agents.substrate.agent_session import AgentSession
from adabench.workloads.agents.substrate.episodes import is_over
from adabench.workloads.shared.language_model.contract import Seq

MOST = 64
"""Episodes of one question, whatever they cost: those that call no tool come to no end otherwise."""


NOTHING_FOUND = frozenset((*FAULTS, NONE))
"""What a call returns that came to nothing."""
RESERVE = 2
"""Calls that are held back for a forced answer beside those of its hops: one that fails, and the critic's."""


def episodes(session: AgentSession, temperature: float = 1.0) -> Iterator[Seq]:
    """Yield sampled episodes with tools, each at its end.

    Raises:
        BudgetSpent: when the calls of the session are gone; it ends there.
    """
    answered = session.tools_left is None
    for seq in session.fork(session.begin("act"), MOST):
        while not answered and not is_over(seq) and not is_late(session, seq):
            session.advance([seq], temperature)
        session.finish([seq], temperature if answered else 0.0)
        answered = answered or is_answer(seq.completion)
        yield seq


def is_late(session: AgentSession, seq: Seq) -> bool:
    """Tell whether an episode must go straight to its answer to have one within the calls that are left."""
    left = session.tools_left
    return left is not None and left <= hops_left(session.prompt, seq.completion) + RESERVE


def hops_left(prompt: Sequence[int], completion: Ids) -> int:
    """Return how many of a prompt's hops and operations no call of a completion has found anything for."""
    calls = (step for step in steps(completion) if step.call is not None)
    found = (step for step in calls if step.result and step.result[0] not in NOTHING_FOUND)
    return _furthest(prompt) - _furthest([step.head[0] for step in found])


def _furthest(words: Sequence[int]) -> int:
    """Return the number of the last hop that words name; 0 if they name none."""
    hops = (word - FIRST_HOP + 1 for word in words if word in MARKERS and word != LAST_HOP)
    return max(hops, default=0)


def is_answer(completion: Ids) -> bool:
    """Tell whether a completion states an answer, and no failure."""
    return stated(completion) not in (None, (FAIL,))


def elected(completions: Sequence[Ids], weights: Sequence[float]) -> Ids:
    """Return a completion that states the answer of most weight; the earliest of equals.

    Where nobody answered, the first completion.
    """
    total: dict[Ids, float] = defaultdict(float)
    first: dict[Ids, Ids] = {}
    for completion, weight in zip(completions, weights, strict=True):
        answer = stated(completion)
        if answer is not None and is_answer(completion):
            total[answer] += weight
            first.setdefault(answer, completion)
    if not total:
        return completions[0]
    return first[max(total, key=lambda answer: total[answer])]
