"""Real texts as states of a frozen MiniLM: computed once, kept in the cache, read from there.

A recipe (`adabench train spam-states`) runs it over a collection once, in minutes, and writes the states of
its last layer in half precision, [CLS] first, without any label. From then on a text's states are looked
up by its word pieces: no method runs the encoder, so its work is in nobody's count and its time in
nobody's latency.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from adabench.harness.errors import EnvironmentProblem, require
from adabench.harness.store.prepared_states import cached_checkpoints
from adabench.workloads.depth_width.classify.substrate.experts import Batch
from adabench.workloads.depth_width.substrate import checkpoints
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.questions import Questions
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.substrate.work_counter import Work
from adabench.workloads.shared.language_model import minilm
from adabench.workloads.shared.sources.labelled_texts import SPLITS, TEXTS, labelled_texts
from adabench.workloads.shared.training.checkpoints import Progress

TEXT_QUERIES = 35_840
"""Texts that a training sees: ten times as many as a collection has to learn from, at most."""
SUFFIX = ".safetensors"
HOME = Path(__file__).parents[1]


@dataclass(frozen=True)
class TextStates:
    """A frozen encoder's states of a collection."""

    tokens: Tensor
    """Word pieces, [texts, 64]; 0 behind a text's end."""
    lengths: Tensor
    starts: Tensor
    """Where each text's states begin."""
    flat: Tensor
    """The states of all texts, one text behind the other, in half precision."""
    split: Mapping[str, Ints]
    """The texts of each split, by name."""
    by_pieces: Mapping[bytes, int]
    """Texts by their word pieces."""
    texts: bytes
    """The digest of the texts."""
    parameters_in_use: int

    @property
    def width(self) -> int:
        """Return the width of a state."""
        return self.flat.shape[1]

    def states(self, tokens: Tensor, work: Work) -> Tensor:
        """Return states of texts of one length."""
        rows = [self.by_pieces[_key(row)] for row in tokens.numpy()]
        return torch.stack([self.of(row) for row in rows])

    def of(self, row: int) -> Tensor:
        """Return the states of one text, [T, d]."""
        start = int(self.starts[row])
        return self.flat[start : start + int(self.lengths[row])].float()

    def identity(self) -> Mapping[str, Tensor]:
        """Return what tells it from states of another encoder, or of other texts."""
        return {"tokens": self.tokens[:100], "states": self.flat[:1000]}

    def questions(self, split: str, rows: Ints | None = None) -> Questions:
        """Return texts of a split as queries: all, or those of some numbers within it."""
        taken = self.split[split] if rows is None else self.split[split][rows]
        return Questions(
            self.tokens.numpy()[taken].astype(np.int64), self.lengths.numpy()[taken].copy()
        )


@dataclass(frozen=True)
class TextStatesRecipe:
    """A frozen encoder's states of one collection."""

    name: str
    data: str
    home: Path
    steps: int = 5000
    """Texts."""
    forecast_s: int = 300

    @property
    def is_cached(self) -> bool:
        """Say whether they were made."""
        return _place(self.name).is_file()

    def build(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Run the encoder over the texts and write states and card.

        Raises:
            MissingExtra: without transformers or the package of weights.
            EnvironmentProblem: if the collection is not there.
        """
        found = labelled_texts(self.data)
        with one_thread():
            encoded = minilm.encode(found.texts, progress)
        tensors = {
            "tokens": encoded.tokens, "lengths": encoded.lengths, "flat": encoded.flat,
            "parameters": torch.tensor([encoded.parameters]),
            "texts": torch.tensor(list(found.digest), dtype=torch.uint8),
            **{f"split.{name}": torch.from_numpy(found.rows(name)) for name in SPLITS},
        }  # fmt: skip
        save_file(tensors, folder / f"{self.name}{SUFFIX}")
        facts = {"texts": len(found.texts), "states": len(tensors["flat"])}
        return checkpoints.describe(self, folder, held_out=facts)

    def training_set(self) -> "TextTrainingSet":
        """Return what experts learn from; refuses as `states_of` does."""
        return TextTrainingSet(self.data, states_of(self.data))


@dataclass(frozen=True)
class TextTrainingSet:
    """Texts of a collection's training split, in an order of each training seed's own."""

    data: str
    encoder: TextStates
    queries: int = TEXT_QUERIES

    @property
    def classes(self) -> int:
        """Return how many answers there are."""
        return len(TEXTS[self.data].classes)

    def batches(self, seed: int, size: int) -> Iterator[Batch]:
        """Yield texts of the training split in batches of a size, epoch by epoch."""
        labels, rows = labels_of(self.data, self.encoder), self.encoder.split["train"]
        generator = np.random.Generator(np.random.PCG64(seed))
        epochs = -(-self.queries // len(rows))
        order = np.concatenate([generator.permutation(rows) for _ in range(epochs)])
        for first in range(0, self.queries, size):
            own = order[first : min(first + size, self.queries)]
            states = pad_sequence([self.encoder.of(int(row)) for row in own], batch_first=True)
            answers = torch.from_numpy(labels[own])
            yield Batch(states, self.encoder.lengths[torch.from_numpy(own)].long(), answers)

    def validation(self) -> tuple[Questions, Ints]:
        """Return texts that no training sees and no run is scored on, with their classes."""
        rows = self.encoder.split["calibration"]
        return self.encoder.questions("calibration"), labels_of(self.data, self.encoder)[rows]


def labels_of(data: str, states: TextStates) -> Ints:
    """Return the classes of a collection's texts, in the order of their states.

    Raises:
        EnvironmentProblem: if the states are those of other texts than the package holds now.
    """
    found = labelled_texts(data)
    if found.digest != states.texts:
        raise EnvironmentProblem(
            f"The states of data={data} in the cache are those of other texts.",
            f"Make them anew: adabench train {data}-states.",
        )
    return found.labels


def _place(name: str) -> Path:
    return cached_checkpoints(HOME) / f"{name}{SUFFIX}"


def states_of(data: str) -> TextStates:
    """Return the states of a collection.

    Raises:
        EnvironmentProblem: if they were not made yet.
    """
    path = _place(f"{data}-states")
    if not path.is_file():
        raise EnvironmentProblem(
            f"The states of data={data} are not in {path.parent}, and a run computes none.",
            f"Make them first, in about 300 s of one core: adabench train {data}-states.",
        )
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read(path: Path, changed_ns: int) -> TextStates:
    """Read a file of states once for each of its states."""
    del changed_ns
    held = load_file(path)
    lengths = held["lengths"]
    starts = torch.cat([torch.zeros(1, dtype=lengths.dtype), lengths.cumsum(0)[:-1]])
    keys = {
        _key(row[:length]): k
        for k, (row, length) in enumerate(
            zip(held["tokens"].numpy(), lengths.tolist(), strict=True)
        )
    }
    return TextStates(
        held["tokens"], lengths, starts, held["flat"],
        {name: held[f"split.{name}"].numpy() for name in SPLITS},
        keys, bytes(held["texts"].tolist()), int(held["parameters"]),
    )  # fmt: skip


def _key(pieces: Any) -> bytes:
    return bytes(np.asarray(pieces, np.int32).tobytes())


def check_text(data: str) -> None:
    """Make sure that what a run on a collection needs is there; read no state.

    Raises:
        MissingExtra: without transformers or the package of weights.
        EnvironmentProblem: if the collection is not there, or its states were not made.
    """
    TEXTS[data].find()
    if not _place(f"{data}-states").is_file():
        require("transformers", extra="models")
        minilm.package_folder()
        states_of(data)
