"""Learning rates of the survey's methods, tuned as those of `tuned_rates.py`: three each, on the same splits.

Kinds that are forms of another take its rates (`FORMS`). What was scored is in the cards of `rates-*`
and `few-shot-rates-*`.
"""

FIRST = {
    "prompt": 2,
    "prefix": 2,
    "ia3": 3,
    "bitfit": 2,
    "norms": 2,
    "dora": 1,
    "adalora": 1,
    "bottleneck-16": 1,
}
"""Where on the ladder a kind's grid begins; 0 for others."""
FEW_SHOT_FIRST: dict[str, int] = {}
"""The same of few-shot adaptation, where that is elsewhere."""
FORMS = {
    "bottleneck-6": "bottleneck-16",
    "random-mask": "bitfit",
    "scratch": "full",
    "random-ranks": "adalora",
}
PRETRAINING = {
    "prompt": 3e-2,
    "prefix": 3e-2,
    "ia3": 1e-1,
    "bottleneck-16": 1e-2,
    "bitfit": 3e-2,
    "norms": 3e-2,
    "full": 3e-3,
    "dora": 1e-2,
    "adalora": 1e-2,
}
FEW_SHOT = PRETRAINING | {"full": 1e-3, "prefix": 1e-1, "ia3": 3e-1, "prompt": 1e-1, "norms": 1e-1}


def pretraining_rate(kind: str) -> float:
    """Return the rate that a kind is trained on the 48 tasks with."""
    return PRETRAINING[FORMS.get(kind, kind)]


def few_shot_rate(kind: str) -> float:
    """Return the rate that a kind adapts to a new task with."""
    return FEW_SHOT[FORMS.get(kind, kind)]
