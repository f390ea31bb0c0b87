"""DoRA: LoRA in the direction of each row of a weight, and the length of the row trained by itself.

    y = b + m / |W + B A| * (W + B A) x        rank 4; m [out], the lengths of the frozen rows at first

Lengths are constants in the backward, as in its paper. The survey's claims on memory and merging are held to
it, as it stands for what reparametrises weights.

**What to expect.** Written before measuring: like LoRA of rank 4, by a little more numbers; beside the weights it reads
half as slow again, merged as fast as the base; its optimiser takes an eighth of fine-tuning's bytes and its
activations more than fine-tuning's, so that all in all it saves less than half. Eight tasks with one or eight
requests each are served faster together than by swapping, and with 64 each about as fast.

**Ways to fake it.** Memory by formula; gradients of frozen weights computed and left out; merged claimed and
beside the weights timed; little forgotten because little was learned; swaps that are slower than they must be.
"""

from adabench.harness.contract.card import Card, Claim, Difference, Level, OutOfReach, Point, Ratio
from adabench.workloads.moe.adapters.substrate.survey_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.weight_decomposition import dora
from adabench.workloads.moe.adapters.substrate.workbench import (
    AdaptationCase,
    Adapted,
    Start,
    Workbench,
)

CARD = Card(
    title="DoRA",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: every token goes through the same weights",
    role="static",
    claims=(
        Claim(
            id="ps-2-dora",
            says="Merged into the weights it reads as fast as the base, within 2 %.",
            source="measured",
            paper="what is merged into the weights adds no latency to inference; no number",
            effect=None,
            expect=Ratio("reading_merged_s", against="full", low=0.98, high=1.02),
            apart_from=(),
        ),
        Claim(
            id="ps-4",
            says="A step of training takes fewer bytes in all than in fine-tuning, and no more of gradients or of "
            "the optimiser's state.",
            source="headline",
            paper="minimizing the computational resources required; no number",
            effect=None,
            expect=Ratio(
                "training_bytes",
                against="full",
                high=1.0,
                keeping={"gradient_bytes": 0.0, "optimizer_bytes": 0.0},
            ),
            apart_from=(),
        ),
        Claim(
            id="ps-4-activations",
            says="Activations take what they take in fine-tuning, within 10 %.",
            source="measured",
            paper="memory falls by optimiser state and gradients, activations stay; no number",
            effect=None,
            expect=Ratio("activation_bytes", against="full", low=0.9, high=1.1),
            apart_from=(),
        ),
        Claim(
            id="ps-6",
            says="A task more takes at most 15 % of the bytes that fine-tuning stores for it.",
            source="own",
            paper="one base serves many tasks, each stored as its trained share; no number",
            effect=None,
            expect=Ratio("stored_bytes", against="full", high=0.15),
            apart_from=(),
        ),
        Claim(
            id="ps-6-throughput",
            says="Eight requests of each of eight tasks are served faster beside one base than by swapping weights.",
            source="measured",
            paper="serving of many adapters beside one base; no number",
            effect=None,
            expect=Level("serving_saved_64_s", low=0.0),
            apart_from=(),
        ),
        Claim(
            id="ps-6-scale",
            says="A server of large models holds thousands of adapters and keeps its throughput.",
            source="measured",
            paper="systems for many tenants that the survey reports",
            effect=None,
            expect=OutOfReach("needs a server of large models and weights that take time to swap"),
            scale="paper",
        ),
        Claim(
            id="ps-7",
            says="It keeps more of what the base knew than fine-tuning does, and answers as much of a new task, within "
            "one point.",
            source="measured",
            paper="what trains few numbers forgets less; no number",
            effect=None,
            expect=Difference(
                "accuracy_source", against="full", low=0.0, keeping={"accuracy": 0.01}
            ),
            apart_from=(),
        ),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the adapter that was trained on the 48 tasks."""
    return Start(bench, bench.start("dora", dora), few_shot_rate("dora"))


def solve(start: Start, case: AdaptationCase, point: Point) -> Adapted:
    """Train it on the examples."""
    return start.adapt(case)
