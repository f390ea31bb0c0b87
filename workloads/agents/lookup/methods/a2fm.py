"""A2FM: a policy that chooses by its own first word whether to answer at once, to reason, or to call tools.

    m ~ pi(m | question)        m: dir, cot or act, one word
    y ~ pi(y | question, m)     the episode, by the same policy

No router stands beside it. In a first stage the policy learned to read modes off questions, which overlap; in a
second by reward which mode a question needs (`train_modes.py`): a right answer in a dear mode earns 1 - p^2, where
p is the share of right answers at once.

**What is simplified.** A policy of 0.12 million weights, whose modes are one word each; no templates, no plans, no
parallel calls. The paper's numbers of episodes and the way its three rewards are combined are not known; a
product is taken here, and a judge of answers is the world.

**What to expect.** Written before measuring. Before rewards the mode follows the shares of the traces, which already send
facts to tools. With the adaptive term single operations go to `dir`, and its share rises by at least a
tenth over that without; longer sums go to `cot`. Its bill is well below that of tools for all. A chain for
all is cheaper still, and wrong on every question of facts: the ratio of bills to it is above 1 and the claim
about it fails, though its cost of pass (bill over accuracy) is lower.

**Ways to fake it.** A classifier beside the policy, or the kind of question as an input; facts in the weights; loss on
forced modes or results of tools; p from scored questions; a tool price that was set after a run.
"""

from adabench.harness.contract.card import (
    Ability,
    Card,
    Claim,
    Correlation,
    Difference,
    Level,
    OutOfReach,
    Point,
    Ratio,
)
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="A2FM: the policy's own first word is the mode",
    paper="A^2FM: An Adaptive Agent Foundation Model, arXiv 2510.12838",
    slug="a2fm",
    adapts="in which mode a question is answered, by the policy's own first word",
    fidelity="reconstructed",
    abilities=(Ability("modes"),),
    claims=(
        Claim(
            id="A2-agentic",
            says="At the accuracy of tools for all it costs a third less.",
            source="headline",
            paper="cost of pass $0.00487 per correct answer, 33.5 % less than with forced tools",
            effect=0.665,
            expect=Ratio(
                "bill", against="forced_mode", there={"mode": "act"}, keeping={"accuracy": 0.02}
            ),
        ),
        Claim(
            id="A2-reasoning",
            says="At the accuracy of a chain of thought for all it costs 45 % less.",
            source="headline",
            paper="cost of pass 45.2 % less than with forced reasoning",
            effect=0.548,
            expect=Ratio(
                "bill", against="forced_mode", there={"mode": "cot"}, keeping={"accuracy": 0.02}
            ),
        ),
        Claim(
            id="A2-instant",
            says="The adaptive reward sends more questions to an answer at once.",
            source="measured",
            paper="instant share 50.2 % -> 58.6 % at a score of 55.6 -> 54.7 (Table 4)",
            effect=0.084,
            expect=Difference("dir_share", against="apo_without", keeping={"accuracy": 0.02}),
        ),
        Claim(
            id="A2-difficulty",
            says="The longer a sum, the less often it is answered at once.",
            source="measured",
            paper="instant answers dominate where questions are easy, and others grow with difficulty (Figure 4)",
            effect=None,
            expect=Correlation(
                "dir_share", "size", high=0.0, groups=("arith1", "arith2", "arith4")
            ),
        ),
        Claim(
            id="A2-benchmarks",
            says="It leads models of its size on BrowseComp, AIME25 and HLE.",
            source="headline",
            paper="13.4 % on BrowseComp, 70.4 % on AIME25 and 16.7 % on HLE, at 32 billion weights",
            effect=None,
            expect=OutOfReach(
                "It takes a model of 32 billion weights, a live web and those benchmarks."
            ),
        ),
        Claim(
            id="A2-facts",
            says="Questions of facts go to tools: nine in ten.",
            source="own",
            paper="a mode that is chosen at random would send a third of them there",
            effect=None,
            expect=Level("act_share", low=0.9, groups=("kb2", "kb3", "kb4")),
        ),
        Claim(
            id="A2-oneshot",
            says="Single operations are answered at once: two in three.",
            source="own",
            paper="what the adaptive term is for: there a dear mode earns next to nothing",
            effect=None,
            expect=Level("dir_share", low=0.67, groups=("arith1",)),
        ),
    ),
)


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return a greedy episode in the mode of the policy's own choice."""
    with task.session(question, "apo") as session:
        seq = session.begin()
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best
