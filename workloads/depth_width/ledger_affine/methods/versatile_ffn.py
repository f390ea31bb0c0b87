"""VersatileFFN: one MLP that a token runs several times, or in slices, as its state asks.

After attention, each layer has one SwiGLU MLP, F(x) = x + W_out swiglu(W_in norm(x)), used in two
ways at once. *Deep*: F is applied l times, x_l = F(x_(l-1)). *Wide*: of N = 8 slices of the same
matrices the k = 2 best are mixed, x_width = x + sum of weight_e slice_e(norm(x)). A linear gate on
the state after attention decides between them:

    l = argmax depth(x) in 1..D,  D = 4        w = (D - l) / D
    y = (1 - w) x_l + w x_width

One loop gives the slices a weight of 3/4; D loops give them none, and they are not computed. In
training the choice is sampled, hard with a straight-through gradient, at a temperature that falls
from 5 to 0.1 (`train_ffns.py`), and all D loops are computed. Here every token runs its own
loops on gathered rows and its own slices (`loop_forward.py`); the released code loops the whole
batch as often as its deepest token.

**Cost.** l + (k/N) [l < D] dense MLPs a token and layer: *never below one*. The method buys
quality at fixed memory. It saves only against looping everybody D times, and takes more time than
dense.

`bias` is added to the logit of every further loop: above 0 deeper. Trained logits lie up to more
than 50 apart, so it takes hundreds to send every token through every loop. `path` leaves the
slices out (`deep`) or the loops (`wide`) of the same trained model, which was not trained for it.

**What is simplified.** Width 64 and hidden width 128 (so a slice has 16 units); four layers. The
paper goes on from a finished dense model with a new optimiser; so do we, from a dense start of
1200 of 1600 steps. Gates and routers learn at five times the rate of the rest, where the paper
has one rate and sixty times the steps. The temperature falls over the same share of the steps
as in the paper (96 %), not at the same rate a step. Learning rate, betas and head are the
substrate's. The body of the balance loss is not in the released code: the standard form is taken.

**What to expect.** Written before any looped model had been scored. Nothing prices depth, so gates
go deep where it helps: operands near 3 loops, fillers below 2. Above dense by 5 to
15 points at k = 2..4, below four fixed loops by more than one; random gates lose only a few points.

**Ways to fake it.** Separate weights per expert or loop; computing all loops for all tokens and
reporting l; mixing softly in evaluation and calling it adaptive; presenting it as a speed-up over
dense; forgetting the temperature. Each has a test.
"""

from adabench.harness.contract.card import Card, Claim, Difference, Knob, OutOfReach, Point, Ratio
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_reader import AffineTask, FfnReader
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import Path, Run, argmax
from adabench.workloads.depth_width.substrate.readers import Batch

CARD = Card(
    title="VersatileFFN",
    moved_from="ledger/versatile_ffn",
    paper="VersatileFFN, arXiv 2512.14531, December 2025",
    slug="versatile-ffn",
    adapts="how often a token runs each layer's MLP, and which slices of it, on its state",
    fidelity="code-confirmed",
    skips_from="fixed_loops",
    conditions={"mode": "prefill"},
    knobs=(
        Knob("bias", (-2.0, 0.0, 2.0), 0.0, open=True, low=-1000, high=1000),
        Knob("path", ("both", "deep", "wide"), "both"),
    ),
    claims=(
        Claim(
            id="vffn-1",
            says="With the same memory it answers more than dense MLPs at k = 2..4.",
            source="headline",
            paper="experiments across diverse benchmarks demonstrate the effectiveness of the method: "
            "a better average on 8 tasks at equal parameters; no number confirmed",
            effect=None,
            expect=Difference("accuracy_deep", against="dense_ffn", low=0.0),
        ),
        Claim(
            id="vffn-overhead",
            says="It has the parameters of the dense model: gates and routers are a thousandth of them.",
            source="headline",
            paper="both pathways reuse the same parameters, so all additional capacity comes from "
            "computation rather than memory; 0.1 % or less at width 1024",
            effect=None,
            expect=Ratio("parameters_bytes", against="dense_ffn", high=1.001),
        ),
        Claim(
            id="vffn-operands",
            says="Operands, where the value is computed, run more loops than fillers.",
            source="headline",
            paper='steering "easy" tokens through the efficient width-wise route and allocating '
            'deeper iterative refinement to "hard" tokens; no number',
            effect=None,
            expect=Ratio("loops_operand_over_filler", against="fixed_loops", low=1.0),
        ),
        Claim(
            id="vffn-2",
            says="It takes 45 % fewer operations than fixed loops, and answers more.",
            source="measured",
            paper="better on average at about 45 % fewer FLOPs than 6 loops (recalled); ours are 4",
            effect=0.55,
            expect=Ratio("flops_counted", against="fixed_loops"),
            requires=("vffn-2-better",),
        ),
        Claim(
            id="vffn-2-better",
            says="It answers more than fixed loops for everybody.",
            source="measured",
            paper="a better average on 8 tasks than the k-loop baselines; no number confirmed",
            effect=None,
            expect=Difference("accuracy", against="fixed_loops", low=0.0),
        ),
        Claim(
            id="vffn-3",
            says="It answers more than a mixture of separate experts that is larger.",
            source="measured",
            paper="beats a MoE whose parameter count is far larger, as it beats dense at equal "
            "parameters; no number confirmed",
            effect=None,
            expect=Difference(
                "accuracy", against="moe_ffn", low=0.0, keeping={"parameters_bytes": 0.0}
            ),
            requires=("vffn-1",),
        ),
        Claim(
            id="vffn-loop4",
            says="It runs at most 75 % of the MLPs of four loops for everybody, within a point.",
            source="own",
            paper="our criterion: what gates save beside the loops themselves",
            effect=None,
            expect=Ratio(
                "executions", against="fixed_loops", high=0.75, keeping={"accuracy": 0.01}
            ),
        ),
        Claim(
            id="vffn-random",
            says="Gates answer more than random gates that loop as often, layer by layer.",
            source="own",
            paper="our control: is the reading of the state worth anything?",
            effect=None,
            expect=Difference("accuracy", against="random_loops", low=0.0),
        ),
        Claim(
            id="vffn-latency",
            says="It takes more time than the dense model, not less.",
            source="own",
            paper="loops are no speed-up over dense, and nobody should read them as one",
            effect=None,
            expect=Ratio("latency_s", against="dense_ffn", low=1.0),
        ),
        Claim(
            id="vffn-size",
            says="It answers more than dense at both model scales, about 350 M and 720 M parameters.",
            source="headline",
            paper="experiments across model scales demonstrate the effectiveness of the method",
            effect=None,
            expect=OutOfReach("needs language models of two sizes and 40 billion tokens"),
            scale="paper",
        ),
    ),
)


def prepare(task: AffineTask, point: Point, seed: int) -> FfnReader:
    """Restore the model."""
    return task.ffn_reader("versatile-ffn")


def solve(reader: FfnReader, batch: Batch, point: Point) -> Run:
    """Read the batch; each token loops as often as its own state says."""
    path: dict[str, Path] = {"both": "both", "deep": "deep", "wide": "wide"}
    depths = argmax(reader.stack, float(point["bias"]))
    return reader.read(batch, depths, path=path[str(point["path"])])
