"""A process that draws samples beside this one: a model of its own, a share of the cores, and no file.

    processes = [DrawProcess(conditions, seed, threads) for _ in range(count)]
    fill_bank(request, task, rows, processes)

It is told of questions by their places, and gives back what it drew. Random numbers belong to a question and a
sample, so the words are those that one process alone would draw.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import torch

from adabench.harness.contract.card import Scalar
from adabench.harness.errors import EnvironmentProblem
from adabench.harness.run.channel import Channel
from adabench.harness.run.descendants import die_with_parent
from adabench.harness.run.failure import FAILURES, MethodFailure, failure
from adabench.workloads.shared.language_model.bank.sample_bank import BankedQuestion, question_of
from adabench.workloads.test_time.text.task import CARD, load
from adabench.workloads.test_time.text.truth.bank_draws import Ask, drawn, together


class DrawProcess:
    """Begins at once, and loads its model meanwhile."""

    def __init__(self, conditions: Mapping[str, Scalar], seed: int, threads: int) -> None:
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=2,
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,  # an interrupt from a keyboard is for the parent alone
        )
        theirs.close()
        self.channel = Channel(ours)
        self.channel.send({"conditions": dict(conditions), "seed": seed, "threads": threads})

    def __call__(self, asks: Sequence[Ask]) -> list[BankedQuestion]:
        """Draw.

        Raises:
            AdabenchError: what stopped it there.
            EnvironmentProblem: if the process is gone.
        """
        reply = None
        with suppress(OSError):
            self.channel.send([asdict(ask) for ask in asks])
            reply = self.channel.receive()
        if reply is None:
            raise EnvironmentProblem(
                "A process that draws samples has ended before its time.",
                "Look for its last words above; with --workers 1 this process draws alone.",
            )
        if "failed" in reply:
            problem = MethodFailure(reply["failed"])
            raise problem.problem or problem
        return [question_of(row) for row in reply["drawn"]]

    def close(self) -> None:
        """End it, whatever it is at."""
        self.process.kill()
        self.process.wait()
        self.channel.end.close()


def main(descriptor: int) -> None:
    """Draw what is asked, until nobody asks."""
    die_with_parent()
    channel = Channel(socket.socket(fileno=descriptor))
    given: dict[str, Any] = channel.receive()
    task = None
    torch.set_num_threads(given["threads"])
    while (asks := channel.receive()) is not None:
        try:
            task = task or together(load(CARD.scales[0], given["seed"], **given["conditions"]))
            found = drawn(task, [Ask(**ask) for ask in asks])
            channel.send({"drawn": [asdict(question) for question in found]})
        except FAILURES as problem:
            channel.send(failure(problem))


if __name__ == "__main__":
    main(int(sys.argv[1]))
