"""Adaptive computation modules: how many of four ordered learners each position runs in each MLP.

Every MLP f of the trained model is replaced by N = 4 small MLPs, the *learners*, whose sum up to n
approximates f better with every n, and a tiny gate that reads the MLP's own input:

    h_n(x) = sum over i <= n of W2_i gelu(W1_i x + b_i)        h <- h + h_n(x),  n = argmax gate(x)

n = 0 leaves the MLP out. All learners cost together what f did. They are first distilled to f,
module by module; gates are first taught by the errors of the prefixes; then everything is tuned
end to end under a budget (`train_learners.py`). `learners.py` runs each learner on the rows that take it,
and counts n/4 of half a layer for n learners; gates cost 1 % of an MLP at d = 64 (multiplied out;
4 % as they are trained) and are in the FLOPs.

`budget` is the share of the learners that training aims at; models are shipped for 0.25, 0.4 and
0.75 (the card's 0.6 is not). What is reported is always the share that was run.

**What is simplified.** MLPs alone: the paper's q, k, v and o modules are left out, so attention,
42 % of the operations here, is never saved. 320 + 80 + 1000 steps of 32 sequences in place of 100
epochs, so rates are higher (3e-3; 1e-2; 1e-3, gates 5e-3) with a cosine, and the budget's weight
is 4 (0.1 was not tried). Distillation errors are divided by the mean square of each f. Gates are
made less sure before they are tuned, or they stay where phase 2 left them (`train_learners.py`). The
choice's straight-through value multiplies the output (the released code leaves it out).

**What to expect.** Written when the distilled learners had been seen (all answers at k = 4: 0.30,
0.47, 0.59, 0.65 with 1 to 4 learners for everybody, seed 0, nothing tuned) and before any tuning:
with tuning two learners for everybody answer nearly everything and one does not; gates at 0.40
beat both at their cost, by running one or none at fillers; random gates at their rates lose a third
of the answers at k = 4. The width of an MLP matters less here than depth does, so the margin over
constant width is a few points. Time falls by less than operations: realised speedup around 0.3 in prefill, and
below 0 one token at a time, where a learner is a call of its own.

**On `pretrained` it is a variant, prepared from unlabelled text**; the paper distils new modules and
tunes them on labelled data, and all claims there are our own. Learners are what is called a fake below, quarters of the trained MLP's own
hidden units, made honest by what the paper asks of learners: every prefix has a fitted forecast of
the rest (`width_forward.py`, `width_fit.py`). One file serves 0.6 to 0.95; the weights stay.

**Ways to fake it.** Slices of the trained MLP called learners; masks counted as skipped work; the
budget reported as the cost; constant width without the same tuning; gates left out of the count.
"""

from adabench.harness.contract.card import (
    Card,
    Claim,
    Difference,
    Frontier,
    Knob,
    Monotone,
    OutOfReach,
    Point,
    Ratio,
    Variant,
)
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.learners import gated
from adabench.workloads.depth_width.substrate.readers import Batch
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.width_reader import WidthReader

CARD = Card(
    title="Adaptive computation modules",
    tasks=("ledger", "pretrained"),
    variants={
        "pretrained": Variant(
            sweep={"budget": (0.75,)},
            title="Adaptive computation modules, cut from the MLPs and prepared from unlabelled text",
        )
    },
    paper="Adaptive Computation Modules, arXiv 2312.10193, December 2023",
    slug="acm",
    adapts="how many of four learners a position runs in each MLP, on the MLP's own input",
    fidelity="special-case",
    skips_from="vanilla",
    knobs=(Knob("budget", (0.25, 0.4, 0.75), 0.4, at="prepare", open=True, low=0.01, high=0.99),),
    claims=(
        Claim(
            id="acm-4",
            says="Over budgets from 0.25 to 0.75 it takes fewer operations than the original and "
            "answers as much, within a point.",
            source="headline",
            paper="'significantly reduces inference costs without degrading the downstream "
            "accuracy for a wide interval of user-defined budgets', without a number",
            effect=None,
            expect=Ratio(
                "flops_counted",
                against="vanilla",
                high=1.0,
                keeping={"accuracy": 0.01},
                where={"budget": (0.25, 0.4, 0.75)},
            ),
        ),
        Claim(
            id="acm-2",
            says="Fewer word errors than MoEfication at every budget.",
            source="headline",
            paper="'in computer vision and speech recognition': Wav2Vec 2.0 on CommonVoice-es",
            effect=None,
            expect=OutOfReach("a speech model and its corpus are not a case here"),
            scale="paper",
        ),
        Claim(
            id="acm-1",
            says="Its frontier of answers over operations lies above that of early exits.",
            source="measured",
            paper="a Pareto frontier over all budgets against token dropping, MoEfication and early "
            "exits (ViT-B, ImageNet-1k), given as a figure",
            effect=None,
            expect=Frontier("flops_counted", "accuracy", against="early_exit", low=0.0),
        ),
        Claim(
            id="acm-3",
            says="Reading takes less time than the original's, within a point of its accuracy.",
            source="measured",
            paper="latency nearly linear in executed learners, negligible overhead (GPU kernel)",
            effect=None,
            expect=Ratio(
                "latency_s",
                against="vanilla",
                high=1.0,
                keeping={"accuracy": 0.01},
                where={"budget": 0.4},
            ),
        ),
        Claim(
            id="acm-3-slope",
            says="The smaller the budget, the less time reading takes.",
            source="measured",
            paper="latency nearly linear in executed learners",
            effect=None,
            expect=Monotone("latency_s", over="budget", rising=True, tolerance=1e-3),
        ),
        Claim(
            id="acm-static",
            says="Its frontier of answers over operations lies above that of constant width.",
            source="own",
            paper="what adaptive width has to beat: the same learners, as many for everybody",
            effect=None,
            expect=Frontier("flops_counted", "accuracy", against="static_width", low=0.0),
        ),
        Claim(
            id="acm-static-40",
            says="At 0.4 it answers at least what two learners for everybody do, on less work.",
            source="own",
            paper="a single pair of acm-static",
            effect=None,
            expect=Difference(
                "accuracy",
                against="static_width",
                low=0.0,
                keeping={"executions": 0.0},
                where={"budget": 0.4},
            ),
        ),
        Claim(
            id="acm-static-25",
            says="At 0.25 it answers more than one learner for everybody does.",
            source="own",
            paper="a single pair of acm-static: as many learners run, the gates come on top",
            effect=None,
            expect=Difference(
                "accuracy", against="static_width", low=0.0, where={"budget": 0.25, "learners": 1}
            ),
        ),
        Claim(
            id="acm-4-40",
            says="At 0.4 nothing is lost: within a point of the original, at 0.72 of its layers.",
            source="own",
            paper="a single budget of acm-4, with our bar",
            effect=None,
            expect=Ratio(
                "executions",
                against="vanilla",
                high=0.72,
                keeping={"accuracy": 0.01},
                where={"budget": 0.4},
            ),
        ),
        Claim(
            id="acm-4-75",
            says="At 0.75 nothing is lost: within a point of the original, on less work.",
            source="own",
            paper="a single budget of acm-4, with our bar",
            effect=None,
            expect=Ratio(
                "executions",
                against="vanilla",
                high=0.9,
                keeping={"accuracy": 0.01},
                where={"budget": 0.75},
            ),
        ),
        Claim(
            id="acm-load-25",
            says="In every batch the share of learners that runs is within 0.03 of 0.25.",
            source="check",
            paper="a budget must be kept where it was not trained; executions are 1/2 + share/2",
            effect=None,
            expect=Ratio(
                "executions", "vanilla", low=0.61, high=0.64, where={"budget": 0.25}, every=True
            ),
        ),
        Claim(
            id="acm-load-40",
            says="In every batch the share of learners that runs is within 0.03 of 0.4.",
            source="check",
            paper="a budget must be kept where it was not trained; executions are 1/2 + share/2",
            effect=None,
            expect=Ratio(
                "executions", "vanilla", low=0.685, high=0.715, where={"budget": 0.4}, every=True
            ),
        ),
        Claim(
            id="acm-load-75",
            says="In every batch the share of learners that runs is within 0.03 of 0.75.",
            source="check",
            paper="a budget must be kept where it was not trained; executions are 1/2 + share/2",
            effect=None,
            expect=Ratio(
                "executions", "vanilla", low=0.86, high=0.89, where={"budget": 0.75}, every=True
            ),
        ),
        Claim(
            id="acm-random",
            says="Gates beat random gates with the same choices per module, in every batch.",
            source="check",
            paper="the control: what learners keep whoever runs them",
            effect=None,
            expect=Ratio(
                "accuracy", against="random_width", low=1.0, every=True, where={"budget": 0.4}
            ),
        ),
        Claim(
            id="acm-random-trained",
            says="Gates answer more than learners tuned under random gates at their shares.",
            source="own",
            paper="the harder control: learners that have been tuned to random gates",
            effect=None,
            expect=Difference(
                "accuracy", against="random_width", low=0.0, there={"weights": "coins"}
            ),
        ),
        Claim(
            id="acm-operands",
            says="Operands, where the value is computed, run more learners than fillers.",
            source="own",
            paper="our substrate knows who needs depth",
            effect=None,
            expect=Ratio("operand_over_filler", against="vanilla", low=1.0, where={"budget": 0.4}),
        ),
        Claim(
            id="acm-real",
            says="On real text, at 0.75, an eighth fewer layers within 1 % of the nats a token.",
            source="own",
            paper="our bar for a pretrained model, whose learners are cut from its MLPs",
            effect=None,
            expect=Ratio(
                "executions",
                against="vanilla",
                high=0.89,
                keeping={"nll_token": 0.036},
                where={"budget": 0.75},
            ),
            decided_on="pretrained",
        ),
        Claim(
            id="acm-real-static",
            says="On real text it loses less at 0.75 than three learners for everybody do.",
            source="own",
            paper="acm-static on a pretrained model: as many learners run, the gates come on top",
            effect=None,
            expect=Difference(
                "nll_token", against="static_width", high=0.0, where={"budget": 0.75, "learners": 3}
            ),
            decided_on="pretrained",
        ),
        Claim(
            id="acm-real-random",
            says="On real text gates lose less than random gates at the same shares, in every batch.",
            source="check",
            paper="the control: what learners keep whoever runs them",
            effect=None,
            expect=Ratio(
                "nll_token", against="random_width", high=1.0, every=True, where={"budget": 0.75}
            ),
            decided_on="pretrained",
        ),
        Claim(
            id="acm-real-load",
            says="On real text the share of learners that runs is within 0.03 of 0.75, in every "
            "batch.",
            source="check",
            paper="a budget must be kept where it was not trained; executions are 1/2 + share/2",
            effect=None,
            expect=Ratio(
                "executions", "vanilla", low=0.86, high=0.89, where={"budget": 0.75}, every=True
            ),
            decided_on="pretrained",
        ),
        Claim(
            id="acm-real-time",
            says="On real text reading at 0.75 takes 7 % less time than the whole model's.",
            source="own",
            paper="our bar: half of the saved operations (13 % are) become time",
            effect=None,
            expect=Ratio("latency_s", against="vanilla", high=0.93, where={"budget": 0.75}),
            decided_on="pretrained",
        ),
    ),
)


def prepare(task: StreamTask, point: Point, seed: int) -> WidthReader:
    """Restore the model that was tuned for this budget."""
    return task.width_reader(f"acm-{round(100 * float(point['budget']))}")


def solve(reader: WidthReader, batch: Batch, point: Point) -> Answer:
    """Read the batch; each gate decides from its position's own state."""
    return reader.read(batch, gated(reader.widened.modules))
