"""Conformance: what every task and method must hold to, built-in or third-party.

    with ConformanceCheck() as checks:
        findings = list(checks.check("paging/lru"))

`adabench check` and `tests/test_conformance.py` both do that. What a card and a file say is read
here; a method is imported and run in a process of its own (`trial_rules.py`), as in a run, on few
small cases (`CHECK_CONDITIONS` of its `task.py`) and on some of its default ones, so a newcomer's
method is tested without the newcomer writing a test. A task may add rules of its own with
`check(method, card)` in its `task.py`, one sentence per broken rule.
"""

import hashlib
import itertools
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from adabench.harness.contract import claim_rivals, permuted_control, registry, source_files
from adabench.harness.contract.card import Card, Gap, Monotone, OutOfReach, Point, Testable
from adabench.harness.contract.claim import faults_together, shared_ids
from adabench.harness.contract.expectations import metric_names, rival_names
from adabench.harness.contract.papers import faults, papers
from adabench.harness.contract.registry import Entry
from adabench.harness.errors import AdabenchError, EnvironmentProblem, MethodContractError
from adabench.harness.run.block import LoadedBlock
from adabench.harness.run.guards import gate_figures
from adabench.harness.run.guards.method_source import source_problems
from adabench.harness.run.guards.truth_guard import truth_modules
from adabench.harness.run.method_handle import ServerHandle
from adabench.harness.run.record_values import TIMED
from adabench.harness.run.trial_rules import CASES, MOST_S, MethodTrials

STATICS = 3


@dataclass(frozen=True)
class Finding:
    """One rule, kept or broken; `problem` is empty when it is kept."""

    address: str
    rule: str
    problem: str = ""
    skipped: bool = False


Rule = tuple[str, Callable[[], Iterator[str]]]


@dataclass
class ConformanceCheck:
    """Rules, and the processes in which methods are tried; servers are shared by a task's methods."""

    most_s: float | None = MOST_S
    """So long cases of the default conditions are tried, at least one; None leaves that rule out."""
    catalogue: bool = True
    """Whether the ids of a card's claims are held against the cards of all other tasks too."""
    servers: dict[str, ServerHandle] = field(default_factory=dict)
    blocks: dict[str, LoadedBlock] = field(default_factory=dict)
    counts: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    """By address what a method's small cases counted and scored, once it was checked."""

    def check(self, address: str) -> Iterator[Finding]:
        """Check one task (`paging`) or method (`paging/lru`)."""
        entry = registry.find(address)
        with ExitStack() as opened:
            rules = self._method_rules(entry, opened) if "/" in address else _task_rules(entry)
            for rule, run in rules:
                findings = list(try_rule(address, rule, run))
                yield from findings
                if findings[0].skipped or (findings[0].problem and rule in ("card", "loads")):
                    return

    def _method_rules(self, entry: Entry, opened: ExitStack) -> list[Rule]:
        servers = self._servers_of(entry.task)
        trials = MethodTrials(entry, servers, self.blocks, self.most_s or 0.0)
        opened.callback(trials.close)
        opened.callback(lambda: self.counts.update({entry.address: trials.counts}))
        rules: list[Rule] = [
            ("card", lambda: _readable(entry)),
            ("source", lambda: source_problems(entry)),
            ("loads", trials.loads),
            ("card is complete", lambda: _complete(entry, catalogue=self.catalogue)),
            ("claims", lambda: _claims_resolve(entry)),
            ("contract", trials.contract),
            ("order", trials.order),
        ]
        if entry.card.slug in papers():
            rules.append(("paper", lambda: faults(papers()[entry.card.slug])))
        if entry.card.signal:
            rules.append(("signal", trials.signal))
        if self.most_s is not None:
            rules.append(("as in a run", trials.as_in_a_run))
        if hasattr(registry.load(registry.find(entry.task)), "check"):
            rules.append((f"{entry.task} rules", trials.own_rules))
        return rules

    def _servers_of(self, task: str) -> dict[str, ServerHandle]:
        """Return the servers; those of other tasks are ended, for each holds libraries."""
        for other in self.servers.keys() - {task}:
            self.servers.pop(other).close()
        return self.servers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        for server in self.servers.values():
            server.close()
        self.servers.clear()


def try_rule(address: str, rule: str, run: Callable[[], Iterator[str]]) -> Iterator[Finding]:
    """Yield what is wrong by one rule, or that nothing is."""
    try:
        problems = list(run())
    except EnvironmentProblem as missing:  # an extra, a device, weights that are not here
        yield Finding(address, rule, missing.message, skipped=True)
        return
    except AdabenchError as broken:
        problems = [f"{broken.message} {broken.hint}".strip()]
    except (Exception, SystemExit) as broken:
        problems = [f"it raised {type(broken).__name__}: {broken}"]
    yield from (Finding(address, rule, problem) for problem in problems or [""])


def _task_rules(entry: Entry) -> list[Rule]:
    return [
        ("card", lambda: _loads(entry)),
        ("layout", lambda: _layout(entry)),
        ("metrics", lambda: _one_plot(entry.card)),
        ("baselines", lambda: _baselines(entry)),
        ("gaps", lambda: _gaps(entry)),
        ("gates", lambda: gate_figures.problems(entry)),
        ("cases", lambda: _stable_cases(entry)),
        ("substrate", lambda: _substrate(entry)),
    ]


def _readable(entry: Entry) -> Iterator[str]:
    """See to the card without importing the method."""
    registry.check_readable(entry)
    yield from ()


def _substrate(entry: Entry) -> Iterator[str]:
    """What methods get travels, refers to no truth and knows no case."""
    task = _small_task(entry, seed=0)
    data = pickle.dumps(task.substrate(), protocol=5)
    for name in sorted(truth_modules(data)):
        yield f"what it gives to methods refers to {name}, which only the scorer may know"
    if not hasattr(pickle.loads(data), "meter"):
        yield "what it gives to methods has no meter"


def _loads(entry: Entry) -> Iterator[str]:
    if not callable(getattr(registry.load(entry), "load", None)):
        yield "it has no function load"


def _layout(entry: Entry) -> Iterator[str]:
    """A plug-in arranges its files as it likes."""
    if entry.module.startswith(f"{source_files.PACKAGE}."):
        yield from layout_problems(entry.path.parent)


def layout_problems(home: Path) -> Iterator[str]:
    """Say which files of a task's folder are methods by their place or their card, but not both."""
    methods = source_files.method_files(home)
    for path in methods:
        if not _has_card(path):
            yield (
                f"{path.relative_to(home)} has no CARD, and what stands directly in methods/ is a "
                "method. Give it a card, or move it to substrate/, or into the folder of the one "
                "method that needs it"
            )
    for folder in sorted(path for path in home.glob("methods/*/") if any(path.glob("*.py"))):
        if folder / f"{folder.name}.py" not in methods:
            yield (
                f"{folder.relative_to(home)} has no {folder.name}.py: a folder in methods/ is "
                "a method with parts, and its card stands in the file of its name"
            )
    for path in sorted({*home.rglob("*.py")} - {*methods, home / "task.py"}):
        if _has_card(path):
            yield (
                f"{path.relative_to(home)} has a CARD and is not found there. Move it to "
                f"methods/{path.name}, or take its card away"
            )


def _has_card(path: Path) -> bool:
    """Tell whether a file has a card, be it one that cannot be read."""
    try:
        return registry.read_card(path) is not None
    except MethodContractError:
        return True


def _one_plot(card: Card) -> Iterator[str]:
    for role in ("quality", "work"):
        primary = [metric for metric in card.metrics if metric.role == role and metric.primary]
        if len(primary) != 1:
            yield f"it needs exactly one primary {role} metric and has {len(primary)}"
    known = {metric.name for metric in card.metrics}
    for field_name, names in (("allocation", card.allocation), ("comparison", card.comparison)):
        for name in names:
            if name not in known and not name.endswith(TIMED):
                yield f"its {field_name} names {name!r}, which is no metric of it"
    if card.budget and card.knob(card.budget) is None:
        yield f"its budget {card.budget!r} is not one of its conditions"


def _baselines(entry: Entry) -> Iterator[str]:
    cards = [method.card for method in registry.methods(entry.task).values()]
    budgets = entry.card.knob(entry.card.budget)
    settings = sum(_settings(card) for card in cards if card.role == "static")
    settings *= len(budgets.values) if budgets else 1
    if settings < STATICS:
        yield f"it needs at least {STATICS} static settings and has {settings}"
    roles = {card.role for card in cards}
    if "control" not in roles:
        yield "it has no control"
    if "oracle" not in roles and not entry.card.no_oracle:
        yield "it has no oracle, and its card does not say why (no_oracle)"


def _gaps(entry: Entry) -> Iterator[str]:
    """What a task's gaps name is there and has its role, and no adaptive method is without one."""
    cards = {method.name: method.card for method in registry.methods(entry.task).values()}
    for gap in entry.card.gaps:
        named: list[tuple[str, tuple[str, ...]]] = [(name, ("static",)) for name in gap.mixture]
        named += [(name, ("adaptive", "control")) for name in gap.methods]
        named += [(name, (role,)) for name, role in ((gap.oracle, "oracle"), (gap.coin, "control"))]
        for name, roles in named:
            if name and (name not in cards or cards[name].role not in roles):
                yield f"its gaps name {name!r}, which is no {' or '.join(roles)} method of it"
        yield from _control_problems(gap, cards)
        if gap.oracle in cards:
            for knob in gap.oracle_at.keys() - cards[gap.oracle].defaults.keys():
                yield f"its gaps name {knob!r}, which is no knob of {gap.oracle}"
    known = {name for gap in entry.card.gaps for name in gap.methods}
    for name, card in cards.items():
        if entry.card.gaps and card.role == "adaptive" and _is_builtin(entry, name, known):
            yield f"no gap names {name}: add it to a Gap in the card of {entry.task} (methods=)"
    metrics = {metric.name for metric in entry.card.metrics}
    if entry.card.speedup_work and entry.card.speedup_work not in metrics:
        yield f"its speedup_work {entry.card.speedup_work!r} is no metric of it"


def _control_problems(gap: Gap, cards: Mapping[str, Card]) -> Iterator[str]:
    """Say of which methods a control is the -1 of the gap and, by its card, no control."""
    for name in gap.methods:
        adapts = name in cards and cards[name].role == "adaptive"
        if adapts and gap.coin in cards and not cards[gap.coin].controls(name):
            yield f"its gaps measure {name} by {gap.coin}, which is no control of it (control_of=)"


def _is_builtin(entry: Entry, name: str, known: set[str]) -> bool:
    """Tell a method of our own that no gap names; a plug-in's follows what it skips from."""
    module = registry.find(f"{entry.task}/{name}").module
    return name not in known and module.startswith(f"{source_files.PACKAGE}.")


def _settings(card: Card) -> int:
    return 1 + sum(len(knob.values) - 1 for knob in card.knobs)


def _stable_cases(entry: Entry) -> Iterator[str]:
    first, second = (
        [_fingerprint(case) for case in _cases(_small_task(entry, seed=0))] for _ in range(2)
    )
    if not first:
        yield "it has no cases"
    if first != second:
        yield "loading it twice with one seed gives different cases"
    if first and first == [_fingerprint(case) for case in _cases(_small_task(entry, seed=1))]:
        yield "another seed gives the same cases"


def _complete(entry: Entry, *, catalogue: bool = True) -> Iterator[str]:
    card = entry.card
    if not card.title:
        yield "its card has no title"
    if card.role == "adaptive" and not (card.adapts and card.paper):
        yield "an adaptive method's card says what adapts (adapts=) and which paper it is (paper=)"
    if card.role == "oracle" and not card.oracle:
        yield "an oracle's card says oracle='exact' or oracle='bound'"
    names = [knob.name for knob in (*card.knobs, *registry.find(entry.task).card.knobs)]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the knob {name} is there twice (knobs and conditions share their names)"
    for knob in card.knobs:
        if knob.default not in knob.values:
            yield f"the default of {knob.name} is not in its sweep"
    tasks = card.tasks or (entry.task,)
    known = {one.name for task in tasks for one in registry.methods(task).values()}
    for name in sorted(set(card.control_of) - known):
        yield f"it is the control of {name!r}, which is no method of {' or '.join(tasks)}"
    if card.idle and card.role != "control":
        yield "it says that it does nothing (idle=), and it is no control"
    siblings = {one.name: one.card for one in registry.methods(entry.task).values()}
    yield from permuted_control.faults(entry.name, {**siblings, entry.name: card})
    own = registry.methods(entry.task)
    for name in (variant.name for variant in card.variants):
        if own[f"{entry.task}/{name}"].essay is None:
            yield f"its variant {name} is called as a method with a file of its own"
    yield from faults_together(card.claims)
    for claim_id, owners in claims_elsewhere(entry).items() if catalogue else ():
        yield f"the id {claim_id} is also that of a claim of {' and '.join(owners)}"


def claims_elsewhere(entry: Entry) -> dict[str, list[str]]:
    """Return the ids of a card's claims that other cards of the catalogue use too."""
    if not entry.card.claims:
        return {}
    everywhere = [one for task in registry.tasks() for one in registry.methods(task).values()]
    others = {
        one.address: one.card.claims
        for one in everywhere
        if (one.path, one.name) != (entry.path, entry.name)
    }
    found = shared_ids({entry.address: entry.card.claims, **others})
    return {
        claim_id: [name for name in names if name != entry.address]
        for claim_id, names in found.items()
        if entry.address in names
    }


def _claims_resolve(entry: Entry) -> Iterator[str]:
    task = registry.find(entry.task).card
    metrics = {metric.name for metric in task.metrics}
    methods = {method.name: method for method in registry.methods(entry.task).values()}
    cards = {name: method.card for name, method in methods.items()} | {entry.name: entry.card}
    for claim in entry.card.claims:
        expect = claim.expect
        yield from claim_rivals.faults(claim, entry.name, task, cards)
        if isinstance(expect, OutOfReach):
            continue
        yield from claim_rivals.faults_of_units(claim, entry.name, task, cards)
        for name in set(metric_names(expect)) - metrics:
            if not name.endswith(TIMED):
                yield f"{claim.id} speaks of a metric {name!r} that the task does not give"
        named = {*rival_names(expect), *(claim.apart_from or ())}
        for name in named - methods.keys():
            yield f"{claim.id} compares with {name!r}, which is no method of {entry.task}"
        rivals = [methods[name].card for name in named & methods.keys()]
        knobs = {knob.name for card in (task, entry.card, *rivals) for knob in card.knobs}
        for name in {*expect.where, *getattr(expect, "there", ()), *_swept(expect)} - knobs:
            yield f"{claim.id} names {name!r}, which is no knob or condition"


def _swept(expect: Testable) -> set[str]:
    return {expect.over} if isinstance(expect, Monotone) else set()


def _small_task(entry: Entry, seed: int, own: Point | None = None) -> Any:
    """Load a task under its small conditions; `own` are those that a method is made for."""
    module: ModuleType = registry.load(entry)
    small = getattr(module, "CHECK_CONDITIONS", {})
    return module.load(
        entry.card.scales[0], seed, **{**entry.card.defaults, **small, **(own or {})}
    )


def _cases(task: Any) -> list[Any]:
    return list(itertools.islice(task.cases(), CASES))


def _fingerprint(case: Any) -> str:
    return hashlib.sha256(pickle.dumps(case)).hexdigest()
