"""Tutel (Flex): capacity, parallelism and pipelining follow what an iteration brings.

    capacity    C is the largest count of any expert on any rank: nothing is dropped, and no row more is sent (factor 0)
    layout      matrices and tokens lie alike for every r, so that a change of r moves nothing
    tuner       a dictionary: of each bucket of capacities the setting (r, degree) that was fastest. In a new bucket each setting is
                tried in one iteration, whose seconds count as any other's; from then on it is looked up

**Deviations.** The bucket is that of the power of two below C. The paper's floor(C / 128), which is recalled from the text and not in the public
code, would put 16 and 256 tokens of this layer into one. Linear exchange only: the two-level one (2DH) takes several
nodes. No cosine router, no fused kernel.

**What to expect.** Written before measuring, with the crossing of a prototype in sight (r = 0 is 1.4 times as fast as r = 1 at 2,048 tokens, and 2.4 times slower at 256): faster than
any fixed setting by 1.05 to 1.2 at capacity 0 on streams of 40 iterations, of which 12 are trials; five times as fast as dense dispatch, and
sparse dispatch with everything fixed is so too. Dropless costs: 1.3 times the seconds of a factor of 2 where that
drops one choice in ten.

**Ways to fake it.** Leaving trials out of the time. Comparing with dense dispatch, or with the worst setting, alone. Moving matrices outside of what
is timed.
"""

from dataclasses import dataclass, field

import numpy as np

from adabench.harness.contract.card import Card, Knob, Point, Variant
from adabench.workloads.moe.moe_layer.substrate.expert_shards import Setting
from adabench.workloads.moe.moe_layer.substrate.layer_bench import Answer, LayerBench, Stream
from adabench.workloads.moe.moe_layer.substrate.rank_group import Moment, Policy

CARD = Card(
    title="Tutel: capacity, parallelism and pipelining by the iteration",
    paper="Tutel: Adaptive Mixture-of-Experts at Scale, arXiv 2206.03382, MLSys 2023",
    slug="tutel",
    adapts="capacity, parallelism and degree of pipelining, by the load and by timed trials",
    no_signal="the load is what an iteration brings, and the tuner listens to a clock: `random_settings` does without",
    role="adaptive",
    fidelity="reconstructed",
    knobs=(Knob("capacity", (0.0, 1.0), 0.0, open=True, low=-8.0, high=8.0),),
    fixed={"by": "time"},
    variants=(
        Variant(
            "random_settings",
            "Tutel, settings by coins",
            {"by": "coins", "capacity": 0.0},
            role="control",
            adapts="nothing: parallelism and degree are drawn in each iteration",
            paper="control of arXiv 2206.03382",
            essay="""Capacity follows the load as in Tutel, and parallelism and degree are drawn. What Tutel gains over it, its tuner
            gains.""",
            control_of=("tutel",),
        ),
    ),
)


@dataclass
class Tuner:
    """What was fastest, by bucket of capacities."""

    tried: dict[int, dict[Setting, float]] = field(default_factory=dict)
    """Seconds of each setting's first iteration in a bucket."""

    def choose(self, moment: Moment) -> Setting:
        """Return the next setting to be tried, or the fastest when all were."""
        tried = self.tried.setdefault(bucket(moment), {})
        left = [one for one in moment.shape.settings if one not in tried]
        return left[0] if left else min(tried, key=tried.__getitem__)

    def took(self, moment: Moment, setting: Setting, seconds: float) -> None:
        """Note a trial."""
        self.tried[bucket(moment)].setdefault(setting, seconds)


def bucket(moment: Moment) -> int:
    """Return the bucket of an iteration."""
    return moment.capacity.bit_length()


def solve(bench: LayerBench, case: Stream, point: Point) -> Answer:
    """Run the stream; the tuner knows nothing when it begins."""
    factor = float(point["capacity"])
    if point["by"] == "coins":
        coins = np.random.default_rng(int(case.instance * 2**32))
        settings = case.shape.settings
        return bench.run(
            case, Policy(lambda moment: settings[coins.integers(len(settings))], factor)
        )
    tuner = Tuner()
    return bench.run(case, Policy(tuner.choose, factor, took=tuner.took))
