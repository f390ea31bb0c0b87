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

from adabench.harness.contract.card import Ability, Card, Point, Variant
from adabench.workloads.agents.substrate.action_steps import Ids
from adabench.workloads.agents.substrate.agent_task import AgentTask
from adabench.workloads.shared.language_model.domain import Question

CARD = Card(
    title="A2FM: the policy's own first word is the mode",
    paper="A^2FM: An Adaptive Agent Foundation Model, arXiv 2510.12838",
    slug="a2fm",
    adapts="in which mode a question is answered, by the policy's own first word",
    signal=("agents.substrate.agent_session:AgentSession.own_mode",),
    fidelity="reconstructed",
    abilities=(Ability("modes"),),
    fixed={"weights": "apo"},
    variants=(
        Variant(
            "apo_without",
            "The policy's own first word, without an adaptive reward",
            {"weights": "flat"},
            role="adaptive",
            paper="the ablation of A2FM, arXiv 2510.12838",
            adapts="in which mode a question is answered, by the policy's own first word",
            essay="""A2FM without its adaptive reward: a right answer earns the same in every mode.

            The ablation of A2FM: same questions, episodes and updates, another reward. What the adaptive term is for must
            show against it.

            **What to expect.** Written before measuring: accuracy as with it; single operations stay where the traces sent
            them, mostly to a chain.

            **Ways to fake it.** Fewer updates than A2FM has.
            """,
        ),
    ),
)


def solve(task: AgentTask, question: Question, point: Point) -> Ids:
    """Return a greedy episode in the mode of the policy's own choice."""
    with task.session(question, str(point["weights"])) as session:
        seq = session.begin_by_itself()
        session.finish([seq], temperature=0.0)
        session.offer(seq.completion)
    return session.best
