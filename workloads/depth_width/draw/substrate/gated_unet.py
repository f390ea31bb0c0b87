"""A small U-Net that denoises, with gates on its widths and blocks, and the smaller network that a structure leaves.

    x -- in -- d1 -- down -- m1 -- m2 -- up (+ d1's) -- u1 -- out        d1, u1 at full size; m1, m2 at half

A block is x + D(silu(C(norm x) (1 + a) + b)) with a, b of time and prompt; its hidden channels are in `GROUPS` groups. A structure
has a gate for each group of each block, and one for the block: closed groups are multiplied by nothing, a closed
block passes its input on. `hardened` removes what is closed: the network that is left gives the same numbers.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adabench.workloads.depth_width.draw.substrate.prompted_pictures import WIDTH

BLOCKS = ("d1", "m1", "m2", "u1")
GROUPS = 8
"""Gates on the width of a block."""
GATES = len(BLOCKS) * (GROUPS + 1)
"""Of a structure: groups of the first block first, and a gate for each block at the end."""
CHANNELS, INNER = (8, 16, 16, 8), (16, 32, 32, 16)
"""Of each block: what it passes on, and its hidden ones."""
CLOCK, SENSE = 16, 64
"""Numbers that say the time, and width of time and prompt together."""


@dataclass(frozen=True)
class Read:
    """What a network says of noisy pictures."""

    velocity: Tensor
    """[n, side, side]."""
    blocks: tuple[Tensor, ...]
    """What each block passes on."""


class Block(nn.Module):
    """A residual block with a hidden width of its own."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.wide = nn.Conv2d(channels, hidden, 3, padding=1)
        self.sense = nn.Linear(SENSE, 2 * hidden)
        self.narrow = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x: Tensor, sense: Tensor, gates: Tensor | None, own: Tensor | None) -> Tensor:
        """Return what the block passes on, [n, channels, h, w]; gates are [n, GROUPS], and [n] of the block."""
        a, b = self.sense(sense)[:, :, None, None].chunk(2, 1)
        hidden = F.silu(self.wide(self.norm(x)) * (1 + a) + b)
        if gates is not None:
            each = gates.repeat_interleave(hidden.shape[1] // GROUPS, 1)
            hidden = hidden * each[:, :, None, None]
        added = self.narrow(hidden)
        if own is not None:
            added = added * own[:, None, None, None]
        passed: Tensor = x + added
        return passed


class GatedUNet(nn.Module):
    """The denoiser; `hidden` has the widths of its blocks, 0 for one that is not there."""

    def __init__(self, hidden: tuple[int, ...] = INNER) -> None:
        super().__init__()
        self.hidden = hidden
        top, low = CHANNELS[0], CHANNELS[1]
        self.sense = nn.Sequential(nn.Linear(CLOCK + WIDTH, SENSE), nn.SiLU())
        self.first = nn.Conv2d(1, top, 3, padding=1)
        self.down = nn.Conv2d(top, low, 3, stride=2, padding=1)
        self.up = nn.Conv2d(low, top, 3, padding=1)
        self.last = nn.Conv2d(top, 1, 3, padding=1)
        self.blocks = nn.ModuleDict(
            {
                name: Block(channels, width)
                for name, channels, width in zip(BLOCKS, CHANNELS, hidden, strict=True)
                if width
            }
        )

    def forward(self, x: Tensor, time: Tensor, prompt: Tensor, gates: Tensor | None = None) -> Read:
        """Read pictures [n, side, side] at times [n] in 0..1 with prompts [n, WIDTH]; gates are [n, GATES]."""
        turns = time[:, None] * torch.exp(torch.linspace(0.0, 4.0, CLOCK // 2))
        sense = self.sense(torch.cat((turns.sin(), turns.cos(), prompt), 1))
        passed: list[Tensor] = []
        h = self._block(0, self.first(x[:, None]), sense, gates, passed)
        top = h
        for place in (1, 2):
            h = self._block(place, self.down(h) if place == 1 else h, sense, gates, passed)
        h = top + F.interpolate(self.up(h), scale_factor=2.0, mode="nearest")
        h = self._block(3, h, sense, gates, passed)
        return Read(self.last(F.silu(h))[:, 0], tuple(passed))

    def velocity(self, x: Tensor, time: Tensor, prompt: Tensor) -> Tensor:
        """Return what the network says of pictures, [n, side, side]."""
        read: Read = self(x, time, prompt)
        return read.velocity

    def _block(
        self, place: int, x: Tensor, sense: Tensor, gates: Tensor | None, passed: list[Tensor]
    ) -> Tensor:
        if BLOCKS[place] in self.blocks:
            widths = None if gates is None else gates[:, place * GROUPS : (place + 1) * GROUPS]
            own = None if gates is None else gates[:, place - len(BLOCKS)]
            x = self.blocks[BLOCKS[place]](x, sense, widths, own)
        passed.append(x)
        return x


def multiplications(hidden: tuple[int, ...], side: int) -> int:
    """Return the multiplications with additions that a picture takes of a network of these widths."""
    top, low = CHANNELS[0], CHANNELS[1]
    full, half = side * side, (side // 2) ** 2
    found = 9 * (full * 2 * top + half * 2 * top * low) + SENSE * (CLOCK + WIDTH)
    for channels, width, places in zip(CHANNELS, hidden, (full, half, half, full), strict=True):
        found += width * (18 * channels * places + 2 * SENSE)
    return found


def parameters(hidden: tuple[int, ...]) -> int:
    """Return how many weights a network of these widths has."""
    return sum(value.numel() for value in GatedUNet(hidden).parameters())


def shares(structures: Tensor, side: int) -> Tensor:
    """Return the share of the whole network's multiplications that structures [n, GATES] keep, [n]; it has a gradient."""
    none = multiplications((0,) * len(BLOCKS), side)
    found = torch.full((len(structures),), float(none))
    for place, inner in enumerate(INNER):
        alone = tuple(inner if p == place else 0 for p in range(len(BLOCKS)))
        share = structures[:, place * GROUPS : (place + 1) * GROUPS].mean(1)
        found = found + share * structures[:, place - len(BLOCKS)] * (
            multiplications(alone, side) - none
        )
    return found / multiplications(INNER, side)


def hardened(whole: GatedUNet, structure: Tensor) -> GatedUNet:
    """Return the network that a structure leaves: its weights are copies of those that are not closed."""
    each = _channels(structure)
    found = GatedUNet(tuple(int(channels.numel()) for channels in each))
    small, large = found.state_dict(), whole.state_dict()
    rows = dict(zip(BLOCKS, each, strict=True))
    for name, value in small.items():
        block = name.split(".")[1] if name.startswith("blocks.") else ""
        value.copy_(_rows(name, large[name], rows[block]) if block else large[name])
    return found


def _channels(structure: Tensor) -> list[Tensor]:
    """Return the hidden channels that each block keeps."""
    found = []
    for place, inner in enumerate(INNER):
        gates = structure[place * GROUPS : (place + 1) * GROUPS] * structure[place - len(BLOCKS)]
        found.append((gates.repeat_interleave(inner // GROUPS) > 0).nonzero()[:, 0])
    return found


def _rows(name: str, value: Tensor, own: Tensor) -> Tensor:
    """Return the rows or columns of a block's weight that belong to its channels."""
    kind = name.split(".", 2)[2]
    if kind.startswith("wide"):
        return value[own]
    if kind.startswith("sense"):
        return value[torch.cat((own, own + len(value) // 2))]
    return value[:, own] if kind == "narrow.weight" else value
