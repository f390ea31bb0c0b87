"""The folder that a model of Hugging Face lies in: on disk, in the hub's cache, or fetched into it.

    folder = model_folder("./my-llama")              checked: configuration, weights, tokenizer
    folder = model_folder("Qwen/Qwen2.5-1.5B")       by the hub's own client, its cache and its token

What is missing is said before anything large is read or fetched.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from adabench.harness.errors import EnvironmentProblem, SelectionError, require
from adabench.workloads.shared.sources.named_path import is_file, is_folder

SMALL = ("*.json", "*.txt", "*.jinja", "*.model")
"""Everything of a model but its weights."""
WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def model_folder(name: str) -> Path:
    """Return the folder of a model, complete but for weights that the hub has yet to give.

    Raises:
        SelectionError: if there is no such folder, or something is missing in it.
        EnvironmentProblem: if the hub cannot be reached or refuses.
    """
    place = Path(name).expanduser()
    if is_folder(place):
        check_folder(place)
        return place
    if is_file(place):
        raise SelectionError(
            f"{name} is a file, not the folder of a model.",
            "Name the folder. A GGUF file needs a server: openai:URL#NAME.",
        )
    if looks_like_path(name):
        raise SelectionError(
            f"There is no folder {name}.",
            "Name a folder that save_pretrained wrote, or a model of the hub as OWNER/NAME.",
        )
    return _from_hub(name, SMALL)


def fetch_weights(name: str, folder: Path) -> None:
    """Fetch what a model of the hub still lacks; a folder of one's own lacks nothing.

    Raises:
        SelectionError: if the hub has no weights of it.
        EnvironmentProblem: if the hub cannot be reached or refuses.
    """
    if Path(name).expanduser().is_dir():
        return
    _from_hub(name, (*SMALL, "*.safetensors"))
    if not _any(folder, WEIGHTS):
        _from_hub(name, (*SMALL, "pytorch_model*.bin"))
    check_folder(folder)


def looks_like_path(name: str) -> bool:
    """Say whether a name can only be that of a folder."""
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or name.endswith("/")


def check_folder(folder: Path) -> None:
    """Make sure that a folder holds a whole model.

    Raises:
        SelectionError: naming what is missing.
    """
    configuration(folder)
    if not _any(folder, WEIGHTS):
        raise SelectionError(
            f"The folder {folder} holds no weights, neither *.safetensors nor pytorch_model*.bin.",
            "model.save_pretrained(folder) writes them.",
        )
    absent = [part for part in _parts(folder) if not (folder / part).is_file()]
    if absent:
        raise SelectionError(
            f"The folder {folder} lacks {len(absent)} of its weights' files: "
            f"{', '.join(absent[:3])}{' ...' if absent[3:] else ''}.",
            "Copy or download the folder again.",
        )
    if not _any(folder, TOKENIZERS):
        raise SelectionError(
            f"The folder {folder} holds no tokenizer.",
            "tokenizer.save_pretrained(folder) puts the model's own there.",
        )


def configuration(folder: Path) -> dict[str, Any]:
    """Return a model's configuration as it is written down.

    Raises:
        SelectionError: if there is none, it cannot be read, or it needs code of its own.
    """
    path = folder / "config.json"
    if not is_file(path):
        raise SelectionError(
            f"The folder {folder} holds no model: it has no config.json.",
            "Name a folder that save_pretrained wrote.",
        )
    found = _json(path)
    if "auto_map" in found:
        raise SelectionError(
            f"The model in {folder} brings code of its own, which is not run.",
            "Choose a model that transformers knows, or serve it and name it openai:URL#NAME.",
        )
    if "quantization_config" in found:
        raise SelectionError(
            f"The weights in {folder} are quantised; their FLOPs and bytes cannot be counted here.",
            "Choose unquantised weights, or serve it and name it openai:URL#NAME.",
        )
    return found


def _parts(folder: Path) -> Iterable[str]:
    """Return the files that an index of weights names."""
    index = next((folder / name for name in INDICES if (folder / name).is_file()), None)
    return sorted(set(_json(index).get("weight_map", {}).values())) if index else ()


def _any(folder: Path, patterns: Iterable[str]) -> bool:
    return any(next(folder.glob(pattern), None) for pattern in patterns)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as problem:
        raise SelectionError(f"{path} cannot be read: {problem}.", "Copy it again.") from problem
    if not isinstance(found, dict):
        raise SelectionError(f"{path} is no table of settings.", "Copy it again.")
    return found


def _from_hub(name: str, patterns: Iterable[str]) -> Path:
    """Return the hub's cached folder of a model, with the files of some patterns fetched into it."""
    hub = require("huggingface_hub", extra="models")
    errors = require("huggingface_hub.errors", extra="models")
    cache = require("huggingface_hub.constants", extra="models").HF_HUB_CACHE
    try:
        folder = Path(hub.snapshot_download(name, allow_patterns=list(patterns)))
    except errors.HFValidationError as problem:
        raise SelectionError(
            f"{name!r} is neither a folder nor a name that the hub could have.",
            "Write OWNER/NAME, or a folder that save_pretrained wrote.",
        ) from problem
    except errors.GatedRepoError as problem:
        raise EnvironmentProblem(
            f"The hub gives {name} only to accounts that accepted its terms.",
            "Accept them on the model's page, then set HF_TOKEN or run `hf auth login`.",
        ) from problem
    except errors.RepositoryNotFoundError as problem:
        raise SelectionError(
            f"The hub has no model {name}, or not for you; nor is there a folder of this name.",
            "Correct the name; for a private model set HF_TOKEN.",
        ) from problem
    except (errors.LocalEntryNotFoundError, errors.HfHubHTTPError, OSError) as problem:
        raise EnvironmentProblem(
            f"{name} is not in the hub's cache {cache}, there is no folder of this name, "
            "and the hub cannot be reached.",
            "Name a folder, or run once with a network (and without HF_HUB_OFFLINE).",
        ) from problem
    configuration(folder)
    return folder
