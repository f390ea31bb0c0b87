"""Meta reinforcement fine-tuning: a policy that learned to make progress with every attempt.

A completion is a row of episodes, each an attempt that `back` gives up. J of a prefix is how probably the policy answers rightly that is told to
answer there (`ans`, one attempt). In each update the policy writes a completion to each of 16 questions; it is cut behind one of its episodes,
and from there four roll-outs answer now and four go on (`training/train_by_reward.py`):

    A = R - J      J: mean reward of the four that answered now; R: 1 for a right answer

So what is reinforced is progress against the prefix itself, and not a sum over the trace, which telescopes to its end. `grpo` has the mean of
eight whole completions in J's place. Both generate 600,000 words, prefixes and forced answers counted, by one optimiser at one rate.

**Cumulative regret** is the mean over caps of J* - accuracy at the cap, where a sample that has not ended must answer (`forced_answer.py`). With
`cap` 0 each question has one of the caps 16, 32, 64, 96, 160 in turn: accuracy is then the mean over caps, and as J* is one for all, two methods'
regrets differ by as much. The paper draws eight forced answers of a question; here each cap has other questions, with one each.

**What is simplified.** J's roll-outs learn too, held against their own mean. Advantages are not divided by a deviation; AdamW sets the step.
No term holds the policy to its start.

**What to expect.** Written before training: both end far above the start, as it gives up too soon and neither does; `mrt` answers better where it
is cut early, as it is trained to answer, and no better where it may think; 1.5 times fewer words: no.

**Ways to fake it.** J from what is right, not from the policy's answers. More words than `grpo`. A J* for each method. A policy that
was never taught to answer early, of which J is 0.
"""

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.countdown.substrate.forced_answer import answered, cap_of
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Policies that learned to make progress (MRT)",
    paper="Optimizing Test-Time Compute via Meta Reinforcement Fine-Tuning, arXiv 2503.07572, ICML 2025",
    slug="mrt",
    adapts="when a policy stops thinking, by what going on was worth in its training",
    no_signal="it adapted when it was trained; `mrt_permuted` was trained on the progress of other questions",
    fidelity="paper",
    knobs=(
        Knob("recipe", ("mrt",), "mrt", also=("grpo", "grpo-length", "mrt-permuted", "sft-more")),
        Knob("cap", (16, 32, 64, 96, 160), 160, open=True, low=0),
    ),
    variants=(
        Variant(
            "grpo",
            "A policy that learned by outcome (GRPO)",
            {"recipe": "grpo"},
            role="static",
        ),
        Variant(
            "grpo_length",
            "The same, where shorter right answers are worth more",
            {"recipe": "grpo-length"},
            role="static",
        ),
        Variant(
            "mrt_permuted",
            "A policy that learned by progress on other questions",
            {"recipe": "mrt-permuted"},
            control_of=("mrt",),
            essay="""MRT with J of another question of the same update: a bonus that says nothing of its prefix.

            Means and spread of the advantages are those of MRT, and so are the words. What it gains comes from outcomes alone.

            **What to expect.** Written before training: as good as `grpo`, within three points.

            **Ways to fake it.** A J of nought, which is no bonus at all.
            """,
        ),
        Variant(
            "sft_more",
            "The policy taught on by traces",
            {"recipe": "sft-more"},
            control_of=("mrt",),
            essay="""Supervised training on, for about as many processor seconds as learning by reward takes.

            From the same weights, on further traces of the `train` split, teachers that give up included.

            **What to expect.** Written before training: within three points of the start.

            **Ways to fake it.** A rate that is too low to learn anything.
            """,
        ),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return what a policy that was trained on answers, at the cap at the latest.

    Raises:
        CapabilityMissing: if it was not trained.
    """
    with task.session(question, successor=str(point["recipe"])) as session:
        session.offer(answered(session, cap_of(question, int(point["cap"]))).completion)
    return session.best
