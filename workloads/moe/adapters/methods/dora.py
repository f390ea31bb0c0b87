"""DoRA: LoRA in the direction of each row of a weight, and the length of the row trained by itself.

    y = b + m / |W + B A| * (W + B A) x        rank 4; m [out], the lengths of the frozen rows at first

Lengths are constants in the backward, as in its paper. The survey's claims on memory and merging are held to
it, as it stands for what reparametrises weights.

**What to expect.** Written before measuring: like LoRA of rank 4, by a little more numbers; beside the weights it reads
half as slow again, merged as fast as the base; its optimiser takes an eighth of fine-tuning's bytes and its
activations more than fine-tuning's, so that all in all it saves less than half.

**Ways to fake it.** Memory by formula; gradients of frozen weights computed and left out; merged claimed and
beside the weights timed.
"""

from adabench.harness.contract.card import Card, Claim, Difference, OutOfReach, Point, Ratio
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
            expect=Ratio("reading_ratio_merged", against="full", low=0.98, high=1.02),
            apart_from=(),
        ),
        Claim(
            id="ps-4",
            says="The optimiser's state and the gradients take less than in fine-tuning.",
            source="headline",
            paper="minimizing the computational resources required; no number",
            effect=None,
            expect=Ratio(
                "optimizer_bytes", against="full", high=1.0, keeping={"gradient_bytes": 0.0}
            ),
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
            says="Mixed requests of many tasks are served faster beside one base than by swapping weights.",
            source="measured",
            paper="serving of many adapters beside one base; no number",
            effect=None,
            expect=OutOfReach("needs a server of large models and weights that take time to swap"),
            scale="paper",
        ),
        Claim(
            id="ps-7",
            says="It keeps more of what the base knew than fine-tuning does.",
            source="measured",
            paper="what trains few numbers forgets less; no number",
            effect=None,
            expect=Difference("accuracy_source", against="full", low=0.0),
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
