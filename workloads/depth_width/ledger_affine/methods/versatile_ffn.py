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

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.ledger_affine.substrate.ffn_reader import AffineTask, FfnReader
from adabench.workloads.depth_width.ledger_affine.substrate.loop_forward import Path, Run, argmax
from adabench.workloads.depth_width.substrate.readers import Batch

CARD = Card(
    title="VersatileFFN",
    moved_from="ledger/versatile_ffn",
    paper="VersatileFFN, arXiv 2512.14531, December 2025",
    slug="versatile-ffn",
    adapts="how often a token runs each layer's MLP, and which slices of it, on its state",
    signal=(
        "depth_width.ledger_affine.substrate.loop_forward:loop_logits",
        "depth_width.ledger_affine.substrate.loop_forward:slice_logits",
    ),
    fidelity="code-confirmed",
    skips_from="fixed_loops",
    conditions={"mode": "prefill"},
    knobs=(
        Knob("bias", (-2.0, 0.0, 2.0), 0.0, open=True, low=-1000, high=1000),
        Knob("path", ("both", "deep", "wide"), "both"),
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
