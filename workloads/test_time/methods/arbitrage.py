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

**What is simplified.** Steps have nine words. The router is a head on the trunk of the judge, which
stays as it is, and is told who wrote the earlier steps by two numbers instead of by marks in the text.
Labels are of greedy steps, and 1 from an advantage of 0.02 on instead of from 0. It has also seen
contexts of draft-heavy runs, not those of the oracle's alone (`training/train_router.py`).

**What to expect.** Written before measuring, from a prototype: 0.67 right at a share of target steps
of 0.15 with six operations, where RSD has 0.59, random escalation 0.4, the oracle 0.74, draft and
target alone 0.31 and 0.77. So above RSD and above random over the share, by some five points on the
mean, but more than a point below the oracle: not near-optimal. **FLOPs are not saved**, not even by
the oracle: the target has to read nearly every step that it did not write, a row that is read costs
what a row that is written does, and the router reads every step besides with a model of six times
the draft's size. Over FLOPs the target alone is better than everything here. Nor is the latency
halved: a step has nine words, and each costs calls of a draft, a router and at times a target; at the
accuracy of RSD perhaps 0.9 of its time, from fewer escalations. What is saved is words that the target
decodes one by one (`target_share`), which is time where a large model is bound by its memory. On `text`
0.03 nats a word above the target's own at two fifths of the steps, less than a die; no time saved.

**Ways to fake it.** A target that is run on every step and booked on some. The judge's score of the
target's step. Discarded drafts, the router or the target's late reading left out of the bill. A
router trained on test questions, or on right and wrong answers. No random escalation beside it: any
mix of two models looks good against the weaker one.
"""

from adabench.harness.contract.card import (
    Ability,
    Card,
    Claim,
    Difference,
    Frontier,
    Knob,
    Level,
    Monotone,
    OutOfReach,
    Point,
    Ratio,
    Reach,
    Variant,
)
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.test_time.substrate.question_task import QuestionTask
from adabench.workloads.test_time.substrate.step_hand_over import Draft, speculate

CARD = Card(
    title="Arbitrage",
    paper="Maheswaran et al., Arbitrage, arXiv 2512.05033, 2025",
    slug="arbitrage",
    adapts="which of two models writes the next step, on a router's forecast of the advantage",
    fidelity="code-confirmed",
    tasks=("chain", "text"),
    abilities=(Ability("draft"),),
    variants={
        "chain": Variant(conditions={"layout": "several", "trainings": 1}),
        "text": Variant(
            sweep={"tau": (0.4,)},
            title="Hand-over of steps where the draft doubts: Arbitrage without its router",
        ),
    },
    knobs=(
        # Chosen on `dev`: the fewest hand-overs within a point of the target's accuracy.
        Knob("tau", (0.02, 0.1, 0.3, 0.5, 0.7, 0.9), 0.7, open=True, low=0, high=1.1),
    ),
    claims=(
        Claim(
            id="arb-rsd",
            says="At equal shares of target steps it answers more than step-level speculation by reward, "
            "by a point.",
            source="headline",
            paper="Arbitrage consistently surpasses prior step-level Speculative Decoding "
            "baselines; no number in the abstract; decided at six operations",
            effect=None,
            expect=Frontier("target_share", "accuracy", against="rsd", low=0.01, groups=("d6",)),
            apart_from=("random_escalation",),
        ),
        Claim(
            id="arb-latency",
            says="It reaches the accuracy of speculation by reward in half the time.",
            source="headline",
            paper="reducing inference latency by up to ~2x at matched accuracy",
            effect=0.5,
            expect=Reach("latency_s", "accuracy", against="rsd", groups=("d6",)),
            apart_from=("random_escalation",),
        ),
        Claim(
            id="arb-oracle",
            says="At equal shares it answers what the oracle does, within a point.",
            source="headline",
            paper="This routing approximates an ideal Arbitrage Oracle that always chooses the "
            "higher-quality step, achieving near-optimal efficiency-accuracy trade-offs; no number",
            effect=None,
            expect=Frontier(
                "target_share", "accuracy", against="arbitrage_oracle", low=-0.01, groups=("d6",)
            ),
            apart_from=("random_escalation",),
        ),
        Claim(
            id="arb-random",
            says="At equal shares of target steps it answers more than escalation by a die, by a point.",
            source="own",
            paper="any mix of two models looks good against the weaker one; this one has to choose",
            effect=None,
            expect=Frontier(
                "target_share", "accuracy", against="random_escalation", low=0.01, groups=("d6",)
            ),
        ),
        Claim(
            id="arb-drop",
            says="At equal shares it answers more than escalation where the judge's score fell.",
            source="own",
            paper="a rival without a router: does what is learned add anything?",
            effect=None,
            expect=Frontier("target_share", "accuracy", against="drop", low=0.0, groups=("d6",)),
        ),
        Claim(
            id="arb-waste",
            says="Less of the answer is written twice in the same words than with speculation by reward.",
            source="own",
            paper="existing methods still regenerate many rejected steps with little improvement",
            effect=None,
            expect=Difference("redrawn_share", against="rsd", high=0.0, groups=("d6",)),
        ),
        Claim(
            id="arb-flops",
            says="It reaches the accuracy of speculation by reward for fewer FLOPs.",
            source="own",
            paper="a criterion of ours, expected to hold, if at all, against that rival alone",
            effect=None,
            expect=Reach("flops_counted", "accuracy", against="rsd", high=1.0, groups=("d6",)),
        ),
        Claim(
            id="arb-flops-target",
            says="It reaches the accuracy of the target alone for fewer FLOPs.",
            source="own",
            paper="a criterion of ours, expected to fail: what is not written has to be read",
            effect=None,
            expect=Reach(
                "flops_counted", "accuracy", against="target_only", high=1.0, groups=("d6",)
            ),
        ),
        Claim(
            id="arb-dial",
            says="The higher the threshold, the less the target writes.",
            source="own",
            paper="what tau is there for; steps up of half a point are allowed",
            effect=None,
            expect=Monotone("target_share", over="tau", rising=False, tolerance=0.005),
        ),
        Claim(
            id="arb-large",
            says="It halves the latency of pairs of 1B to 70B parameters.",
            source="measured",
            paper="1.62x (MATH-500, quantised draft) and 1.97x (OlympiadBench, small draft) over RSD",
            effect=0.5,
            expect=OutOfReach("the pairs and reward models of the paper run on no machine here"),
            scale="paper",
        ),
        Claim(
            id="TX-arb-quality",
            says="It answers more than step-level speculation by reward, with real models.",
            source="headline",
            paper="Arbitrage consistently surpasses prior step-level Speculative Decoding baselines",
            effect=None,
            expect=OutOfReach(
                "at the size of SmolLM2 there is no reward model and no router: what stands for "
                "them says how probable words are, and nothing of what is right"
            ),
            decided_on="text",
        ),
        Claim(
            id="TX-arb-nats",
            says="At equal shares of target steps the target finds its words more probable than a die's.",
            source="own",
            paper="the part of the paper that a pair of real models without a reward model can show",
            effect=None,
            expect=Frontier(
                "target_share",
                "nats",
                against="random_escalation",
                low=0.0,
                where={"tau": (0.2, 0.3, 0.4, 0.5), "rate": (0.1, 0.2, 0.4, 0.6)},
            ),
            decided_on="text",
        ),
        Claim(
            id="TX-arb-agrees",
            says="Nine of ten answers are what the target alone answers.",
            source="own",
            paper="a criterion of ours: what is handed over less often should not be another answer",
            effect=None,
            expect=Level("agreement", low=0.9),
            decided_on="text",
        ),
        Claim(
            id="TX-arb-time",
            says="It takes half of the target's time.",
            source="own",
            paper="the paper's twofold is over speculation by reward at matched accuracy, of which nothing "
            "can be said here; expected to fail, since a draft of 27 of 30 layers takes nine tenths of the "
            "target's time by itself",
            effect=None,
            expect=Ratio("latency_s", against="target_only", high=0.5),
            decided_on="text",
        ),
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
