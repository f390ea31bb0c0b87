"""How many threads a model on a processor is run with: one core fewer than there are.

A product that is split over all cores waits for the slowest of them. Whatever else runs on the machine
then holds up the thread that is timed, and the witness of disturbance is right to drop the time
(`profilers/timing/disturbance.py`). With a core to spare the others go there.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from adabench.profilers.hardware.host import usable_cores


def spared(threads: int, cores: int) -> int:
    """Return how many threads leave a core to others, and are no more than torch was told."""
    return max(1, min(threads, cores - 1))


@contextmanager
def one_core_spare() -> Iterator[None]:
    """Hold torch to all cores that this process may use but one; on two cores that is one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(spared(threads, usable_cores()))
    try:
        yield
    finally:
        torch.set_num_threads(threads)
