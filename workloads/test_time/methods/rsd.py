"""Reward-guided speculative decoding: a draft's step stands if the judge scores it high enough.

    s_draft >= tau: the step stands        s_draft < tau: it is thrown away, and the target writes it

The baseline of Arbitrage. It knows how good the draft's step is and not whether the target's would be
better: where a question is lost already, or too hard for both, it calls the target in vain
(`redrawn_share`: what the target wrote in the very words of the draft).

**What is simplified.** Steps are short, and both models decode greedily. The reward model reads
the draft's steps with a trunk of its own, as the paper's does.

**On `text`** the judge is how probable the target finds the step (`target_likelihood.py`), since no
reward model is as small as SmolLM2. It reads each step, and that is charged: as many rows as the
target would have run by itself. `--judge hf:NAME` puts a real reward model in its place.

**What to expect.** Written before measuring: 0.55 right at a share of target steps of 0.25: a strong baseline, since
the judge sees most of what the draft misremembers. A score stays low after a wrong step that is never repaired, so
half of what it hands over comes back as it was.

**Ways to fake it.** A judge that is not charged; discarded drafts that are not counted.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.step_hand_over import Draft, speculate

CARD = Card(
    title="Reward-guided speculative decoding",
    paper="Liao et al., RSD, arXiv 2501.19324, ICML 2025",
    adapts="which of two models writes the next step, on the judge's score of the draft's",
    signal=("shared.language_model.search_session:Session.scores",),
    fidelity="paper",
    tasks=("chain", "text"),
    abilities=(Ability("draft"), Ability("scores")),
    on_task={
        "text": OnTask(
            sweep={"tau": (0.9,)},
            title="Speculation by the target's likelihood of each step, in place of a reward",
        ),
    },
    knobs=(
        # Chosen on `dev`: the fewest hand-overs within a point of the target's accuracy.
        Knob("tau", (0.05, 0.1, 0.15, 0.25, 0.4, 0.7), 0.25, open=True, low=0, high=1.1),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion that draft and target wrote together.

    Raises:
        CapabilityMissing: if the policy is the draft of no target.
    """
    least = float(point["tau"])

    def escalates(step: Draft) -> bool:
        _, reward = step.rewards()
        return reward < least

    with task.session(question, paired=True) as session:
        speculate(session, escalates, lambda seq, _: session.scores([seq]))
    return session.best
