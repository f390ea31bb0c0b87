"""What engines have in common that hold no sequence: a server, a chat, a bank. They show no state and no cache."""

from collections.abc import Sequence

from adabench.workloads.shared.language_model.contract import (
    CacheSize,
    Capability,
    Floats,
    Seq,
    require,
)


class StatelessEngine:
    """Refuses by name what needs a sequence that is held here."""

    name: str
    caps: frozenset[Capability]

    def score(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> list[list[float]]:
        """Refuse to score, unless an engine can.

        Raises:
            CapabilityMissing: always.
        """
        require(self, "score")
        raise AssertionError

    def hidden(self, seq: Seq, start: int) -> Floats:
        """Refuse to show states.

        Raises:
            CapabilityMissing: always.
        """
        require(self, "hidden")
        raise AssertionError

    def close(self, seq: Seq) -> None:
        """Let go of a sequence; nothing is held for it."""

    def held(self) -> CacheSize:
        """Refuse to show a cache.

        Raises:
            CapabilityMissing: always.
        """
        require(self, "held")
        raise AssertionError
