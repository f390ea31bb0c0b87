r"""Our tasks as lm-eval tasks: their questions as text, for any model that lm-eval can run.

    lm_eval --model hf --model_args pretrained=... --tasks adabench_chain,adabench_ledger \
        --include_path $(python -P -m adabench.workloads.shared.lm_eval_bridge.tasks)

The YAML files beside this one name the functions here; problems are drawn by the tasks' own
generators from the seed, so nothing is downloaded and nothing is shipped twice. How many, and
from which seed, is asked with `--metadata '{"seed": 1, "problems": 20}'`.

**adabench_chain**, in the manner of GSM8K: what was generated is searched for `#### answer`.

    Question: 47 + 38 * 12
    Answer: 47 + 38 = 85 ; 85 * 12 = 20 ; #### 20

Worked from left to right, modulo 100. Few-shot examples come from the training split, each step
written directly. A completion of our own models that is malformed states no answer, here as there.

**adabench_ledger**, multiple choice: which value follows a `=`. One item for every stated value in
a sequence, whose whole past is the context. Accuracy is over items; the task's own `accuracy`
weighs the difficulties alike, and `k` in the item says which one it has. A model may put another
word above all seven values; here the best of the seven counts, there that is an error.

The text forms are read back by `model.py`, which is how our models take part.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adabench.harness.contract import registry
from adabench.harness.errors import require
from adabench.workloads.shared.language_model.vocabulary import BOS, EOS, decode, encode

FOLDER = Path(__file__).with_name("yaml")
"""What `--include_path` has to name."""
SHOTS = 32
"""Examples that few-shot prompts are drawn from."""
_EXAMPLES_SEED = 20_011
_CHAIN = re.compile(r"\d{1,2}(?: [-+*] \d{1,2})+")
_PAIR = re.compile(r"\b(\d) (\d)\b")
_LEDGER = (
    *("<pad>", "<bos>", "="),
    *(str(value) for value in range(7)),
    *(f"add{d}" for d in range(7)),
    *(f"mul{d}" for d in range(7)),
    *(f"f{index}" for index in range(40)),
)
"""Ledger's 64 words in the order of their ids."""
_LEDGER_IDS = {word: index for index, word in enumerate(_LEDGER)}


def chain_data(
    seed: int = 0, problems: int = 75, layout: str = "several", **_: Any
) -> dict[str, Any]:
    """Return the questions of a seed as lm-eval's `custom_dataset` wants them."""
    datasets = require("datasets", extra="eval")
    return {
        "train": datasets.Dataset.from_list(_examples()),
        "test": datasets.Dataset.from_list(chain_items(seed, problems, layout)),
    }


def chain_items(seed: int, problems: int, layout: str = "several") -> list[dict[str, Any]]:
    """Return a seed's questions in the order of the task's cases."""
    module = _module("chain")
    task = module.load("embedded", seed, problems=problems, layout=layout)
    return [_chain_item(module, problem) for problem in task.grader.problems]


def chain_prompt(text: str) -> tuple[int, ...]:
    """Return the ids of the last question in a prompt.

    Raises:
        ValueError: if there is none.
    """
    found = _CHAIN.findall(text)
    if not found:
        raise ValueError(
            "A chain model reads questions like `47 + 38 * 12`, numbers below 100 and + - *; "
            f"there is none in: {text[-80:]!r}"
        )
    words = (" ".join(f"{int(w):02d}") if w.isdigit() else w for w in found[-1].split())
    return (BOS, *encode(" ".join(words)), *encode(">"))


def chain_text(completion: Sequence[int]) -> str:
    """Return a completion as text, with `#### answer` if it states one."""
    words = [word for word in completion if word != EOS]
    answer = _module("chain").answer(completion)
    stated = "" if answer is None else f" #### {answer}"
    return _PAIR.sub(r"\1\2", decode(words)) + stated


def ledger_data(seed: int = 0, sequences: int = 8, batches: int = 1, **_: Any) -> dict[str, Any]:
    """Return the stated values of a seed's sequences as a data set."""
    datasets = require("datasets", extra="eval")
    return {"test": datasets.Dataset.from_list(list(ledger_items(seed, sequences, batches)))}


def ledger_items(seed: int, sequences: int, batches: int = 1) -> Iterator[dict[str, Any]]:
    """Yield one item for every `=`, in the order of batches, sequences and places."""
    module = _module("ledger")
    task = module.load("embedded", seed, sequences=sequences, batches=batches)
    for batch, corpus in enumerate(task.corpora):
        for row, place in zip(*corpus.labels.of("equal").nonzero(), strict=True):
            past = corpus.inputs[row, : place + 1]
            yield {
                "text": ledger_text(past),
                "value": int(corpus.targets[row, place]) - _LEDGER_IDS["0"],
                "k": int(corpus.labels.k[row, place]),
                "batch": batch,
                "sequence": int(row),
                "place": int(place),
            }


def ledger_text(ids: Sequence[int]) -> str:
    """Return ids as words."""
    return " ".join(_LEDGER[index] for index in ids)


def ledger_ids(text: str) -> tuple[int, ...]:
    """Return the ids of words.

    Raises:
        ValueError: for a word that ledger does not have.
    """
    words = text.split()
    strange = next((word for word in words if word not in _LEDGER_IDS), None)
    if strange is not None:
        raise ValueError(
            f"A ledger model has no word {strange!r}; it has <bos>, =, 0..6, add0..6, mul0..6 "
            "and fillers f0..f39."
        )
    return tuple(_LEDGER_IDS[word] for word in words)


def _examples() -> list[dict[str, Any]]:
    """Worked examples of the training split."""
    module = _module("chain")
    drawn = module.stream("train", _EXAMPLES_SEED, module.LENGTHS)
    return [_chain_item(module, next(drawn)) for _ in range(SHOTS)]


def _chain_item(module: Any, problem: Any) -> dict[str, Any]:
    terms = "".join(f" {sign} {number}" for sign, number in problem.operations)
    steps, value = [], problem.first
    for sign, number in problem.operations:
        after = module.apply(value, sign, number)
        steps.append(f"{value:02d} {sign} {number:02d} = {after:02d} ;")
        value = after
    return {
        "question": f"{problem.first}{terms}",
        "answer": f"{' '.join(steps)} #### {value}",
        "operations": len(problem.operations),
    }


def _module(task: str) -> Any:
    # By name: tasks use this folder, not the other way round.
    return registry.load(registry.find(task))


if __name__ == "__main__":
    sys.stdout.write(f"{FOLDER}\n")
