"""Processes of this machine that work together under torch.distributed with gloo, over 127.0.0.1.

    with joined_ranks(2, serve, (a, b), who="The ranks of moe_layer"):
        ...                                  here is rank 0; rank i runs serve(i, a, b) in a process of its own

Ranks meet in a file, so that no port is chosen. They are started from a server that has imported torch already, run on
one thread each, and end with the block, whatever ends it.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from adabench.harness.errors import EnvironmentProblem
from adabench.harness.files.scratch_folder import scratch_folder

PATIENCE = timedelta(seconds=120)
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
INTERFACE = "GLOO_SOCKET_IFNAME"


@contextmanager
def joined_ranks(
    count: int,
    serve: Callable[..., None],
    arguments: tuple[Any, ...],
    *,
    who: str,
    instead: str = "",
) -> Iterator[None]:
    """Start ranks 1 to count - 1, which run `serve(rank, *arguments)`, be rank 0 meanwhile, and end them.

    Raises:
        EnvironmentProblem: if processes cannot be started or reached, or one of them is lost. `who` they are and what
            to do `instead` is said in it.
    """
    if dist.is_initialized():
        raise EnvironmentProblem(
            "torch.distributed is already in use in this process.",
            f"{who} are started in a process of its own.",
        )
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, serve.__module__])
    with _loopback(), scratch_folder("ranks") as folder:
        meeting = (folder / "meeting").as_uri()
        ranks = [
            context.Process(
                target=_join, args=(serve, rank, count, meeting, arguments), daemon=True
            )
            for rank in range(1, count)
        ]
        try:
            for rank in ranks:
                rank.start()
            _meet(0, count, meeting)
            yield
            for rank in ranks:
                rank.join(PATIENCE.total_seconds())
        except (dist.DistError, RuntimeError) as lost:
            raise EnvironmentProblem(
                f"{who} were lost: {lost}.",
                f"They are processes that talk over 127.0.0.1 with gloo. {instead}".strip(),
            ) from lost
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()
            for rank in ranks:
                if rank.is_alive():
                    rank.terminate()


def _join(
    serve: Callable[..., None], rank: int, count: int, meeting: str, arguments: tuple[Any, ...]
) -> None:
    """Be a rank until `serve` returns."""
    torch.set_num_threads(1)
    os.environ[INTERFACE] = LOOPBACK
    _meet(rank, count, meeting)
    serve(rank, *arguments)
    dist.destroy_process_group()


def _meet(rank: int, count: int, meeting: str) -> None:
    dist.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=count, timeout=PATIENCE
    )


@contextmanager
def _loopback() -> Iterator[None]:
    """Have gloo talk over 127.0.0.1."""
    before = os.environ.get(INTERFACE)
    os.environ[INTERFACE] = LOOPBACK
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(INTERFACE)
        else:
            os.environ[INTERFACE] = before
