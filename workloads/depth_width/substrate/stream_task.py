"""What a task whose cases are streams hands to a method, whichever model reads them.

`ledger` is such a task, with the models trained for it, and `pretrained`, with readers of a
language model that look the same.
"""

from typing import Protocol

from adabench.workloads.depth_width.substrate.readers import Batch, Reader
from adabench.workloads.depth_width.substrate.trained.training_anew import Trainer
from adabench.workloads.depth_width.substrate.units.unit_reader import UnitReader
from adabench.workloads.depth_width.substrate.width_reader import WidthReader


class StreamTask(Trainer, Protocol):
    """Models by name, and unlabelled sequences."""

    def reader(self, base: str, /) -> Reader:
        """Return the reader of a backbone such as `vanilla-6`."""
        ...

    def unit_reader(self, base: str, /) -> UnitReader:
        """Return the reader of a frozen backbone with trained parts, such as `informed-60`."""
        ...

    def width_reader(self, base: str, /) -> WidthReader:
        """Return the reader of a model with granular modules, such as `acm-40`."""
        ...

    def calibration(self) -> Batch:
        """Return sequences that no score is taken on."""
        ...
