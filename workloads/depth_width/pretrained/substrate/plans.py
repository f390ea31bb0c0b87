"""What is fitted to a pretrained model, by name, and how: plans that say nothing of how a file is made.

Numbers are SmolLM2's (30 layers of width 576), and those that follow from a model's size are scaled to
it: ranks are a share of the width, exits and lengths of paths a share of the depth. `fitting` takes
that share of the text and of the steps. One training serves all run seeds, which draw other text.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from adabench.workloads.depth_width.substrate.llama_decoder.llama_shape import RealShape

FOLDER = Path(__file__).parents[1] / "checkpoints"
"""Where what is shipped lies."""
DEPTH, WIDTH, WEIGHTS = 30, 576, 134_479_872
"""Of SmolLM2, whose numbers these are."""
UNIT_RANK, UNIT_STEPS, UNIT_FORECAST_S = 32, 40, 310
WIDTH_RANK, WIDTH_STEPS, WIDTH_FORECAST_S = 48, 24, 300
PATH_FORECAST_S, WHOLE_SEARCH = 360, 512
READING_S = 1.0
"""Processor seconds of one reading of SmolLM2, four windows of 256 words in bfloat16, where these were taken."""
EXIT_READINGS, SOLVING_READINGS = 100.0, 30.0
"""How many readings lenses take as long as, and closed forms however long the text is."""
PROMPT = 64
"""Words of a window that decide its path; the rest is scored."""
EXITS = (0.6, 0.7, 0.8, 0.9)
"""Shares of the layers that have run where an exit stands."""
SHORTER = 0.2
"""Share of the layers that the shortest static path leaves out."""
ORDERS = ("fitted", "uniform", "late")
SHARES = {"fitted": (10, 15, 20), "uniform": (15,), "late": (15,)}
"""Percent of the units that listed static models go without, by order."""
LEAST = 4
"""Windows of one batch: no part of a fit has fewer."""


@dataclass(frozen=True)
class RealRetrofit:
    """Parts to be fitted (`closed_form_fit.py`, `refine.py`, `early_exits.py`)."""

    name: str
    kind: Literal["informed", "blind", "greedy", "static", "exits"]
    sparsity: float
    """Share of the unit executions that are to be replaced; of exits nothing is asked."""
    order: str = ""
    """Of a static model: which units go, one of `ORDERS`."""
    after: tuple[int, ...] = ()
    """Of exits: how many layers have run where one stands."""
    seed: int = 0
    rank: int = UNIT_RANK
    steps: int = UNIT_STEPS
    forecast_s: int = UNIT_FORECAST_S
    text: float = 1.0
    """Of the windows that a whole fit looks at, the share that this one does."""

    @property
    def readings(self) -> float:
        """Return how many readings of a few windows it takes as long as."""
        if self.kind == "exits":
            return self.text * EXIT_READINGS
        return SOLVING_READINGS + self.text * UNIT_FORECAST_S / READING_S


@dataclass(frozen=True)
class RealWidths:
    """What is to be fitted beside frozen MLPs (`width_fit.py`)."""

    name: str
    kind: Literal["gates", "static"]
    target: float
    """Share of the learners that gates aim at, or how many everybody runs."""
    seed: int = 0
    rank: int = WIDTH_RANK
    steps: int = WIDTH_STEPS
    forecast_s: int = WIDTH_FORECAST_S
    text: float = 1.0
    """Of the windows that a whole fit looks at, the share that this one does."""

    @property
    def readings(self) -> float:
        """Return how many readings of a few windows it takes as long as."""
        return self.text * WIDTH_FORECAST_S / READING_S


@dataclass(frozen=True)
class RealPathfinding:
    """What is to be searched and taught (`window_path_search.py`, `path_routers.py`)."""

    name: str
    layers: float
    """Mean length that labels aim at: 0.9 of the layers, the card's criterion 1."""
    seed: int = 0
    searched: int = 8
    """Windows that paths are searched on."""
    looked: int = 24
    """Windows of the second look, where the static paths and the menu are chosen."""
    labelled: int = 400
    settled: int = 48
    """Prompts that routers are leant to the mean length on."""
    judged: int = 32
    """Windows that figures of the card are noted on, and nothing else."""
    words: int = 128
    """Of a window while it is searched: the prompt and as many again."""
    menu: int = 6
    """Labels are taken from so many common paths."""
    epochs: int = 25
    forecast_s: int = PATH_FORECAST_S

    @property
    def steps(self) -> int:
        """Return the passes over the labelled windows."""
        return self.epochs

    @property
    def readings(self) -> float:
        """Return how many readings of a few windows it takes as long as."""
        return self.windows / WHOLE_SEARCH * PATH_FORECAST_S / READING_S

    @property
    def windows(self) -> int:
        """Return how many windows are looked at."""
        return self.searched + self.looked + self.labelled + self.settled + self.judged


def scaled(count: int, share: float, least: int = LEAST) -> int:
    """Return a share of a number of windows or steps, rounded, and no fewer than `least`."""
    return max(min(count, least), round(count * share))


def exits(shape: RealShape) -> tuple[int, ...]:
    """Return how many layers have run where each exit stands."""
    return tuple(sorted({round(share * shape.layers) for share in EXITS} - {0, shape.layers}))


def shortest(layers: int) -> int:
    """Return how many layers the shortest static path has."""
    return layers - max(1, round(SHORTER * layers))


def unit_plans(shape: RealShape, fitting: float = 1.0) -> dict[str, RealRetrofit]:
    """Return the listed plans of routers, forecasters and exits by name."""
    found = [
        RealRetrofit("real-informed", "informed", 0.15),
        RealRetrofit("real-greedy", "greedy", 0.15),
        RealRetrofit("real-exits", "exits", 0.0, after=exits(shape)),
    ]
    found = [_unit_sizes(plan, shape, fitting) for plan in found]
    found += [
        static_plan(order, percent, shape, fitting) for order in ORDERS for percent in SHARES[order]
    ]
    return {plan.name: plan for plan in found}


def static_plan(order: str, percent: int, shape: RealShape, fitting: float = 1.0) -> RealRetrofit:
    """Return the plan of a model that goes without a percentage of its units."""
    name = f"real-static-{order}-{percent}"
    return _unit_sizes(RealRetrofit(name, "static", percent / 100, order), shape, fitting)


def _unit_sizes(plan: RealRetrofit, shape: RealShape, fitting: float) -> RealRetrofit:
    return replace(
        plan,
        rank=max(1, round(UNIT_RANK * shape.width / WIDTH)),
        steps=scaled(UNIT_STEPS, fitting),
        forecast_s=_forecast_s(UNIT_FORECAST_S, shape, fitting),
        text=fitting,
    )


def width_plans(shape: RealShape, fitting: float = 1.0) -> dict[str, RealWidths]:
    """Return the plans of granular MLPs by name."""
    rank = max(1, round(WIDTH_RANK * shape.width / WIDTH))
    steps = scaled(WIDTH_STEPS, fitting)
    forecast_s = _forecast_s(WIDTH_FORECAST_S, shape, fitting)
    found = [
        RealWidths("real-acm", "gates", 0.75, 0, rank, steps, forecast_s, fitting),
        RealWidths("real-width-3", "static", 3.0, 0, rank, steps, forecast_s, fitting),
    ]
    return {plan.name: plan for plan in found}


def path_plans(shape: RealShape, fitting: float = 1.0) -> dict[str, RealPathfinding]:
    """Return the plans of routers of paths by name."""
    whole = RealPathfinding("real-dr-llm", round(0.9 * shape.layers, 3))
    plan = replace(
        whole,
        searched=scaled(whole.searched, fitting),
        looked=scaled(whole.looked, fitting),
        labelled=scaled(whole.labelled, fitting),
        settled=scaled(whole.settled, fitting),
        judged=scaled(whole.judged, fitting),
        epochs=scaled(whole.epochs, fitting),
        forecast_s=_forecast_s(PATH_FORECAST_S, shape, fitting),
    )
    return {plan.name: plan}


def _forecast_s(of_smollm2: int, shape: RealShape, fitting: float) -> int:
    """Return processor seconds: as many more as there are weights, each used once a word."""
    return max(1, round(of_smollm2 * fitting * shape.weights / WEIGHTS))
