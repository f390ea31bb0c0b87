"""Learning rates of the survey's methods, tuned as those of `tuned_rates.py`: three each, on the same splits.

Kinds that are forms of another take its rates (`FORMS`). What was scored is in the cards of
`rates-*` and `few-shot-rates-*`.
"""

FIRST = {
    "rates-prompt": 1e-2,
    "rates-prefix": 1e-2,
    "rates-ia3": 3e-2,
    "rates-bitfit": 1e-2,
    "rates-norms": 1e-2,
    "rates-dora": 3e-3,
    "rates-adalora": 3e-3,
    "rates-bottleneck-16": 3e-3,
    "few-shot-rates-prompt": 1e-1,
    "few-shot-rates-prefix": 3e-2,
    "few-shot-rates-ia3": 1e-1,
    "few-shot-rates-bitfit": 1e-2,
    "few-shot-rates-norms": 3e-2,
    "few-shot-rates-full": 3e-4,
    "few-shot-rates-dora": 3e-3,
    "few-shot-rates-adalora": 3e-3,
    "few-shot-rates-bottleneck-16": 3e-3,
}
"""By the name of a recipe: the least rate of its grid (`rate_grids.py`)."""
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
FEW_SHOT = PRETRAINING | {"full": 1e-3, "prefix": 1e-1, "ia3": 3e-1, "prompt": 3e-1, "norms": 1e-1}


def pretraining_rate(kind: str) -> float:
    """Return the rate that a kind is trained on the 48 tasks with."""
    return PRETRAINING[FORMS.get(kind, kind)]


def few_shot_rate(kind: str) -> float:
    """Return the rate that a kind adapts to a new task with."""
    return FEW_SHOT[FORMS.get(kind, kind)]
