"""Opens a reward model as it was named: its folder checked, its shape told by its configuration.

A shape is the ending of the class that wrote the folder: `ForSequenceClassification`, `ForTokenClassification` or `ForCausalLM`.
"""

from typing import Any, Literal

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.sources.model_folder import (
    configuration,
    fetch_weights,
    model_folder,
)

Head = Literal["SequenceClassification", "TokenClassification", "CausalLM"]
HEADS: tuple[Head, ...] = ("SequenceClassification", "TokenClassification", "CausalLM")


def check_reward(name: str) -> Head:
    """Return the shape of a reward model, and load nothing.

    Raises:
        SelectionError: if there is none of that name, or it has none of the shapes.
        EnvironmentProblem: if the hub cannot be reached.
    """
    folder = model_folder(name)
    classes = [str(named) for named in configuration(folder).get("architectures") or ()]
    for head in HEADS:
        if any(named.endswith(f"For{head}") for named in classes):
            return head
    raise SelectionError(
        f"{name} is no reward model that can be asked: its class is "
        f"{', '.join(classes) or 'not named'}.",
        "Known are classifiers of sequences, classifiers of words, and language models that "
        "answer + or -.",
    )


def open_reward(name: str, dtype: Any, device: Any) -> tuple[Any, Any, Head]:
    """Return a reward model, its tokenizer and its shape.

    Raises:
        SelectionError: if there is none of that name, or it has none of the shapes.
        EnvironmentProblem: if it cannot be loaded.
    """
    from adabench.workloads.shared.sources.codec_source import read_tokenizer
    from adabench.workloads.shared.sources.model_weights import read_weights

    head, folder = check_reward(name), model_folder(name)
    fetch_weights(name, folder)
    tokenizer = read_tokenizer(folder, f"the judge hf:{name}")
    model = read_weights(f"AutoModelFor{head}", folder, dtype, f"The judge hf:{name}")
    return model.eval().to(device), tokenizer, head
