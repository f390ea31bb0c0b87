"""A fixture of pytest, found where adabench is installed: a test that fails on a regression.

def test_no_regression(adabench_gate):
    adabench_gate("runs/base", "runs/head")
    adabench_gate("paging/lru", rev="main..HEAD", margin=("latency_s=3%",), budget="5m")
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from adabench.harness.gate.session import GateOutcome

MOST_ROWS = 10


class Gate(Protocol):
    """Judges two run folders, or methods at two revisions."""

    def __call__(
        self,
        *places: object,
        margin: Iterable[str] = (),
        budget: str = "0",
        strict: bool = False,
        **request: Any,
    ) -> "GateOutcome":
        """Return what a gate found; `request` are further fields of a `GateRequest`, such as `rev`."""
        ...  # fmt: skip


@pytest.fixture
def adabench_gate() -> Gate:
    """Fail a test on a regression and on what is invalid; with `strict` on what is ambiguous too."""
    from adabench.harness.compare.margins import parse_margins
    from adabench.harness.gate.session import GateRequest, run_gate
    from adabench.harness.plan.quantities import seconds_or_zero

    def gate(
        *places: object, margin: Iterable[str] = (), budget: str = "0",
        strict: bool = False, **request: Any,
    ) -> "GateOutcome":  # fmt: skip
        words, margins = tuple(map(str, places)), parse_margins(list(margin))
        outcome = run_gate(
            GateRequest(words, margins=margins, budget_s=seconds_or_zero(budget), **request)
        )
        if outcome.code in (1, 3) or (strict and outcome.code):
            found = [row for row in outcome.rows if row.verdict not in ("same", "better")]
            lines = [f"{r.cell.address} {r.metric}: {r.verdict} {r.note}" for r in found]
            said = "\n".join(lines[:MOST_ROWS])
            pytest.fail(f"adabench gate ends with {outcome.code}:\n{said}", pytrace=False)
        return outcome

    return gate
