"""What the card of a training says of an arm: its seconds and pairs, until when it was as good as token choice, and gains."""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache

from adabench.workloads.moe.denoise.recipes import FOLDER, LATER, of_seed
from adabench.workloads.shared.training import checkpoints

Row = Mapping[str, float]


@cache
def _curves(name: str) -> Mapping[str, Sequence[Row]]:
    card = checkpoints.home(name, FOLDER) / f"{name}.json"
    found: Mapping[str, Sequence[Row]] = json.loads(card.read_text(encoding="utf-8"))["curves"]
    return found


def training_figures(seed: int, arm: str) -> dict[str, float]:
    """Return the figures of an arm's training; those that it never reached are left out."""
    curves = _curves(of_seed(seed))
    own, goal = curves[arm], curves["token_choice"][-1]["nats"]
    found = {"training_cpu_s": own[-1]["cpu_s"], "training_pairs": own[-1]["pairs"]}
    if arm in LATER:
        return found | _known({"recovery_steps": reached(own[1:], goal, "steps")})
    quarter = own[len(own) // 4]
    little, much = (quarter[name] - own[-1][name] for name in ("nats_little", "nats_much"))
    found |= {"gain_little": little, "gain_much": much}
    if little > 0 and much > 0:
        found["gain_ratio"] = little / much
    return found | _known({
        "seconds_to_loss": reached(own, goal, "cpu_s"), "pairs_to_loss": reached(own, goal, "pairs"),
    })  # fmt: skip


def reached(curve: Sequence[Row], goal: float, of: str) -> float:
    """Return where a curve falls to a loss first, in a line between its points; nan if it never does."""
    before: Row | None = None
    for row in curve:
        if row["nats"] <= goal:
            if before is None:
                return row[of]
            share = (before["nats"] - goal) / (before["nats"] - row["nats"])
            return before[of] + share * (row[of] - before[of])
        before = row
    return math.nan


def _known(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if not math.isnan(value)}
