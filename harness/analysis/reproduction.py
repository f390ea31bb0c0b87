"""What to run so that a paper's claims are judged, by whatever name somebody knows the paper.

`reproduction("ets")` finds a paper by slug, arXiv number or words of its title, a task, a method or one
claim, and what is claimed there. What runs are the commands of the paper's entry, each a run of its own;
where it names none they follow from the claims (`claims/command.py`), and are parts of one run.
"""

import argparse
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adabench.harness.analysis.claims.command import commands
from adabench.harness.analysis.claims.evidence import Evidence
from adabench.harness.contract import registry
from adabench.harness.contract.card import OutOfReach
from adabench.harness.contract.claim import Claim
from adabench.harness.contract.earlier_options import in_todays_words
from adabench.harness.contract.papers import ARXIV, Paper, find_papers, papers
from adabench.harness.contract.record import Turn
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import SelectionError, nearest
from adabench.harness.plan.grid import plan
from adabench.harness.plan.request import PlanRequest, expand, seeds_or_own
from adabench.harness.run.run_request import RunRequest

OURS = ("own", "check")


@dataclass(frozen=True)
class Statement:
    """A claim, and the method in whose card it stands."""

    entry: Entry
    claim: Claim


@dataclass(frozen=True)
class Part:
    """One command: methods at the settings that claims need."""

    select: tuple[str, ...]
    options: tuple[str, ...]
    """The words after the methods."""

    @property
    def line(self) -> str:
        """The command."""
        return shlex.join(["adabench", "run", *self.select, *self.options])


@dataclass(frozen=True)
class Run:
    """Parts that are run together: a claim may need cells of several."""

    parts: tuple[Part, ...]

    def turns(self, seeds: str = "", *, counts: bool = False) -> tuple[Turn, ...]:
        """Return what is run, by default at the seeds that its parts name; `counts` measures no time.

        Raises:
            SelectionError: for seeds that make no sense.
        """
        options = [_options(part) for part in self.parts]
        plans = [
            PlanRequest(p.select, tuple(o.fixed), tuple(o.swept), not o.no_sweep, o.alone)
            for p, o in zip(self.parts, options, strict=True)
        ]
        chosen = seeds_or_own(seeds or options[0].seeds)
        scale = options[0].scale
        return plan(expand(plans), seeds=chosen, repeats=1, scale=scale, counts=counts)

    def request(self, seeds: str = "", *, counts: bool = False) -> RunRequest:
        """Return what its manifest says was wanted: the methods, the seeds, the scale."""
        names = tuple(dict.fromkeys(name for part in self.parts for name in part.select))
        first = _options(self.parts[0])
        chosen = seeds or first.seeds
        return RunRequest(names, seeds=chosen, scale=first.scale, alone=True, counts=counts)


@dataclass(frozen=True)
class Reproduction:
    """A paper, a task, a method or a claim: what is said, and the runs that judge it."""

    name: str
    title: str
    statements: tuple[Statement, ...]
    runs: tuple[Run, ...]
    paper: Paper | None = None

    def holds(self, address: str, claim_id: str) -> bool:
        """Say whether a claim is one of its own."""
        return any((s.entry.address, s.claim.id) == (address, claim_id) for s in self.statements)


def reproduction(words: str) -> Reproduction:
    """Return what to run for a paper, a task, a method or a claim.

    Raises:
        SelectionError: for a name that nothing has, that several have, or that claims nothing.
    """
    name = words.strip()
    for find in (_by_paper, _by_claim, _by_method, _by_task, _by_title):
        found = find(name)
        if found is not None:
            return _checked(found)
    raise SelectionError(
        f"No paper, task, method or claim is called {name!r}.",
        f"{nearest(name, _names())} `adabench list` has what there is.",
    )


def _checked(found: Reproduction) -> Reproduction:
    """Refuse what claims nothing, or nothing that can be run here."""
    if not found.statements:
        raise SelectionError(
            f"{found.name} makes no published claim.", f"`adabench show {found.name}` has its card."
        )
    if not found.runs:
        reason = getattr(found.statements[0].claim.expect, "reason", "")
        raise SelectionError(f"Nothing that {found.name} claims can be tested here.", reason)
    return found


def _by_paper(name: str) -> Reproduction | None:
    paper = papers().get(name.lower())
    if paper or not ARXIV.search(name):
        return _of_paper(paper) if paper else None
    found = find_papers(name)
    if not found:
        raise SelectionError(
            f"No paper here has the arXiv number {name}.",
            "docs/papers/README.md has those that are.",
        )
    return _of_paper(found[0])


def _by_title(name: str) -> Reproduction | None:
    fitting = find_papers(name)
    if len(fitting) > 1:
        slugs = ", ".join(paper.slug for paper in fitting[:5])
        raise SelectionError(f"{name!r} stands in several titles.", f"Say one of: {slugs}.")
    return _of_paper(fitting[0]) if fitting else None


def _of_paper(paper: Paper) -> Reproduction:
    entries = [entry for entry in _methods() if entry.card.slug == paper.slug]
    if not entries:
        raise SelectionError(
            f"None of the methods of {paper.slug} is in this version of adabench.",
            "docs/papers/README.md has the papers that are.",
        )
    statements = _statements(entries)
    written = tuple(Run((_part(line),)) for line in paper.commands)
    return Reproduction(paper.slug, paper.title, statements, written or runs_of(statements), paper)


def _by_claim(name: str) -> Reproduction | None:
    for own in _statements(_methods(), published=False):
        if own.claim.id.lower() == name.lower():
            return Reproduction(own.claim.id, own.claim.says, (own,), runs_of((own,)))
    return None


def _by_method(name: str) -> Reproduction | None:
    fitting = [entry for entry in _methods() if name in (entry.address, entry.name)]
    if not fitting:
        return None
    if len(fitting) > 1:
        addresses = [entry.address for entry in fitting]
        raise SelectionError(
            f"Several methods are called {name}.", f"Say one of: {', '.join(addresses[:5])}."
        )
    return _of_entries(fitting[0].address, fitting[0].card.title, fitting)


def _by_task(name: str) -> Reproduction | None:
    entry = registry.tasks().get(name)
    if entry is None:
        return None
    return _of_entries(name, entry.card.title, registry.methods(name).values())


def _of_entries(name: str, title: str, entries: Iterable[Entry]) -> Reproduction:
    statements = _statements(entries)
    return Reproduction(name, title, statements, runs_of(statements))


def _methods() -> list[Entry]:
    return [entry for task in registry.tasks() for entry in registry.methods(task).values()]


def _statements(entries: Iterable[Entry], *, published: bool = True) -> tuple[Statement, ...]:
    """Return what methods claim, by default only what their papers do."""
    return tuple(
        Statement(entry, claim)
        for entry in entries
        for claim in entry.card.claims
        if not published or claim.source not in OURS
    )


def _names() -> list[str]:
    ids = [own.claim.id for own in _statements(_methods(), published=False)]
    return [*papers(), *registry.tasks(), *(entry.address for entry in _methods()), *ids]


def runs_of(statements: Sequence[Statement]) -> tuple[Run, ...]:
    """Return the runs that claims need: one for each set of seeds and scale."""
    together: dict[tuple[str, ...], dict[str, None]] = {}
    for own in statements:
        if not _is_testable(own):
            continue
        for part in map(_part, _commands(own)):
            names = together.setdefault(part.options, {})
            names |= dict.fromkeys(part.select)
    runs: dict[tuple[str, str], list[Part]] = {}
    for words, names in together.items():
        part = Part(tuple(names), words)
        options = _options(part)
        runs.setdefault((options.seeds, options.scale), []).append(part)
    return tuple(Run(tuple(parts)) for parts in runs.values())


def _is_testable(own: Statement) -> bool:
    """Say whether some run here can decide a claim."""
    task = registry.find(own.entry.task).card
    return not isinstance(own.claim.expect, OutOfReach) and own.claim.scale in task.scales


def _commands(own: Statement) -> tuple[str, ...]:
    """Return the commands whose run can decide a claim."""
    task = own.entry.task
    cards = {entry.name: entry.card for entry in registry.methods(task).values()}
    evidence = Evidence(task, registry.find(task).card, cards, [])
    return commands(own.claim, own.entry.name, evidence)


def _part(line: str) -> Part:
    """Take a command apart: the methods stand before the first option."""
    _, _, *words = shlex.split(line)
    first = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    return Part(tuple(words[:first]), tuple(in_todays_words("run", words[first:])))


def _options(part: Part) -> argparse.Namespace:
    """Read the options that commands of claims have."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("--set", dest="fixed", action="append", default=[])
    parser.add_argument("--sweep", dest="swept", action="append", default=[])
    parser.add_argument("--no-sweep", action="store_true")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--seeds", default=RunRequest.seeds)
    parser.add_argument("--scale", default=RunRequest.scale)
    return parser.parse_args(part.options)
