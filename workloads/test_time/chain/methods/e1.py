"""A policy that learned to take an effort: the share of its usual length that a solution may take (e1).

    <bos> 69 : 9 17 15 11 >   <effort2>   69 * 15 = 65 : 9 17 ? 11 ; ...  ans 33 <eos>

The word of an effort stands behind the prompt, and the policy writes: it tries the factors in one order after another, as often as it likes, and
states a value (`substrate/tries.py`). Nothing else happens at inference: no count, no cut. While it learned, a completion was worth 1 if it
was right and at most `effort` times as long as what the policy usually wrote to this very question without a limit
(`training/train_effort.py`). So nobody names a number of words, and a question that usually takes many may take
many. Efforts 0.25, 0.5, 0.75, 1, 1.5 and 10 (none is ten times as long: no limit) were trained together; 0.35 and 0.9 never were: their words
have the mean of their neighbours' embeddings. `reference=group` reads the paper by the letter: usual is the mean of the group
itself, so an effort below 1 asks for less at each update.

**What is simplified.** The paper's models come with long thoughts; here the slack was put in: the start was taught to try up to four times, half of the time as
often as the word says. Its dial (`effort_start`) is what a dial that is learned has to beat. One try is the least that anybody can write. The distribution of
efforts, the memory of the moving mean and whether the reference is of the group or of no limit stand in no public text. One start serves all
trainings, which differ in questions and draws. Run seeds take the trainings of a recipe in turn.

**What to expect.** Written before any training (docs/log/reinforce.md).

**Ways to fake it.** A word that becomes a length at which solutions are cut. Padding the start: beside the ratio stands that of plain
GRPO. Usual lengths that stay those of the start, which are budgets. Calibrating on test questions.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point, Variant
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.chain.substrate.tries import word_of
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Effort control (e1)",
    paper="e1: Learning Adaptive Control of Reasoning Effort, arXiv 2510.27042, NeurIPS 2025 Efficient Reasoning workshop",
    slug="e1",
    adapts="how many words a solution takes, by the effort that is asked for and what the question usually takes",
    no_signal="the policy adapts by what it learned; `permuted_efforts` learned from efforts that its words did not say",
    fidelity="paper",
    conditions={"format": "tries", "lengths": "4"},
    abilities=(Ability("efforts"),),
    fixed={"objective": "e1"},
    knobs=(
        Knob("effort", (0.25, 0.5, 0.75, 1.0, 1.5, 10.0), 1.0, also=(0.35, 0.9)),
        Knob("reference", ("full",), "full", also=("group",)),
    ),
    variants=(
        Variant(
            "permuted_efforts",
            "A policy whose words of efforts said nothing",
            {"objective": "permuted", "reference": "full"},
            control_of=("e1",),
            essay="""The same training with an effort drawn anew for each completion: the word before it says nothing of what it is paid by.

            Whatever this has of the dial, the dial does not come from the words.

            **What to expect.** Written before measuring: the dial of the start, or less of it.

            **Ways to fake it.** Permuting between questions alone, so that all completions of a group are paid by one effort.
            """,
        ),
        Variant(
            "effort_more",
            "The start taught on by solutions",
            {"objective": "more", "reference": "full", "effort": 10.0},
            control_of=("e1",),
            essay="""Supervised training on, for as many processor seconds, on further solutions with slack.

            **What to expect.** Written before measuring: the start, within two points.

            **Ways to fake it.** A rate that is too low to learn anything.
            """,
        ),
        Variant(
            "effort_start",
            "The start of effort control",
            {"objective": "start", "reference": "full"},
            role="static",
            essay="""The policy from which all that take efforts were trained: one to four tries, half of the time as many as the word says.

            **What to expect.** Written before measuring: six points more at three tries than at one.

            **Ways to fake it.** More padding than is said.
            """,
        ),
        Variant(
            "outcome_reward",
            "Plain GRPO from the start of effort control",
            {"objective": "outcome", "reference": "full", "effort": 10.0},
            role="static",
            essay="""GRPO from the same start, at equal words, on right answers alone: what shorter solutions owe to a reward that does not ask for them.

            **What to expect.** Written before measuring: as many tries as the start or more, and two points more right.

            **Ways to fake it.** Leaving it out, so that what any reward gives is taken for the merit of the dial.
            """,
        ),
        Variant(
            "grpo_length",
            "GRPO with a price of words",
            {"objective": "length", "reference": "full", "effort": 10.0},
            role="static",
            knobs=(Knob("weight", (25, 50, 100), 50),),
            essay="""GRPO from the same start, a right answer being worth less the longer it is: 1 - weight % of its words over twice the start's mean.

            One training for each weight: three policies are its curve.

            **What to expect.** Written before measuring: one try at every weight, as a group that is all right is pushed alike at each.

            **Ways to fake it.** Weights that make it as long or as short as suits.
            """,
        ),
        Variant(
            "l1",
            "Absolute budgets (L1)",
            {"objective": "l1", "reference": "full"},
            role="static",
            paper="L1: Controlling How Long A Reasoning Model Thinks With Reinforcement Learning, arXiv 2503.04697",
            essay="""The same training with budgets of words: `effort` times the mean of all questions under the start, the same for each of them.

            **What is simplified.** L1 rewards nearness to a number of words that the prompt states; here six words state six budgets, and
            a completion within its budget is paid, as e1 pays, so that the two differ in the reference alone.

            **What to expect.** Written before measuring: the dial of e1, as all questions have four factors; on six factors it gives up.

            **Ways to fake it.** Budgets that no question can meet.
            """,
        ),
    ),
)  # fmt: skip


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return one sampled completion behind the word of an effort.

    Raises:
        CapabilityMissing: if no such policy was trained.
        SelectionError: if no word says the effort.
    """
    parts = ["effort", str(point["objective"])]
    if point.get("reference") == "group":
        parts.append("group")
    if "weight" in point:
        parts.append(str(point["weight"]))
    word = word_of(float(point["effort"]))
    with task.session(question, successor="-".join(parts)) as session:
        (leaf,) = session.fork(session.open(), 1)
        session.append([leaf], [[word]])
        session.decode([leaf])
        session.offer(leaf.completion)
    return session.best
