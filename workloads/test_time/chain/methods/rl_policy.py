"""A policy that learned by reward: one sample of what reinforcement learning made of the policy.

From the policy of the format `splits` others go on: in each update they write 8 solutions of each of 16 questions of the
`train` split, a right answer is worth 1, and the weights move towards those that are worth more than their group
(`training/train_by_reward.py`). `recipe` says how; `staleness` how many updates ago the weights were made that wrote.

    scale-rl    CISPO: -stop(min(rho, 4)) A log pi; A over the batch's deviation; a mean over a prompt's words; no groups
                of equal rewards; no prompt that was right in 9 of 10 draws
    grpo        min(rho A, clip(rho, 0.8, 1.2) A); A over its group's deviation; a mean over each completion
    dapo        clipped at 1.28 above; a mean over all words; others are drawn for groups of equal rewards

and `scale-rl` with one part put back: `scale-rl-clip` (DAPO's loss for CISPO), `-sample` (a mean over each completion), `-group` (over
the group's deviation), `-whole` (groups of equal rewards count).

All generate 1.2 million words, ten times what a thousand questions take with `majority`. Run seeds take the trainings of a recipe in turn.

**What is simplified.** A batch is written by one version of the weights, where a pipeline changes them within a solution.
Interruptions, single precision in the head and penalties of long completions have nothing to do at this size. There is no second policy to
go on from: trainings differ in their questions and draws, not in their start.

**The policy** is that of the format `splits`, which was taught on right solutions and stopped early: it errs by procedure. That of the
default format was taught wrong products, which no reward was found to repair in 15 settings (docs/log/reinforce.md).

**What to expect.** Written before measuring on test questions, after four trials on those of the `dev` split: from .37 to .70, at four
answers of which one is right from .69 to .93; recipes within three points of each other on-policy, where their
losses have one gradient; stale, `scale-rl` five points behind itself on-policy, and `grpo` with it. Further solutions as long as that: three to six points.

**Ways to fake it.** Validation or test questions in the pool. A start that was held back so that anything helps: `sft_more` is what
more of the same teaching gives. Comparing at equal updates where recipes draw more words. Staleness by a constant ratio.
"""

from adabench.harness.contract.card import Ability, Card, Knob, Point, Variant
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask

CARD = Card(
    title="Policies that learned by reward (ScaleRL)",
    paper="The Art of Scaling Reinforcement Learning Compute for LLMs, arXiv 2510.13786, ICLR 2026",
    slug="scalerl",
    adapts="what the policy answers, by whether its earlier answers to other questions were right",
    no_signal="it adapted when it was trained; `permuted_rewards` was trained on rewards dealt out at random",
    fidelity="paper",
    conditions={"format": "splits", "trainings": 1},
    abilities=(Ability("successors"),),
    knobs=(
        Knob(
            "recipe",
            ("grpo", "dapo", "scale-rl"),
            "scale-rl",
            also=("scale-rl-clip", "scale-rl-sample", "scale-rl-group", "scale-rl-whole"),
        ),
        Knob("staleness", (0, 8), 8),
        Knob("temperature", (1.0,), 1.0, open=True, low=0.0),
    ),
    variants=(
        Variant(
            "permuted_rewards",
            "A policy that learned by permuted rewards",
            {"recipe": "permuted", "staleness": 0},
            control_of=("rl_policy",),
            adapts="nothing",
            essay="""GRPO with the rewards of each group dealt out at random: what is learned without a signal.

            As many completions of a group are worth 1 as were right, and which is chance. Whatever this gains does not
            come from answers: sharper draws, shorter solutions, or noise.

            **What to expect.** Written before measuring: within three points of the start, rather below.

            **Ways to fake it.** Permuting between prompts, which leaves easy prompts a signal.
            """,
        ),
        Variant(
            "sft_more",
            "The policy taught on by solutions",
            {"recipe": "sft-more", "staleness": 0},
            control_of=("rl_policy",),
            adapts="nothing",
            essay="""Supervised training on, for as many processor seconds as learning by reward takes.

            From the same weights, on further worked solutions of the `train` split, by the optimiser that trains such
            policies fastest (`training/short_training.py`). It needs solutions, where a reward needs answers alone.

            **What to expect.** Written before measuring: three to six points above the start.

            **Ways to fake it.** A rate that is too low to learn anything.
            """,
        ),
    ),
)


def solve(task: QuestionTask, question: Question, point: Point) -> tuple[int, ...]:
    """Return one sampled completion of a policy that was trained on.

    Raises:
        CapabilityMissing: if it was not trained.
    """
    recipe = str(point["recipe"])
    name = (
        recipe if recipe == "sft-more" else f"rl-{recipe}{'-stale' if point['staleness'] else ''}"
    )
    with task.session(question, successor=name) as session:
        (leaf,) = session.fork(session.open(), 1)
        session.decode([leaf], temperature=float(point["temperature"]))
        session.offer(leaf.completion)
    return session.best
