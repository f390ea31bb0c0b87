"""Where a model runs and in which numbers: the words that `--device` and `--dtype` take."""

import re
from typing import Any

from adabench.harness.errors import DeviceUnavailable, SelectionError, nearest

DTYPES = ("bfloat16", "float16", "float32")
_DEVICE = re.compile(r"cpu|cuda(:\d+)?")


def torch_device(name: str | None) -> Any:
    """Return a device of torch; the processor unless another one is named.

    Raises:
        SelectionError: for a word that names none.
        DeviceUnavailable: if it is not here.
    """
    import torch

    word = name or "cpu"
    if not _DEVICE.fullmatch(word):
        raise SelectionError(f"{word!r} is no device.", "Write cpu, cuda or cuda:0.")
    if word == "cpu":
        return torch.device("cpu")
    count = torch.cuda.device_count()
    index = int(word.partition(":")[2] or 0)
    if index >= count:
        raise DeviceUnavailable(
            f"{word} is not here: torch {torch.__version__} sees {count} GPUs.",
            "Leave out --device, or run where torch.cuda.is_available().",
        )
    return torch.device("cuda", index)


def torch_dtype(name: str | None, device: str | None) -> Any:
    """Return a number format of torch: float32 on a processor and bfloat16 on a GPU unless named.

    Raises:
        SelectionError: for a word that names none.
    """
    import torch

    word = name or ("float32" if (device or "cpu") == "cpu" else "bfloat16")
    if word not in DTYPES:
        raise SelectionError(f"{word!r} is no number format.", nearest(word, DTYPES))
    return getattr(torch, word)
