"""The weights of a folder, read by transformers; a file that is broken or lacks some is refused.

transformers fills what a file lacks with random numbers and logs a warning. A model like that
runs and knows nothing, so here it is an error.
"""

from typing import Any

from adabench.harness.errors import EnvironmentProblem, require

BROKEN = (OSError, ValueError, ImportError, RuntimeError, KeyError)
"""What transformers and torch raise for files that they cannot read, beside safetensors' own."""
MOST_NAMED = 3


def read_weights(kind: str, folder: Any, dtype: Any, named: str) -> Any:
    """Return a model with the weights of a folder, on the processor.

    `kind` is the class of transformers (`AutoModelForCausalLM`), `named` what errors call it.

    Raises:
        MissingExtra: without transformers.
        EnvironmentProblem: if the weights cannot be read, or some are missing.
    """
    from adabench.workloads.shared.language_model.smollm2 import quiet

    transformers = require("transformers", extra="models")
    broken = (*BROKEN, require("safetensors", extra="models").SafetensorError)
    _settle_threads()
    try:
        with quiet(transformers):
            model, found = getattr(transformers, kind).from_pretrained(
                folder, dtype=dtype, output_loading_info=True
            )
    except broken as problem:
        said = next(iter(str(problem).splitlines()), type(problem).__name__)
        raise EnvironmentProblem(
            f"{named} cannot be loaded: {said[:200]}", "Copy or download its folder again."
        ) from problem
    absent = sorted(found["missing_keys"])
    if absent:
        raise EnvironmentProblem(
            f"{named} cannot be loaded: its files lack {len(absent)} of the model's weights "
            f"({', '.join(absent[:MOST_NAMED])}{' ...' if absent[MOST_NAMED:] else ''}).",
            "They would be random numbers. See whether config.json names the model that was saved, "
            "and copy or download its folder again.",
        )
    return model


def _settle_threads() -> None:
    """Make torch's pool of threads anew, here and now.

    transformers converts weights in several threads. In a forked process the first of them that computes
    replaces the parent's pool, and another that looks meanwhile finds none ("Invalid thread pool!").
    """
    torch = require("torch", extra="models")
    torch.set_num_threads(torch.get_num_threads())
