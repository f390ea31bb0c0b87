"""One layer of experts over W ranks: matrices always lie in W equal shards, and tokens always lie where they came from.

So nothing moves when the parallelism r changes (arXiv 2206.03382, section 3). With S = W / E shards an expert (1 where E >= W):

    r = 0            data parallel: every rank gathers all matrices and runs its own tokens
    1 <= r <= S      expert, data and model parallel: tokens go to r ranks of their expert, each of which runs a slice of
                     H / r hidden units that it gathers from S / r shards; what the r slices give is added up

A capacity is cut into `degree` pieces: while one is multiplied the next is exchanged. Where a rank waits, how many bytes it
sends and how many rows it multiplies is counted here.
"""

from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F

from adabench.harness.errors import MethodContractError, SelectionError

BYTES = 4
DEGREES = (1, 2, 4)


@dataclass(frozen=True)
class Setting:
    """How a layer runs in one iteration."""

    parallelism: int
    """r"""
    degree: int = 1
    """Of pipelining: pieces of a capacity."""


@dataclass(frozen=True)
class LayerShape:
    """Of a layer and its ranks."""

    ranks: int
    experts: int = 16
    width: int = 64
    hidden: int = 256

    def __post_init__(self) -> None:
        """Refuse what has no equal shards.

        Raises:
            SelectionError: if neither number divides the other.
        """
        if self.ranks % self.experts and self.experts % self.ranks:
            raise SelectionError(
                f"{self.experts} experts have no equal shards on {self.ranks} ranks.",
                "One number has to divide the other: --set experts=16 --set ranks=2.",
            )

    @property
    def shards(self) -> int:
        """Return S, the shards of an expert."""
        return max(1, self.ranks // self.experts)

    @property
    def own(self) -> int:
        """Return how many experts a rank holds, of which it may hold a shard only."""
        return max(1, self.experts // self.ranks)

    @property
    def parallelisms(self) -> tuple[int, ...]:
        """Return every r that there is."""
        return (0, *(r for r in range(1, self.shards + 1) if self.shards % r == 0))

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Return all settings. Data parallel exchanges no token, so that there is nothing to pipeline."""
        exchanged = [Setting(r, degree) for r in self.parallelisms[1:] for degree in DEGREES]
        return (Setting(0), *exchanged)

    @property
    def multiple(self) -> int:
        """Return what a capacity is rounded up to: each piece has a row for each shard."""
        return self.shards * max(DEGREES)


@dataclass
class RankCounts:
    """What one rank did in one iteration."""

    sent_bytes: int = 0
    rows: int = 0
    """Rows multiplied by whole experts; by a slice of an expert it is that share of a row."""


@dataclass
class ExpertShards:
    """One rank's end of the layer."""

    shape: LayerShape
    rank: int
    seed: int
    counts: RankCounts = field(default_factory=RankCounts)

    def __post_init__(self) -> None:
        """Draw the shard, and open the groups of ranks that gather slices."""
        inner, outer = drawn_experts(self.shape, self.seed)
        shape, S = self.shape, self.shape.shards
        first = self.rank * shape.own if S == 1 else self.rank // S
        part = slice(None) if S == 1 else _slice(self.rank % S, shape.hidden // S)
        self.inner = inner[first : first + shape.own, part].contiguous()
        self.outer = outer[first : first + shape.own, :, part].contiguous()
        self._groups = {r: self._group(r) for r in shape.parallelisms[1:] if S // r > 1}

    def _group(self, r: int) -> dist.ProcessGroup:
        """Return the group of ranks whose shards make this rank's slice; all ranks open all groups."""
        size = self.shape.shards // r
        own: dist.ProcessGroup | None = None
        for start in range(0, self.shape.ranks, size):
            members = list(range(start, start + size))
            opened: dist.ProcessGroup = dist.new_group(members)
            own = opened if self.rank in members else own
        assert own is not None
        return own

    def run(self, sent: Tensor, setting: Setting) -> Tensor:
        """Return what the experts make of rows [E, C, D] that this rank sends, [E, C, D].

        Raises:
            MethodContractError: for an r that does not divide S, or a degree that does not divide the capacity.
        """
        r, degree = setting.parallelism, setting.degree
        if r not in self.shape.parallelisms or degree not in DEGREES or (degree > 1 and r == 0):
            raise MethodContractError(
                f"r = {r} at degree {degree} is no setting of {self.shape.ranks} ranks and {self.shape.experts} experts.",
                "`moment.settings` has them all.",
            )
        inner, outer = self._matrices(r)
        if r == 0:
            return self._multiply(sent, inner, outer)
        return self._exchanged(sent, inner, outer, setting)

    def _matrices(self, r: int) -> tuple[Tensor, Tensor]:
        """Return what this rank multiplies by: [e, h, D] and [e, D, h]."""
        shape, S = self.shape, self.shape.shards
        if r == 0:
            inner, outer = self._gathered(self.inner, None), self._gathered(self.outer, None)
            if S == 1:
                return inner.flatten(0, 1), outer.flatten(0, 1)
            inner = inner.view(shape.experts, shape.hidden, shape.width)
            outer = outer.view(shape.experts, S, shape.width, -1).permute(0, 2, 1, 3)
            return inner, outer.reshape(shape.experts, shape.width, shape.hidden)
        if r not in self._groups:
            return self.inner, self.outer
        group = self._groups[r]
        inner, outer = self._gathered(self.inner, group), self._gathered(self.outer, group)
        return inner.view(1, -1, shape.width), outer.permute(1, 2, 0, 3).reshape(1, shape.width, -1)

    def _gathered(self, part: Tensor, group: dist.ProcessGroup | None) -> Tensor:
        members = dist.get_world_size(group)
        parts = [torch.empty_like(part) for _ in range(members)]
        dist.all_gather(parts, part, group=group)
        self.counts.sent_bytes += BYTES * part.numel() * (members - 1)
        return torch.stack(parts)

    def _exchanged(self, sent: Tensor, inner: Tensor, outer: Tensor, setting: Setting) -> Tensor:
        """Send rows to where their experts are, multiply, and send them back; a piece is multiplied while the next comes."""
        pieces = [
            self._spread(piece, setting.parallelism) for piece in sent.chunk(setting.degree, dim=1)
        ]
        arriving = self._all_to_all(pieces[0])
        returning = []
        for at in range(len(pieces)):
            came = self._arrived(arriving)
            if at + 1 < len(pieces):
                arriving = self._all_to_all(pieces[at + 1])
            returning.append(self._all_to_all(self._by_rank(came, inner, outer)))
        back = [self._summed(self._arrived(one), setting.parallelism) for one in returning]
        return torch.cat(back, dim=1)

    def _spread(self, piece: Tensor, r: int) -> Tensor:
        """Return rows [E, c, D] by the rank that they go to, [W, e, c', D]: to r slices of each expert."""
        shape = self.shape
        if shape.shards == 1:
            return piece.reshape(shape.ranks, shape.own, piece.shape[1], shape.width)
        parts = shape.shards // r
        shared = piece.reshape(shape.experts, 1, parts, -1, shape.width)
        copies = shared.expand(-1, r, -1, -1, -1)
        return copies.reshape(shape.ranks, 1, -1, shape.width)

    def _summed(self, back: Tensor, r: int) -> Tensor:
        """Return rows [E, c, D] of what came back, [W, e, c', D], slices added up."""
        shape = self.shape
        if shape.shards == 1:
            return back.flatten(0, 1)
        parts = shape.shards // r
        slices = back.view(shape.experts, r, parts, -1, shape.width)
        return slices.sum(1).flatten(1, 2)

    def _by_rank(self, came: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
        """Multiply rows [W, e, c, D] in one layout that does not depend on W, [e, W c, D]."""
        ranks, own, count, width = came.shape
        rows = came.permute(1, 0, 2, 3).reshape(own, ranks * count, width)
        made = self._multiply(rows, inner, outer)
        return made.view(own, ranks, count, width).permute(1, 0, 2, 3).contiguous()

    def _multiply(self, rows: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
        self.counts.rows += rows.shape[0] * rows.shape[1] * inner.shape[1] // self.shape.hidden
        return torch.bmm(F.gelu(torch.bmm(rows, inner.transpose(1, 2))), outer.transpose(1, 2))

    def _all_to_all(self, sent: Tensor) -> tuple[dist.Work, Tensor, Tensor]:
        sent, came = sent.contiguous(), torch.empty_like(sent)
        self.counts.sent_bytes += BYTES * sent.numel() * (self.shape.ranks - 1) // self.shape.ranks
        return dist.all_to_all_single(came, sent, async_op=True), came, sent

    @staticmethod
    def _arrived(exchange: tuple[dist.Work, Tensor, Tensor]) -> Tensor:
        """Wait for an exchange. What was sent is held until then: gloo reads it."""
        work, came, _ = exchange
        work.wait()
        return came


def drawn_experts(shape: LayerShape, seed: int) -> tuple[Tensor, Tensor]:
    """Return the matrices of all experts, [E, H, D] and [E, D, H]: how long a product takes does not depend on them."""
    coins = torch.Generator().manual_seed(seed)
    size = (shape.experts, shape.hidden, shape.width)
    inner = torch.randn(size, generator=coins) * shape.width**-0.5
    outer = torch.randn((size[0], size[2], size[1]), generator=coins) * shape.hidden**-0.5
    return inner, outer


def _slice(index: int, size: int) -> slice:
    return slice(index * size, (index + 1) * size)
