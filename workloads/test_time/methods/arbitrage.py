"""Arbitrage: the target writes a step where a router expects it to write a better one.

A draft writes step by step (`step_hand_over.py`). After each of its steps a router reads what stands
there and says how likely it is that the target would write a step that the judge scores higher
(`step_router.py`):

    q = P(s_target - s_draft > 0.02 | question, steps so far and their authors, the draft's step)
    q < tau: the step stands             q >= tau: it is thrown away, and the target writes it

`tau` is the dial: at 0 the target writes everything, above 1 nothing. Neither the judge's head nor
the target is run to decide; RSD, the rival, asks the judge how good the draft's step is, and not
whether the target's would be better.

**On `text`** nobody trained a router. What stands for it there is the draft's doubt, 1 less the probability
of the least probable word of its step (`draft_doubt.py`), and the draft is SmolLM2 without three of its
thirty layers. At that size there is no reward model, so nothing is claimed of accuracy: only what it
costs, whether the target would have answered the same, and how probable it finds the words.

**What is simplified.** Steps are short. The router is a head on the trunk of the judge, which
stays as it is, and is told who wrote the earlier steps by two numbers instead of by marks in the text.
Labels are of greedy steps, and 1 from an advantage of 0.02 on instead of from 0. It has also seen
contexts of draft-heavy runs, not those of the oracle's alone (`training/train_router.py`).

**What to expect.** Written before measuring: 0.6 right at a share of target steps of 0.25, where RSD has 0.55,
random escalation 0.4, draft and target alone 0.33 and 0.75. So above RSD and above random over the share, by some
five points on the mean, but more than a point below the oracle: not near-optimal. **FLOPs are not saved**, not even by
the oracle: the target has to read nearly every step that it did not write, a row that is read costs
what a row that is written does, and the router reads every step besides with a model of six times
the draft's size. Over FLOPs the target alone is better than everything here. Nor is the latency
halved: a step is short, and each costs calls of a draft, a router and at times a target; at the
accuracy of RSD perhaps 0.9 of its time, from fewer escalations. What is saved is words that the target
decodes one by one (`target_share`), which is time where a large model is bound by its memory. On `text`
0.03 nats a word above the target's own at two fifths of the steps, less than a die; no time saved.

**Ways to fake it.** A target that is run on every step and booked on some. The judge's score of the
target's step. Discarded drafts, the router or the target's late reading left out of the bill. A
router trained on test questions, or on right and wrong answers. No random escalation beside it: any
mix of two models looks good against the weaker one.
"""

from adabench.harness.contract.card import Ability, Card, Knob, OnTask, Point
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.step_hand_over import Draft, speculate

CARD = Card(
    title="Arbitrage",
    paper="Maheswaran et al., Arbitrage, arXiv 2512.05033, 2025",
    slug="arbitrage",
    adapts="which of two models writes the next step, on a router's forecast of the advantage",
    signal=("shared.language_model.search_session:Session.advantages",),
    fidelity="code-confirmed",
    tasks=("chain", "text"),
    abilities=(Ability("draft"),),
    on_task={
        "text": OnTask(
            sweep={"tau": (0.4,)},
            title="Hand-over of steps where the draft doubts: Arbitrage without its router",
        ),
    },
    knobs=(
        # Chosen on `dev`: the fewest hand-overs within a point of the target's accuracy.
        Knob("tau", (0.02, 0.1, 0.3, 0.5, 0.7, 0.9), 0.7, open=True, low=0, high=1.1),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return the completion that draft and target wrote together.

    Raises:
        CapabilityMissing: if the policy is the draft of no target, or has no router.
    """
    least = float(point["tau"])

    def escalates(step: Draft) -> bool:
        (chance,) = step.session.advantages([step.seq], [step.authors])
        return chance >= least

    with task.session(question, paired=True) as session:
        speculate(
            session, escalates, lambda seq, authors: session.advantages([seq], [authors[:-1]])
        )
    return session.best
