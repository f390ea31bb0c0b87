"""Mixture-of-Recursions: a router decides how often a shared block is applied to each token.

Middle cycle: a unique first and last layer around a shared pair of layers (Phi), run up to
N_r = 3 times. Expert choice, the published setting: recursion r has a linear router and

    g_t = alpha sigmoid(theta_r . h_t)          h_t <- h_t + g_t Phi(h)_t   for the chosen

with alpha = 0.1. Candidates are those chosen at r - 1. *Training* takes the top c_r T of each
sequence, sorted back into order, and a binary cross-entropy (coefficient 0.001) that pushes
the chosen above 0.5 and the rest below. *Here and in decode* the rule is causal: a token goes
on if its sigmoid exceeds a fixed threshold. Top-k over a sequence would look at its future; the
released forward does so in evaluation and is not copied. Where the capacity is 1 nobody is
asked. *Token choice* classifies once, at the first block: depth = argmax, and the
last output is added with the winner's probability.

`rule=half`, the default, is the published threshold, 0.5 at every recursion. `rule=capacity`
calibrates one threshold per recursion on unlabelled sequences so that recursion r keeps c_r of
the positions (`threshold_calibration.py`); it is ours. `threshold` multiplies the odds of whatever the
rule set: at 0.5 it changes nothing, and under `half` it is the threshold itself.

Keys and values: recursion-wise (each depth sees those active at that depth) or shared (later
recursions read those of the first). `gathered_forward.py` runs only the chosen rows.

**What is simplified.** Width 64, four distinct layers, 1000 steps. Capacity falls from 1 to
c_r along a cosine over the first half of training: the paper's code has this warm-up and its
published run leaves it off. No depth-wise batching across requests.

**What to expect.** Written before measuring. By the capacities, 8 -> 6 layers a token (-25 %).
Operands need depth and fillers do not, so the router should send operands deepest, later
ones deeper, and lose nothing. Random routing loses half of the answers. Against uniform
*vanilla* depth little is to be won: six untied layers solve the task too, at the same cost.
K near 0.5 at width 64, where gathering eats half of the saving; below 0 in decode, where
time is calls and not rows, unless a whole stage is left out.

**What was seen.** Seeds 0, 1, 2, 8 batches each, prefill. Executions 6.13, 5.95, 5.66 of 8
(-26 % on average) at accuracy 1.000, 0.971, 0.999 against 1.000 of the recursive model: seed 1
loses three points, all at k = 4 (0.886), so "within one point" fails in one seed of three.
Coins at the same rates: 0.794, 0.888, 0.748, worse in every seed. Operands do run deeper
than fillers (7.0, 6.8, 6.6 against 4.7, 5.1, 5.3 layers) and late ones deeper than the first
in seeds 0 and 2; in seed 1 it is the other way round (7.5 down to 5.8), and that is the seed
that fails at k = 4. Values run to the end in two seeds, unforeseen: the router starts the
chain there. Halves: 5.4 layers at 1.000, 0.982, 0.987. Shared keys (0.937, 0.878, 0.999) and
token choice (0.938, 0.904, 1.000) do worse at equal steps; token choice sends fillers deepest.
Uniform vanilla-6 solves the task at 6.0 layers: on the plane this router has not earned its
keep, as foreseen.

*Stored keys.* (N_r + 1) / (2 N_r) assumes that every recursion keeps exactly c_r. The published
threshold does not: it stores 1.02, 0.99, 0.94 of the formula. So mor-5 is tested at
`rule=capacity`: 0.997, 0.996, 1.001 for seeds 0..2 and 1.000, 0.996, 1.000 for 102, 100, 101
(same models, other streams; 6 batches each, single ones 0.989 to 1.010); halves 1.001, 0.992,
1.001. The thresholds needed are far from 0.5 (0.79 and 0.25, 0.36 and 0.54, 0.16 and 0.08 at
recursions 2 and 3), yet accuracy stays at 1.000, 0.974, 1.000 with 5.98, 5.98, 6.00 layers.
Shared keys store 1.00 by either rule. The published threshold stays the default: it is what the
auxiliary loss was made for, and needs nothing but the weights.

*Why seed 1 fails* (3 batches). At thresholds 0.02, 0.1, 0.3, 0.5, 0.7 k = 4 is at 0.913, 0.923,
0.895, 0.879, 0.879 with 7.76, 6.79, 6.19, 5.93, 5.77 layers; 0.918 if all run everything; 0.885
under training's own top-k. The causal threshold costs nothing and skipping three or four points
of twelve: four chained maps were not fully learned in 1000 steps. Trained for 1500 (all
schedules stretched) the seed has 1.000 at 5.98 layers. Two fresh seeds at 1000 steps, since the
warm-up was adopted after seeing the first three: seed 4 has 1.000, seed 3 0.815, and there it
is routing: 0.990 if all run everything, 0.977 at threshold 0.3 and 6.14 layers, 0.889 by top-k.
So two seeds of five lose more than a point. (The last three models are not shipped.)

`adabench run 'ledger/*'` (seeds 0..2, 6 batches each): H -0.12 [-0.52, 0.18] against the family's
oracles together; accuracy 0.991 at 5.91 layers. H is below 0 since what it has to beat is blind
mixing of constant widths too: one learner of four in each MLP, for everybody, answers 0.998 on the
work of 3.75 layers (`static_width.py`), and nobody's router can be ahead of that by much here.
Verdicts: mor-5 (0.998 [0.994, 1.003]), mor-5-shared, mor-router and mor-operands reproduced;
mor-less-work direction only (seed 1 loses too much); mor-late-operands undecided (three models
disagree); the rest not testable here. Seeds 100..102 give the same verdicts (mor-5 0.999 [0.994,
1.002]); they read the same three models, so they agree about the streams drawn, not about training.

*Conversion.* `--defaults --sweep mode=prefill,decode1,decode16 --set batches=3 --repeats 5` on a
quiet machine, seeds 0..2, one thread, at 0.74 of the recursive model's layers: K of latency 0.77
[0.57, 1.04] in prefill, 0.47 [0.44, 0.48] one at a time, -0.45 [-0.85, -0.16] sixteen together.
Prefill may keep more than the half expected. In decode, as foreseen, time falls only where
whole stages are left out. *At width 256* (`width_twin.py`), quiet machine, seeds 0..2, 2 batches, 5
repeats, all timings valid: K of latency 0.79 [0.74, 0.84] in prefill. With today's engine, one call
for a batch, Xeon with AMX: 0.73 [0.67, 0.79] at 256 (adaptive modules have 0.83, so 0.6 is passed
there twice); at 64, 2 batches, 2 repeats, 0.68 [0.36, 1.06] in
prefill, 0.48 [-0.23, 1.08] one at a time, -0.40 [-1.02, 0.41] sixteen together.

**Where the time goes.** `benchmarks/ledger_profile.py`, seed 0, one thread of an Intel Xeon that
other processes used too, quickest of 20 readings, ms against the recursive model's.

*Prefill*, 73.6 against 86.9. Layers without attention 50.4 / 68.2 = 0.74: all of the saving.
Attention 17.8 / 18.0, none of it. Its products fall to 0.71 (padding is not to blame: 0.66
without) but the fused kernel only from 17.6 to 15.2, since it takes 0.47, 0.86 and 1.02 of its
time at 64 for lengths 27, 51 and 53; padding and gathering take 3.4 where reshapes took 0.9
(this split from a second sitting). Routers 1.1, layout 1.1 more, putting back and gathering
rows 1.3.

*One at a time*, 408 against 454 per four sequences: time is the number of calls, and a token
that leaves saves whole stages. 195,000 operations against 230,000. Layers 216 / 269, storing
keys 97 / 121, attention 39 / 48; given back to routers 26, layout 11, putting back 3.

*Sixteen together*, 224 against 192: one of sixteen always goes on, so hardly a stage is left out
(27,620 operations in layers against 27,728), and fewer rows save next to nothing: a layer,
attention apart, takes 128, 122 and 113 us for 16, 10 and 5 rows. Layers 101 / 97, storing
46 / 45, attention 40 / 42; on top come layout 11, routers 8, the cache of those who stay copied
7, putting back 3, rows 2, bookkeeping 3.

**What was tried.** alpha = 1: k = 4 stays at 0.37 after 900 steps. An auxiliary coefficient of
0.01: no better. Without the capacity warm-up training is a lottery at 1000 steps: k = 4 at
0.72, 0.38 and 1.00 for seeds 0, 1, 2, and 0.998 for seed 0 under a slightly faster curriculum.
The warm-up was adopted after seeing these figures. Capacities 2/3, 1/3, 1/6: 0.39.

**Ways to fake it.** Masking instead of gathering; top-k at inference; keys of inactive tokens
computed on the quiet; quoting the capacity as the saving without routers and gathers; a
recursion nobody takes.
"""

from dataclasses import dataclass

from adabench.harness.contract.card import Card, Claim, Knob, OutOfReach, Point, Ratio
from adabench.harness.errors import SelectionError
from adabench.workloads.depth_width.ledger.methods.mor.threshold_calibration import (
    calibrated,
    shifted,
)
from adabench.workloads.depth_width.substrate.backbone import Backbone
from adabench.workloads.depth_width.substrate.gathered_forward import Answer, Policy
from adabench.workloads.depth_width.substrate.readers import GATHERED_TILE, Batch, Reader
from adabench.workloads.depth_width.substrate.recursion_routing import (
    CAPACITIES,
    threshold,
    thresholds,
    token_choice,
)
from adabench.workloads.depth_width.substrate.stream_task import StreamTask

CARD = Card(
    title="Mixture-of-Recursions",
    paper="Bae et al., Mixture-of-Recursions, arXiv 2507.10524, NeurIPS 2025",
    adapts="how often a shared block is applied to a token, on a linear score of its state",
    fidelity="code-confirmed",
    skips_from="recursive",
    knobs=(
        Knob("router", ("expert", "token"), "expert", at="prepare"),
        Knob("capacity", ("thirds", "halves"), "thirds", at="prepare"),
        Knob("kv", ("recursion", "shared"), "recursion", at="prepare"),
        Knob("rule", ("half", "capacity"), "half", at="prepare"),
        Knob("threshold", (0.1, 0.3, 0.5, 0.7, 0.9), 0.5, open=True, low=0.001, high=0.999),
    ),
    claims=(
        Claim(
            id="mor-1",
            says="At equal training compute it is as good as vanilla with half the parameters.",
            paper="43.1 % few-shot with 167 M against 42.3 % with 315 M (recalled)",
            expect=OutOfReach("few-shot language tasks need language models; no data here"),
            scale="paper",
        ),
        Claim(
            id="mor-2",
            says="Its loss at equal training FLOPs is below vanilla's from 360 M upward.",
            paper="validation loss, 135 M to 1.7 B",
            expect=OutOfReach("weight tying may well lose at 0.2 M parameters; needs the corpus"),
            scale="paper",
        ),
        Claim(
            id="mor-3",
            says="Inference is up to twice as fast as vanilla.",
            paper="2.06x",
            expect=Ratio("latency_s", against="vanilla", high=0.5),
            scale="gpu",
        ),
        Claim(
            id="mor-4",
            says="At a fixed number of tokens training is cheaper.",
            paper="25 % fewer FLOPs, 19 % less time, 25 % less peak memory (recalled)",
            expect=OutOfReach("training is paid once per checkpoint and is not a case here"),
            scale="paper",
        ),
        Claim(
            id="mor-5",
            says="Capacities hit, stored keys follow (N_r + 1) / (2 N_r) within 2 %.",
            paper="(N_r + 1) / (2 N_r)",
            expect=Ratio(
                "kv_excess", against="recursive", low=0.98, high=1.02, where={"rule": "capacity"}
            ),
        ),
        Claim(
            id="mor-5-shared",
            says="Shared keys follow 1 / N_r of the recursive part, within 2 %.",
            paper="1 / N_r",
            expect=Ratio(
                "kv_excess", against="recursive", low=0.98, high=1.02, where={"kv": "shared"}
            ),
        ),
        Claim(
            id="mor-less-work",
            says="A fifth fewer layers than the recursive model, within a point of accuracy.",
            paper="the card's criterion 1",
            expect=Ratio("executions", against="recursive", high=0.8, keeping={"accuracy": 0.01}),
        ),
        Claim(
            id="mor-router",
            says="Routing by score beats routing by coin at the same rates, in every batch.",
            paper="the card's criterion 2",
            expect=Ratio("accuracy", against="random_routing", low=1.0, every=True),
        ),
        Claim(
            id="mor-operands",
            says="Operands, where the value is computed, run deeper than fillers.",
            paper="the card's criterion 3",
            expect=Ratio("operand_over_filler", against="recursive", low=1.0),
        ),
        Claim(
            id="mor-late-operands",
            says="Late operands of a segment run deeper than the first.",
            paper="the card's criterion 3",
            expect=Ratio("late_over_early", against="recursive", low=1.0),
        ),
    ),
)


PUBLISHED = 0.5
"""The border that the auxiliary loss pushes scores away from."""


@dataclass(frozen=True)
class Routed:
    """A reader, and the threshold of each recursion (none in token choice)."""

    reader: Reader
    levels: tuple[float, ...] = ()


def prepare(task: StreamTask, point: Point, seed: int) -> Routed:
    """Restore the checkpoint of this router, capacity list and caching; set its thresholds.

    Raises:
        SelectionError: for a combination that has no recipe or no meaning.
    """
    if point["router"] == "token":
        if point["rule"] == "capacity":
            raise SelectionError(
                "Token choice has no capacity to calibrate to: a token takes its best depth.",
                "Choose rule=half with router=token, or router=expert.",
            )
        return Routed(task.reader("mor-token-recursion"))
    preset = str(point["capacity"])
    reader = task.reader(f"mor-expert-{preset}-{point['kv']}")
    if point["rule"] == "capacity":
        return Routed(reader, calibrated(reader, task.calibration(), CAPACITIES[preset]))
    return Routed(reader, tuple(thresholds(CAPACITIES[preset], PUBLISHED)))


def solve(routed: Routed, batch: Batch, point: Point) -> Answer:
    """Read the batch; who goes on is decided token by token, from its own state."""
    rule = policy(routed.reader.model, routed.levels, float(point["threshold"]))
    return routed.reader.read(batch, rule, tile=GATHERED_TILE)


def policy(model: Backbone, levels: tuple[float, ...], dial: float) -> Policy:
    """Return the causal routing rule; `dial` above 0.5 makes every recursion more reluctant."""
    if model.shape.router == "token":
        return token_choice(model, shift=dial)
    return threshold(model, shifted(levels, dial))
