r"""Makes the questions of `text` an lm-eval task, for any model that lm-eval runs, graded by our rules.

    adabench-lm-eval write tasks data=mine.jsonl problems=20
    lm_eval --model hf --model_args pretrained=... --include_path tasks --tasks adabench_text

Without `model=` prompts are plain text for any model, and end at the next `Problem:`; with it they are word for word what `adabench run text
--model ...` asks. A completion of another model counts as ended, since its text does not say.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.contract.card import Scalar
from adabench.harness.errors import SelectionError, require
from adabench.harness.plan.grid import check_value
from adabench.workloads.shared.language_model.backends.text_pieces import END, TextPieces
from adabench.workloads.shared.lm_eval_bridge.text_subject import (
    UnendedText,
    prompt_text,
    text_grading,
)

ANY_MODEL = "openai:http://127.0.0.1/v1#any"
"""A server's prompts are plain text; nothing is sent to it."""
NEXT_QUESTION = "Problem:"
CONDITIONS = ("data", "level", "problems", "room", "model", "chat")
PROBLEMS = 20
HOME = "adabench.workloads.shared.lm_eval_bridge.text_tasks"
"""This module, as lm-eval imports it."""
YAML = """\
# Questions of adabench's task `text`, with its prompts and its grades.
task: {name}
tag: adabench
custom_dataset: !function {home}.{data}
dataset_kwargs:
  questions: {questions}
output_type: generate_until
test_split: test
doc_to_text: prompt
doc_to_target: answer
process_results: !function {home}.{grades}
metric_list:
  - metric: accuracy
    aggregation: mean
    higher_is_better: true
  - metric: malformed
    aggregation: mean
    higher_is_better: false
generation_kwargs:
  until: {until}
  do_sample: false
  max_gen_toks: {room}
metadata:
  version: 1.0
"""


def write_task(
    folder: Path, asked: Mapping[str, Scalar], name: str = "adabench_text", seed: int = 0
) -> Path:
    """Write an lm-eval task, and return its file.

    Raises:
        SelectionError: for conditions that make no sense; nothing is written then.
        EnvironmentProblem: if a package or a data set is missing.
    """
    conditions = _conditions(asked)
    task = _task(seed, conditions)
    named = conditions["model"] != ANY_MODEL
    until = list(task.domain.answer.stops) if named else [NEXT_QUESTION]
    text = YAML.format(
        home=HOME,
        data=text_data.__name__,
        grades=text_grades.__name__,
        name=name,
        questions=json.dumps({"seed": seed, **conditions}),
        until=json.dumps(until),
        room=task.domain.room(()),
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def text_data(questions: Mapping[str, Any], **_: Any) -> dict[str, Any]:
    """Return the questions as lm-eval's `custom_dataset` wants them."""
    datasets = require("datasets", extra="eval")
    return {"test": datasets.Dataset.from_list(text_items(**questions))}


def text_items(seed: int = 0, **conditions: Scalar) -> list[dict[str, Any]]:
    """Return the questions of a seed, in the order of the task's cases."""
    task = _task(seed, conditions)
    codec, rules = task.domain.codec, list(task.domain.answer.rules)
    return [
        {
            "prompt": prompt_text(codec, question.prompt),
            "answer": task.grader.golds[question.index],
            "level": question.group,
            "rules": rules,
        }
        for question in task.cases()
    ]


def text_grades(item: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Grade a completion by the rules of its data."""
    module, codec, text = text_grading(_module()), TextPieces(), results[0]
    reader = module.CompletionReader(codec, tuple(item["rules"]))
    words = codec.encode(text) + (() if isinstance(text, UnendedText) else (END,))
    right = module.Answers(reader, (item["answer"],)).is_right(0, words)
    return {"accuracy": float(right), "malformed": float(reader(words) is None)}


def _conditions(asked: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the conditions of `text` that a task is written with; files by their whole path."""
    strange = next((name for name in asked if name not in CONDITIONS), None)
    if strange is not None:
        raise SelectionError(
            f"{strange!r} is nothing that the questions of `text` depend on.",
            f"They take {', '.join(CONDITIONS)}; beside these come name and seed.",
        )
    knobs = {knob.name: knob for knob in registry.find("text").card.knobs}
    given = {"model": ANY_MODEL, "problems": PROBLEMS, **asked}
    found = {name: check_value(knobs[name], value) for name, value in given.items()}
    data = str(found.get("data", ""))
    if data.endswith(".jsonl"):
        found["data"] = str(Path(data).expanduser().resolve())
    return found


def _task(seed: int, conditions: Mapping[str, Scalar]) -> Any:
    return _module().load("embedded", seed, **conditions)


def _module() -> Any:
    # By name: tasks use this folder, not the other way round.
    return registry.load(registry.find("text"))


def write_asked(words: Sequence[str]) -> Path:
    """Write a task as the words of a command line ask for it, and return its file.

    Raises:
        SelectionError: for words that say nothing.
    """
    folder, *settings = words or [""]
    asked = dict(word.split("=", 1) for word in settings if "=" in word)
    if not folder or "=" in folder or len(asked) < len(settings):
        raise SelectionError(
            "Say where the task is to be written, and with which conditions.",
            "For example: adabench-lm-eval write FOLDER data=mine.jsonl problems=20 seed=0 name=my_task",
        )
    name, seed = asked.pop("name", "adabench_text"), asked.pop("seed", "0")
    if not seed.isdigit():
        raise SelectionError(f"seed cannot be {seed!r}.", "It is a whole number, such as 0.")
    return write_task(Path(folder), asked, name, int(seed))
