"""Adaptive consistency: episodes with tools one after another until their vote is hardly to be overturned.

After each episode the two most frequent answers, stated v1 and v2 times, are compared under a uniform prior,

    P(p1 > p2) = P(Beta(v1 + 1, v2 + 1) > 1/2)

and sampling stops where it exceeds `confidence`, or at N episodes.

**What to expect.** Written before measuring: about that of a vote of eight, 0.8, at three to five times the bill of one episode.

**Ways to fake it.** Counting rounds in place of episodes; stopping on the right answer.
"""

from collections import Counter

from scipy.special import betainc

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.action_steps import Ids, stated
from adabench.workloads.agents.substrate.action_words import FAIL
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.agents.substrate.episode_pool import elected, episodes
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="Adaptive consistency",
    paper="Aggarwal et al., Let's Sample Step by Step, arXiv 2305.11860, EMNLP 2023",
    adapts="how many episodes a question gets, on how far its vote leads after each",
    knobs=(
        Knob("N", (8,), 8, open=True, low=1, high=64),
        Knob("confidence", (0.95,), 0.95, open=True, low=0.5, high=1.0),
    ),
)


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return a completion that states the winning answer when sampling stops."""
    with task.session(question) as session:
        found: list[Ids] = []
        for seq in episodes(session):
            found.append(seq.completion)
            session.offer(elected(found, [1.0] * len(found)))
            if len(found) >= int(point["N"]) or lead(found) > float(point["confidence"]):
                break
    return session.best


def lead(completions: list[Ids]) -> float:
    """Return the probability that the answer stated most often is the most frequent one in truth."""
    answers = [stated(one) for one in completions]
    counts = Counter(one for one in answers if one is not None and one != (FAIL,)).most_common(2)
    first, second = [*(count for _, count in counts), 0, 0][:2]
    return float(betainc(second + 1, first + 1, 0.5))
