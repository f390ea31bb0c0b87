"""Random exits: early exit at random in place of the head's confidence.

The control. The same model, and at each exit the same share of those still there leaves as under
the threshold, measured on calibration sequences that no score is taken on. Random draws cost no
operations, and the head is asked once, at the end; that is counted.

**What to expect.** Written before measuring: at scale embedded it loses more than half of the
answers at confidence 0.9, since operands leave as often as fillers; on real text the nats rise
several times as much as with confidence, since who is unsure leaves too.

**Ways to fake it.** One share for all exits, or the shares of the batch that is scored.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.depth_width.methods.early_exit import unsure
from adabench.workloads.depth_width.substrate.gathered_forward import (
    Admission,
    Admit,
    Answer,
    Policy,
)
from adabench.workloads.depth_width.substrate.readers import GATHERED_TILE, Batch, Reader
from adabench.workloads.depth_width.substrate.stream_task import StreamTask
from adabench.workloads.depth_width.substrate.work_counter import Work

CARD = Card(
    title="Random exits at early exit's shares",
    tasks=("ledger", "pretrained"),
    adapts="how many layers a token runs, at random",
    role="control",
    knobs=(
        Knob(
            "confidence",
            (0.3, 0.5, 0.7, 0.9, 0.99),
            0.9,
            at="prepare",
            open=True,
            low=0.0,
            high=1.0,
        ),
    ),
)


@dataclass(frozen=True)
class Coins:
    """A reader, and which share of the candidates stayed at each exit under the threshold."""

    reader: Reader
    stays: tuple[float, ...]
    seed: int


def prepare(task: StreamTask, point: Point, seed: int) -> Coins:
    """Restore the method's model and measure its shares."""
    reader = task.reader("early-exit")
    met: list[tuple[int, int]] = []
    policy = _noted(unsure(reader.model, float(point["confidence"])), met)
    replace(reader, mode="prefill").read(task.calibration(), policy, fill=True, tile=GATHERED_TILE)
    return Coins(reader, shares(met), seed)


def solve(coins: Coins, batch: Batch, point: Point) -> Answer:
    """Read the batch with coins; the same coins for the same batch."""
    generator = torch.Generator().manual_seed(1_000 * coins.seed + batch.index)
    policy = tossed(coins.stays, generator)
    return coins.reader.read(batch, policy, fill=True, tile=GATHERED_TILE)


def _noted(policy: Policy, met: list[tuple[int, int]]) -> Policy:
    """Return the policy, noting for each exit in turn how many came and how many stayed.

    A tile starts at exit 0; a later exit that nobody reaches is not asked.
    """

    def again() -> Admit:
        admit = policy()

        def ask(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
            admission = admit(depth, rows, sequences, work)
            kept = len(rows) if admission.keep is None else len(admission.keep)
            met.extend([(0, 0)] * (depth + 1 - len(met)))
            came, stayed = met[depth]
            met[depth] = (came + len(rows), stayed + kept)
            return admission

        return ask

    return again


def shares(met: list[tuple[int, int]]) -> tuple[float, ...]:
    """Return which share of those who came to each exit stayed."""
    return tuple(stayed / came for came, stayed in met)


def tossed(stays: tuple[float, ...], generator: torch.Generator) -> Policy:
    """Let each candidate stay with its exit's share; where nobody came before, nobody stays."""

    def admit(depth: int, rows: Tensor, sequences: Tensor, work: Work) -> Admission:
        share = stays[depth] if depth < len(stays) else 0.0
        coins = torch.rand(len(rows), generator=generator, device="cpu").to(rows.device)
        run = coins < share
        return Admission(run.nonzero()[:, 0])

    return lambda: admit
