"""Prompt tuning: twenty trained vectors before the first word.

    [p_1 .. p_m; embed(words)], m = 20        m d numbers in all

They begin as words of the vocabulary, by lot, and carry no position. The whole base runs over them at each
reading.

**What to expect.** Written before measuring: the worst of all but norms, as the survey says of small models; slow,
at three times the FLOPs of reading.

**Ways to fake it.** The rate of LoRA: prompts want one that is tens of times as large. Vectors left out of the
FLOPs of a token.
"""

from adabench.harness.contract.card import Card, Claim, Difference, Level, OutOfReach, Point, Ratio
from adabench.workloads.moe.adapters.substrate.state_adapters import prompt
from adabench.workloads.moe.adapters.substrate.survey_rates import few_shot_rate
from adabench.workloads.moe.adapters.substrate.workbench import (
    AdaptationCase,
    Adapted,
    Start,
    Workbench,
)

CARD = Card(
    title="Prompt tuning",
    paper="PEFT survey, arXiv 2403.14608, TMLR 2024",
    slug="peft-survey",
    adapts="nothing: every sequence begins with the same vectors",
    role="static",
    claims=(
        Claim(
            id="ps-3",
            says="On a small model it gains less than LoRA of rank 4.",
            source="measured",
            paper="soft prompts are less effective on small models; no number",
            effect=None,
            expect=Ratio("gain", against="lora", high=1.0, there={"rank": 4}),
            apart_from=(),
        ),
        Claim(
            id="ps-3-less",
            says="What it gains, less what LoRA of rank 4 gains, is below nothing.",
            source="own",
            paper="our form of ps-3, written after one ratio of ten had been seen not to exist, where a prompt lost",
            effect=None,
            expect=Difference("gain", against="lora", high=0.0, there={"rank": 4}),
            apart_from=(),
        ),
        Claim(
            id="ps-3-slow",
            says="It learns the 48 tasks more slowly: a larger area under the learning curve.",
            source="measured",
            paper="soft prompts are slower to converge; no number",
            effect=None,
            expect=Ratio("loss_mean", against="lora", low=1.0, there={"rank": 4}),
            apart_from=(),
        ),
        Claim(
            id="ps-3-scale",
            says="With larger models the gap to fine-tuning closes.",
            source="measured",
            paper="prompt tuning comes close to fine-tuning above some billions of parameters",
            effect=None,
            expect=OutOfReach("needs one model in several sizes up to billions of parameters"),
            scale="paper",
        ),
        Claim(
            id="ps-2-prompt",
            says="Reading takes longer with it than the base alone does.",
            source="measured",
            paper="soft prompts lengthen the sequence, and cannot be merged; no number",
            effect=None,
            expect=Level("reading_overhead_s", low=0.0),
            apart_from=(),
        ),
    ),
)


def prepare(bench: Workbench, point: Point, seed: int) -> Start:
    """Read the prompt that was trained on the 48 tasks."""
    return Start(bench, bench.start("prompt", prompt), few_shot_rate("prompt"))


def solve(start: Start, case: AdaptationCase, point: Point) -> Adapted:
    """Train it on the examples."""
    return start.adapt(case)
