"""Where the file of what was fitted lies, and who fits it where it is not there.

What is shipped belongs to SmolLM2 and Brown. Everything else is fitted at its first use and lies in the user's
cache folder from then on, by the digests of weights, text, plan and code. A fit is forecast before it begins,
by the time of reading a few windows here. Two processes that want the same file fit it once.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import torch

from adabench.harness.errors import SelectionError
from adabench.harness.files import whole_file
from adabench.harness.files.scratch_folder import scratch_folder
from adabench.harness.store import checkpoint_folders, used_artefacts
from adabench.harness.store.prepared_states import default_folder
from adabench.workloads.depth_width.pretrained.substrate import model_and_text
from adabench.workloads.depth_width.pretrained.substrate.model_and_text import ModelAndText
from adabench.workloads.depth_width.pretrained.substrate.plans import FOLDER
from adabench.workloads.depth_width.substrate.checkpoints import SUFFIX
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.llama_decoder import closed_form_fit
from adabench.workloads.depth_width.substrate.llama_decoder.llama_backbone import soft
from adabench.workloads.shared.training.checkpoints import code_digest

log = logging.getLogger(__name__)

LONG_S = 300.0
"""A fit that takes longer says how it would take less."""
Progress = Callable[[int, int], None]


class Plan(Protocol):
    """What is to be fitted."""

    @property
    def name(self) -> str:
        """Of the file."""
        ...

    @property
    def readings(self) -> float:
        """How many readings of a few windows it takes as long as."""
        ...


class Fit(Protocol):
    """How a plan's file is made."""

    def __call__(
        self, plan: Any, source: ModelAndText, progress: Progress, folder: Path, /
    ) -> dict[str, Any]:
        """Write weights and card into a folder; return the card."""
        ...


def shelf(plan: Plan, source: ModelAndText, *code: ModuleType) -> Path:
    """Return the cache's folder of a fit: by its code, its plan, and its model and text."""
    words = repr((code_digest(*code), plan, model_and_text.digest(source)))
    return default_folder() / "retrofits" / hashlib.sha256(words.encode()).hexdigest()[:16]


def home(plan: Plan, source: ModelAndText, *code: ModuleType) -> Path:
    """Return the folder of a file: among the shipped ones if it is one of them, else in the cache."""
    is_shipped = source.is_shipped and (FOLDER / f"{plan.name}{SUFFIX}").exists()
    return FOLDER if is_shipped else shelf(plan, source, *code)


def fitted_file(plan: Plan, source: ModelAndText, fit: Fit, *code: ModuleType) -> Path:
    """Return a plan's file, fitted first where it is not there; note that it is handed out.

    Raises:
        SelectionError: if the text is too short to fit anything to it.
    """
    folder = home(plan, source, *code)
    path = folder / f"{plan.name}{SUFFIX}"
    if not checkpoint_folders.holds(folder, plan.name):
        fit_once(plan, source, fit, folder)
    used_artefacts.note(plan.name, path)
    return path


def fit_once(plan: Plan, source: ModelAndText, fit: Fit, folder: Path) -> None:
    """Fit a plan into a folder, unless somebody else has when it is our turn."""
    lock = folder / "fitting"
    lock.mkdir(parents=True, exist_ok=True)
    with whole_file.hold_folder(lock):
        if checkpoint_folders.holds(folder, plan.name):
            return
        log.warning("%s", forecast(plan, source))
        with scratch_folder("fit") as stage:
            fit(plan, source, lambda done, steps: None, stage)
            whole_file.copy_whole(checkpoint_folders.files_of(stage, plan.name), folder)


def forecast(plan: Plan, source: ModelAndText) -> str:
    """Return a sentence that says what will be fitted, and how long that will take here."""
    seconds = plan.readings * reading_s(source)
    where = source.device if source.on_device else "one core"
    less = f" A share of it takes that of the time: --set fitting={source.fitting / 2:g}."
    return (
        f"{plan.name} was never fitted to {source.model} on {source.data}. That happens once, takes "
        f"about {duration(seconds)} of {where}, and is kept in the cache folder."
        f"{less if seconds > LONG_S else ''}"
    )


def duration(seconds: float) -> str:
    """Write a forecast in the unit that suits it."""
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{max(1, round(seconds))} s"


def reading_s(source: ModelAndText) -> float:
    """Return the seconds that reading a few windows takes here, once everything is warm: of a processor alone,
    which others may share.
    """
    clock = time.perf_counter if source.on_device else time.process_time
    model = model_and_text.fitting_backbone(source)
    rows = model_and_text.windows(source, "fit")[: closed_form_fit.BATCH, :-1]
    tokens = torch.from_numpy(rows.copy()).to(model.embed.weight.device)
    with torch.inference_mode(), one_thread():
        for _ in range(2):
            started = clock()
            float(model.head(soft(model, tokens, lambda unit, x, output: output())).sum())
        return clock() - started


def fitting_rows(source: ModelAndText, seed: int, count: int) -> torch.Tensor:
    """Return so many windows [n, T] of the fitting split, in the order of a seed.

    Raises:
        SelectionError: if the text has fewer.
    """
    every = model_and_text.fitting_windows(source, seed)
    if len(every) < count:
        raise SelectionError(
            f"This fit looks at {count} windows of text, and {source.data} has {len(every)} for it.",
            f"Name a longer text, or fit less: fitting={source.fitting * len(every) / count:.2g}.",
        )
    device = model_and_text.fitting_backbone(source).embed.weight.device
    return torch.from_numpy(every[:count, :-1].copy()).to(device)
