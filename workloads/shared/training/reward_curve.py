"""The curve of a training by reward: what it had spent, and which validation questions it answered.

    NAME.curve.json beside the weights:  {"questions": 512, "points": [{"words": 0, ..., "bits": "9f03..."}, ...]}

Bits are those of the same questions in the same order at each point, eight a byte, in hexadecimal digits.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adabench.harness.errors import SelectionError

SUFFIX = ".curve.json"
Bits = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True)
class CurvePoint:
    """A training at one moment."""

    words: int
    """Generated so far."""
    samples: int
    """Completions that were drawn for it."""
    updates: int
    """Of the weights; fewer than batches where a batch had nothing to teach."""
    flops: int
    """Of generating and learning, by formula."""
    cpu_s: float
    drift: float
    """Mean of |log rho| over the words of the last update."""
    share: float
    """Of the last batch's groups, those whose rewards differed."""
    reward: float
    """Mean over the last batch."""
    bits: Bits
    """[questions]"""

    @property
    def accuracy(self) -> float:
        """Return the share of questions that are answered."""
        return float(self.bits.mean())


def write(path: Path, points: Sequence[CurvePoint]) -> None:
    """Write a curve."""
    rows = [
        {
            **asdict(point),
            "drift": round(point.drift, 6),
            "bits": np.packbits(point.bits).tobytes().hex(),
        }
        for point in points
    ]
    lines = ",\n".join(json.dumps(row) for row in rows)
    path.write_text(
        f'{{"questions": {len(points[0].bits)}, "points": [\n{lines}\n]}}\n', encoding="utf-8"
    )


def read(path: Path) -> tuple[CurvePoint, ...]:
    """Return a curve.

    Raises:
        SelectionError: if the file is not there, cut short, or no curve.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_point(row, said["questions"]) for row in said["points"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise SelectionError(
            f"{path} holds no whole curve of a training: {problem}.",
            f"Give a file {SUFFIX} as adabench train writes it beside weights.",
        ) from problem


def _point(row: dict[str, Any], questions: int) -> CurvePoint:
    packed = np.frombuffer(bytes.fromhex(row["bits"]), np.uint8)
    if len(packed) != -(-questions // 8):
        raise ValueError(f"{8 * len(packed)} bits for {questions} questions")
    bits = np.unpackbits(packed, count=questions).astype(np.bool_)
    return CurvePoint(**{**row, "bits": bits})
