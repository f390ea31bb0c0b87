"""`adabench check`: the conformance rules of tasks and methods, rule by rule."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from adabench.cli.method_files import with_files
from adabench.cli.selection import AsJson, Select
from adabench.cli.terminal import talk, verdict_output
from adabench.harness.contract.catalogue import find_entries
from adabench.harness.errors import MethodContractError

if TYPE_CHECKING:
    from adabench.harness.contract.registry import Entry
    from adabench.harness.run.conformance import Finding

CLAIMS = "claims can fail"


def command(select: Select = None, as_json: AsJson = False) -> None:
    """Check that tasks and methods keep the contract; exit 4 if one does not."""
    from adabench.harness.run.conformance import ConformanceCheck

    findings: list[Finding] = []
    with ConformanceCheck() as checks:
        for entry in find_entries(with_files(select or ("*",))):
            talk(f"checking {entry.address}")
            own = [*checks.check(entry.address), *_claims_of(entry)]
            findings += own
            if not as_json:
                with verdict_output():
                    print("\n".join(map(_line, own)))
    if as_json:
        with verdict_output():
            print(json.dumps([asdict(finding) for finding in findings]))
    broken = [finding for finding in findings if finding.problem and not finding.skipped]
    if broken:
        names = ", ".join(sorted({finding.address for finding in broken}))
        raise MethodContractError(f"{len(broken)} rules are broken by {names}.")


def _claims_of(entry: "Entry") -> Iterator["Finding"]:
    """Try the claims of a method, on top of the rules that a run depends on."""
    from adabench.harness.analysis.claim_trials import ClaimTrials
    from adabench.harness.run.conformance import try_rule

    if entry.card.claims and "/" in entry.address:
        yield from try_rule(entry.address, CLAIMS, ClaimTrials(entry).problems)


def _line(finding: "Finding") -> str:
    word = "skipped" if finding.skipped else "BROKEN" if finding.problem else "ok"
    detail = f": {finding.problem}" if finding.problem else ""
    return f"{word:8} {finding.address}: {finding.rule}{detail}"
