"""PRISM: an adapter forecasts how well each strategy suits a question; its confidence says whether one, two or all run.

    p = softmax(W h + b)       h: the policy's state at the end of the prompt; p1 >= p2 >= .. its strategies sorted

    p1 >= tau_c and p1 - p2 >= tau_a     single: strategy 1
    p1 >= tau_c, else                    dual: strategies 1 and 2; strategy 1's answer, whether they agree or not
    p1 <  tau_c                          all four: the answer stated most often; strategy 1's where it is not one

Strategies are the modes of one policy: at once, a chain, tools, tools with a way back. The adapter learned from
soft targets of correctness, process and cost on a training stream (`training/train_adapter.py`).

**The dual route is a no-op.** In the authors' release both of its outcomes return strategy 1's answer: it costs, and changes
nothing. That is `dual=release`. `dual=escalate` runs the others where the two disagree, and takes the vote of all
four. `routes` leaves routes out: `single` alone, without the dual one (`explore`), without all four (`dual`).

**What is simplified.** Modes in place of prompts (language, program, tools, ensemble); a linear head on the policy's own state in
place of a tuned model of 1.5 billion weights. Weights and temperature of the targets are ours.

**What to expect.** Written before measuring; a look at 160 training questions had shown that the state tells families apart and
sizes a little. Sums go to a chain, single operations partly to an answer at once; facts are torn between the two modes with tools (dual).
Accuracy 0.79 to 0.82, where the best mode for all has 0.77, the table by kind 0.83 and all four with a vote 0.82:
over the best mode +0.03, over all four nothing, at half of their bill. What it gains the table gains too, and more, since targets
that weigh costs send facts to `act`, which is right less often than `chk`. Above the coins by 0.15 and more. Escalating gains 0.02.

**Ways to fake it.** The kind of a question as an input; the dual route's second episode not counted; the adapter fitted on scored
questions; the best single strategy chosen on them; a vote that looks at truth.
"""

from collections import Counter
from collections.abc import Sequence

from adabench.harness.contract.card import Ability, Card, Knob, Point, Variant
from adabench.workloads.agents.substrate.action_steps import Ids, stated
from adabench.workloads.agents.substrate.action_words import FAIL
from adabench.workloads.agents.substrate.agent_session import MODE_NAMES
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.contract import mix
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="PRISM: strategies by an adapter's confidence",
    paper="Plan before Solving: Problem-Aware Strategy Routing (PRISM), arXiv 2509.24377",
    slug="prism",
    adapts="which modes answer a question, and whether one, two or all of them, by an adapter's odds",
    signal=("agents.substrate.agent_session:AgentSession.strategy_odds",),
    fidelity="reconstructed",
    abilities=(Ability("strategies"),),
    fixed={"odds": "own"},
    knobs=(
        Knob("tau_c", (0.35,), 0.35, open=True, low=0.0, high=1.0),
        Knob("tau_a", (0.1,), 0.1, open=True, low=0.0, high=1.0),
        Knob("dual", ("release",), "release", also=("escalate",)),
        Knob("routes", ("all",), "all", also=("single", "dual", "explore")),
    ),
    variants=(
        Variant(
            "prism_coins",
            "PRISM by the odds of some other question",
            {"odds": "drawn"},
            adapts="which modes answer a question, by a die",
            control_of=("prism",),
            essay="""PRISM whose odds are those of a question that nobody scores, drawn by a die: its control.

            Routes and strategies come at the shares that they have on such questions, and nothing of the question at hand
            is known. The die knows the question's index and the run's seed.

            **What to expect.** Written before measuring: the mean of the modes at those shares, 0.6 to 0.65.

            **Ways to fake it.** A die that is thrown again until the answer is good.
            """,
        ),
    ),
)
_DIE = 0x9815D


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return the answer of the strategies that the odds call for."""
    with task.session(question) as session:
        seq = session.open()
        if point["odds"] == "own":
            odds = session.strategy_odds(seq)
        else:
            odds = session.others_odds(mix(_DIE, task.seed, question.index) * 2.0**-64)
        order = ranked(odds)
        width = route(sorted(odds, reverse=True), point)
        found = session.episodes_in(seq, order[:width])
        session.offer(found[0])
        if width == 2 and point["dual"] == "escalate" and stated(found[0]) != stated(found[1]):
            found += session.episodes_in(seq, order[width:])
        if len(found) == len(order):
            session.offer(majority(found))
    return session.best


def ranked(odds: Sequence[float]) -> list[str]:
    """Return the strategies from the likeliest on."""
    return sorted(MODE_NAMES, key=lambda name: -odds[MODE_NAMES.index(name)])


def route(odds: Sequence[float], point: Point) -> int:
    """Return how many strategies run at these odds, from the largest on: 1, 2 or all."""
    first, second = odds[:2]
    allowed = str(point["routes"])
    if first < float(point["tau_c"]):
        return len(odds) if allowed in ("all", "explore") else 1
    is_close = first - second < float(point["tau_a"])
    return 2 if is_close and allowed in ("all", "dual") else 1


def majority(completions: Sequence[Ids]) -> Ids:
    """Return a completion that states the most frequent answer; the first completion where there is none, or a tie."""
    answers = [stated(one) for one in completions]
    counts = Counter(one for one in answers if one is not None and one != (FAIL,)).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return completions[0]
    return completions[answers.index(counts[0][0])]
