"""Independent episodes one after the other, until the calls of tools of a session are gone.

What a method returns is the answer with the most weight among the episodes that answered; a declared failure has
none. An episode that is cut by the budget has not answered.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from adabench.workloads.agents.substrate.action_steps import Ids, stated
from adabench.workloads.agents.substrate.action_words import FAIL
from adabench.workloads.agents.substrate.agent_session import AgentSession
from adabench.workloads.shared.language_model.contract import Seq

MOST = 64
"""Episodes of one question, whatever they cost: those that call no tool come to no end otherwise."""


def episodes(session: AgentSession, temperature: float = 1.0) -> Iterator[Seq]:
    """Yield sampled episodes with tools, each at its end.

    Raises:
        BudgetSpent: when the calls of the session are gone; it ends there.
    """
    for seq in session.fork(session.begin("act"), MOST):
        session.finish([seq], temperature)
        yield seq


def elected(completions: Sequence[Ids], weights: Sequence[float]) -> Ids:
    """Return a completion that states the answer of most weight; the earliest of equals.

    Where nobody answered, the first completion.
    """
    total: dict[Ids, float] = defaultdict(float)
    first: dict[Ids, Ids] = {}
    for completion, weight in zip(completions, weights, strict=True):
        answer = stated(completion)
        if answer is not None and answer != (FAIL,):
            total[answer] += weight
            first.setdefault(answer, completion)
    if not total:
        return completions[0]
    return first[max(total, key=lambda answer: total[answer])]
