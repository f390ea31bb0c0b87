"""The codec of a model as it was named, without its weights: who asks questions needs no more of it."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from adabench.harness.errors import EnvironmentProblem, SelectionError, require
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.sources.model_folder import model_folder
from adabench.workloads.shared.sources.model_spec import ModelSpec

GENERATION = "generation_config.json"


@lru_cache(maxsize=4)
def open_codec(spec: ModelSpec) -> TokenizerCodec | TextPieces:
    """Return the codec that `open_model` gives for a model.

    Raises:
        SelectionError: if there is no such model, or it has no tokenizer that can be read.
        EnvironmentProblem: if a package or a network is missing.
    """
    if spec.is_served:
        return TextPieces()
    folder = _folder(spec)
    return TokenizerCodec(read_tokenizer(folder, str(spec)), _ends(folder))


def read_tokenizer(folder: Path, named: str) -> Any:
    """Return the tokenizer of a folder; `named` is what errors call its model.

    Raises:
        MissingExtra: without transformers.
        EnvironmentProblem: if it cannot be read.
    """
    from adabench.workloads.shared.language_model.smollm2 import quiet

    transformers = require("transformers", extra="models")
    try:
        with quiet(transformers):
            return transformers.AutoTokenizer.from_pretrained(folder)
    except Exception as problem:  # the library in Rust raises plain ones for files it cannot read
        said = next(iter(str(problem).splitlines()), type(problem).__name__)
        raise EnvironmentProblem(
            f"The tokenizer of {named} cannot be read: {said[:200]}",
            "Copy or download the folder again.",
        ) from problem


def context_of(spec: ModelSpec) -> int | None:
    """Return how many words a sequence of a model may have; None where its folder does not say."""
    if spec.is_served:
        return None
    found = _settings(_folder(spec), "config.json")
    inner = found.get("text_config") or {}
    named = found.get("max_position_embeddings") or inner.get("max_position_embeddings")
    return named if isinstance(named, int) else None


def _folder(spec: ModelSpec) -> Path:
    if spec.kind == "smollm2":
        from adabench.workloads.shared.language_model import smollm2

        return smollm2.converted()
    if spec.kind != "hf":
        raise SelectionError(
            f"{spec} writes no text of its own.",
            "Name a model: smollm2, hf:NAME, hf:FOLDER or openai:URL#NAME.",
        )
    return model_folder(spec.name)


def _ends(folder: Path) -> frozenset[int]:
    """Return the words by which a model ends, as `causal_model.model_ends` finds them."""
    for name in (GENERATION, "config.json"):
        found = _settings(folder, name)
        for named in (
            found.get("eos_token_id"),
            (found.get("text_config") or {}).get("eos_token_id"),
        ):
            if named is not None:
                return frozenset(named if isinstance(named, list) else (int(named),))
    return frozenset()


def _settings(folder: Path, name: str) -> dict[str, Any]:
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a missing one says nothing; `model_folder` refuses a broken one
        return {}
    return found if isinstance(found, dict) else {}
