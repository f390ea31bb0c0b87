"""What a paper's page says to run holds all that its published claims need: none is left "not run"."""

import itertools
import re
import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adabench.cli.main import app
from adabench.harness.analysis.analyse import settled_cards
from adabench.harness.analysis.claims import discrimination
from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.analysis.claims.verdicts import clustered, rule_of
from adabench.harness.analysis.load_run import find_cards, find_rivals
from adabench.harness.analysis.operating_points import collapse
from adabench.harness.analysis.reproduction import reproduction
from adabench.harness.contract import registry
from adabench.harness.contract.card import OutOfReach
from adabench.harness.contract.papers import papers
from adabench.harness.contract.record import Cell, Record, Turn
from adabench.harness.run import condition_check, run_request
from adabench.harness.store.table import from_records
from adabench.workloads.test_time.chain.substrate.lengths import read_lengths
from docs import result_pages

PAPERS = {slug: paper for slug, paper in papers().items() if paper.commands}
SLUGS = ("arbitrage", "compute-optimal", "radar", "scale", "ttspm")
SETS = ("hit k2", "majority k2", "hit k4", "majority k4")
CASES = 2


class Planned(Exception):
    """The run would begin now."""


def turns_of(command: str, monkeypatch: pytest.MonkeyPatch) -> list[Turn]:
    """What a command would run."""
    turns: list[Turn] = []

    def create(out: Path, planned: tuple[Turn, ...], *rest: object) -> None:
        turns.extend(planned)
        raise Planned

    monkeypatch.setattr(run_request, "create_run", create)
    monkeypatch.setattr(condition_check, "check_conditions", lambda turns, out=None: ())
    program, *words = shlex.split(command)
    assert program == "adabench"
    done = CliRunner().invoke(app, [*words, "--no-report"])
    assert isinstance(done.exception, Planned), done.output
    return turns


def groups_of(cell: Cell) -> Sequence[str]:
    """The groups of cases that a task has under a cell's conditions."""
    if cell.task == "chain":
        if cell.conditions["format"] == "splits":
            return [f"d{length}" for length in read_lengths(str(cell.conditions["lengths"]))]
        return [f"k{k}" for k in read_lengths(str(cell.conditions["large"]), "large", 0, 7)]
    if cell.task == "saturation":
        return SETS if cell.conditions["unit"] == "set" else ("graded", "agreement")
    if cell.task == "routing":
        return ("in", "out", "added")
    return groups_of_claims(cell.task)


@cache
def groups_of_claims(task: str) -> Sequence[str]:
    """The groups that claims of a task name."""
    claims = (claim for entry in registry.methods(task).values() for claim in entry.card.claims)
    named = {group for claim in claims for group in getattr(claim.expect, "groups", ())}
    return sorted(named) or [""]


@cache
def metrics_of(task: str) -> Sequence[str]:
    return [metric.name for metric in registry.find(task).card.metrics]


def plan_records(turns: Sequence[Turn]) -> Iterator[Record]:
    """Records of all that was planned, with a number for each metric."""
    for cell in {turn.cell.key: turn.cell for turn in turns}.values():
        names = metrics_of(cell.task)
        places = itertools.product(groups_of(cell), range(CASES))
        for case, (group, _) in enumerate(places):
            values = dict.fromkeys([*names, "latency_s"], 1.0 + case)
            yield Record(cell, "solve", case, 0, "ok", values, "", group)


def answered(turns: Sequence[Turn]) -> tuple[set[str], set[str]]:
    """The ids of claims that a run can judge, and of those that it is lacking something for."""
    table = from_records(plan_records(turns))
    dots = collapse(table)
    cells = [turn.cell for turn in turns]
    tasks, addresses = ({c.task for c in cells}, {c.address for c in cells})
    cards = find_rivals(tasks) | find_cards(addresses)
    settled, methods = settled_cards(dots, find_cards(tasks), cards)
    judged, lacking = set(), set()
    for address in addresses:
        task, _, method = address.rpartition("/")
        own = {n.rpartition("/")[2]: c for n, c in methods.items() if n.startswith(f"{task}/")}
        for claim in methods[address].claims:
            if not claim.published or isinstance(claim.expect, OutOfReach):
                continue
            near = [dot for dot in dots if dot.task == task]
            evidence = clustered(claim, method, Evidence(task, settled[task], own, near))
            verdict = rule_of(claim, method, evidence).verdict
            missing = verdict == "not run" or discrimination.unrun(claim, method, evidence)
            (lacking if missing else judged).add(claim.id)
    return judged, lacking


def published(slug: str) -> set[str]:
    """The ids of a paper's claims that a run of this machine can judge."""
    return {
        claim.id
        for task in registry.tasks()
        for method in registry.methods(task).values()
        if method.card.slug == slug
        for claim in method.card.claims
        if claim.published
        and claim.scale == "embedded"
        and not isinstance(claim.expect, OutOfReach)
    }


@pytest.mark.parametrize("slug", sorted(PAPERS))
def test_commands_of_a_paper_leave_no_published_claim_of_it_open(slug, monkeypatch) -> None:
    judged: set[str] = set()
    for command in PAPERS[slug].commands:
        judged |= answered(turns_of(command, monkeypatch))[0]
    wanted = published(slug)
    assert wanted
    assert wanted - judged == set()


def test_commands_put_claims_to_the_signal_permuted() -> None:
    lacking = []
    for slug, paper in PAPERS.items():
        for command in paper.commands:
            words = command.split()
            for address in (word for word in words if re.fullmatch(r"\w+/\w+", word)):
                card = registry.find(address).card
                own = card.slug == slug and card.claims and card.signal
                if own and f"{address}_permuted" not in words:
                    lacking.append((slug, address))
    assert not lacking


@pytest.mark.parametrize("slug", sorted(papers().keys() - PAPERS.keys()))
def test_runs_that_follow_from_claims_leave_none_of_a_paper_open(slug) -> None:
    judged: set[str] = set()
    for run in reproduction(slug).runs:
        judged |= answered(run.turns())[0]
    wanted = published(slug)
    assert wanted
    assert wanted - judged == set()


def test_a_command_that_lacks_a_rival_or_a_control_is_found_out(monkeypatch) -> None:
    (command,) = PAPERS["scale"].commands
    own = published("scale")
    for left_out, open_ in ((), set()), ("sys2", {"SC-2-uniform", "SC-3"}), ("scale_coins", own):
        fewer = command.replace(f" chain/{left_out} ", " ")
        judged, lacking = answered(turns_of(fewer, monkeypatch))
        assert (judged & own, lacking & own) == (own - open_, open_), left_out


def test_five_papers_of_search_and_routing_have_commands_and_their_pages_show_them() -> None:
    assert set(SLUGS) <= PAPERS.keys()
    for slug in SLUGS:
        page = result_pages.paper_page(slug, ())
        assert "## Run it yourself" in page
        for command in PAPERS[slug].commands:
            assert f"\n{command}\n" in page
