"""The task object: a desk at which programs are evaluated, and the count of all that they cost.

    def solve(task, case, point):
        return task.search(case, climb)                 # climb(desk) proposes policies until the tries are spent

A *try* is one move of a walk (`walk_kernel.py`). A search has so many tries, whoever searches; each evaluation walks
over the sites of its problem with the same seeds, in stages, and a stage that is too bad ends it: what was not walked
counts as if it had come to nothing. A program that fails is booked `FAILURE_TRIES`, so that nobody proposes for ever.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from adabench.harness.errors import MethodContractError
from adabench.workloads.algorithms.discovery.substrate.sites import (
    PROBLEMS,
    Problem,
    Site,
    problem_at,
    walk_at,
)
from adabench.workloads.algorithms.discovery.substrate.walk_policy import Policy, parse
from adabench.workloads.shared.counting.answer_ledger import Wording
from adabench.workloads.shared.counting.counted_task import CountedTask, Run
from adabench.workloads.shared.counting.random_streams import child
from adabench.workloads.shared.language_model.backends.openai_protocol import (
    Completions,
    ServerProblem,
)
from adabench.workloads.shared.programs.confined_python import run_closed
from adabench.workloads.shared.sources.model_spec import model_spec

COINS, SEARCH, HELD_OUT = range(3)
"""Purposes of random streams."""
FAILURE_TRIES = 100_000
MARGIN = 0.05
"""Of a stage's mean cost: by what part a policy may be behind another and still go on to the next stage."""
PROGRAM_INSTRUCTIONS = 2_000_000
LONGEST_ANSWER, ANSWER_TOKENS, SILENCES, ANSWER_S = 40_000, 2_000, 3, 60.0
"""Signs of an answer that are read; tokens asked for; answers in a row that may not come; how long one may take."""
TEMPERATURE, TOP_P = 0.7, 0.95
WORDING = Wording(
    "search",
    foreign="The answer is not what the task's own search of this case found.",
    twice="It searches a case more than once and answers with one.",
)


@dataclass(frozen=True)
class Case:
    """A search: a problem and the seed of its walks; or a published construction."""

    problem: str
    group: str
    instance: float
    seed: int = 0
    effort: float = 1.0
    model: str = "none"


class World(NamedTuple):
    """A case, and of a published construction what is said of it."""

    case: Case
    said: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Found:
    """What a search came to."""

    instance: float
    policy: str = ""
    """The best one, as text."""
    cost: float = 0.0
    """What its walks cost on the mean, in the search."""
    said: Mapping[str, Any] | None = None
    """A construction, and what it is said to be."""


@dataclass(frozen=True)
class Evaluation:
    """What the walks of a policy cost on the mean, stage by stage; lower is better."""

    policy: Policy
    cost: float
    stages: tuple[float, ...]
    """Those that were walked."""
    is_whole: bool

    @property
    def limits(self) -> tuple[float, ...]:
        """Return what each stage of another policy may cost at the most, so that it goes on to the next."""
        return tuple(stage * (1 + MARGIN) for stage in self.stages)


Strategy = Callable[["Desk"], None]
Order = Strategy | None
"""How policies are proposed; None answers with what is known."""


class Desk:
    """One search: policies are evaluated here until its tries are spent."""

    def __init__(self, case: Case) -> None:
        self.problem: Problem = problem_at(case.problem, case.effort)
        self.seed_policy = parse(self.problem.seed)
        self.coins = np.random.default_rng(child(case.seed, COINS))
        self.left = self.problem.tries
        self.counts: Counter[str] = Counter()
        self.best: Evaluation | None = None
        self._stages = _stages(self.problem, case.seed, SEARCH)
        self._spec = None if case.model == "none" else model_spec(case.model)
        self._server = (
            Completions(self._spec.url, retries=1, timeout_s=ANSWER_S) if self._spec else None
        )
        self._silent = 0

    @property
    def is_open(self) -> bool:
        """Say whether there are tries left."""
        return self.left > 0

    @property
    def has_model(self) -> bool:
        """Say whether a language model was named, to propose programs."""
        return self._server is not None

    def evaluate(self, policy: Policy, limits: Sequence[float] = ()) -> Evaluation | None:
        """Walk with a policy, stage by stage while each keeps to its limit; None if the tries ran out in it."""
        costs: list[float] = []
        means: list[float] = []
        for number, stage in enumerate(self._stages):
            if number and number <= len(limits) and means[-1] > limits[number - 1]:
                break
            for site, seed in stage:
                if self.left <= 0:
                    self.counts["cut_off"] += 1
                    return None
                done = walk_at(site, policy, seed, min(site.cap, self.left))
                self._spend(done.tries)
                costs.append(done.cost)
            means.append(float(np.mean(costs[-len(stage) :])))
        rest = [site.worst for stage in self._stages[len(means) :] for site, _ in stage]
        found = Evaluation(policy, float(np.mean(costs + rest)), tuple(means), not rest)
        self.counts["evaluations"] += 1
        self.counts["whole_evaluations"] += found.is_whole
        if self.best is None or found.cost < self.best.cost:
            self.best = found
        return found

    def fail(self) -> None:
        """Book a program that came to nothing."""
        self.counts["failures"] += 1
        self._spend(min(FAILURE_TRIES, self.left))

    def ask(self, prompt: str) -> str:
        """Return what the model that was named answers; counted, with its tokens.

        Raises:
            MethodContractError: if the answer is too long, or the server does not give one; it may be asked again.
            ServerProblem: if it gave none for the third time in a row.
        """
        if self._spec is None or self._server is None:
            raise MethodContractError("No model was named.", "Say --model openai:URL#NAME.")
        body: dict[str, Any] = {
            "model": self._spec.name, "max_tokens": ANSWER_TOKENS, "temperature": TEMPERATURE, "top_p": TOP_P,
        }  # fmt: skip
        self.counts["requests"] += 1
        try:
            if self._spec.kind == "chat":
                talk = self._server.talk(body | {"messages": [{"role": "user", "content": prompt}]})
                text, read, wrote = talk.content, talk.prompt, talk.generated
            else:
                answer = self._server.ask(body | {"prompt": prompt})
                text, read, wrote = (
                    str(answer.choices[0].get("text") or ""),
                    answer.prompt or 0,
                    answer.generated,
                )
        except (ServerProblem, IndexError) as problem:
            self._silent += 1
            if self._silent >= SILENCES and isinstance(problem, ServerProblem):
                raise
            raise MethodContractError(f"The model gave no answer: {problem}") from None
        self._silent = 0
        self.counts["prompt_tokens"] += read
        self.counts["generated_tokens"] += wrote
        if len(text) > LONGEST_ANSWER:
            raise MethodContractError(
                f"The answer has {len(text):,} characters; at most {LONGEST_ANSWER:,} are read."
            )
        return text

    def run(self, program: str) -> Policy:
        """Run a program in a process that is closed in, and read the policy that it prints.

        Raises:
            MethodContractError: if it does not end, or prints no policy.
        """
        self.counts["programs"] += 1
        said, in_time = run_closed(program, PROGRAM_INSTRUCTIONS)
        if not in_time:
            raise MethodContractError(
                "The program took more than its share of instructions or time."
            )
        try:
            return parse(said)
        except MethodContractError as refusal:
            raise MethodContractError(f"{refusal.message} It printed {said[:200]!r}.") from None

    def _spend(self, tries: int) -> None:
        self.left -= tries
        self.counts["tries"] += tries


def _stages(problem: Problem, seed: int, purpose: int) -> list[list[tuple[Site, int]]]:
    """Return walks in stages: of each site a third and then the rest, of the first of several all at once."""
    stages = []
    for number, site in enumerate(problem.sites):
        seeds = walk_seeds(seed, purpose, site, site.walks)
        cut = max(1, site.walks // 3) if number or len(problem.sites) == 1 else site.walks
        parts = (seeds[:cut], seeds[cut:])
        stages += [[(site, one) for one in part] for part in parts if part]
    return stages


def walk_seeds(seed: int, purpose: int, site: Site, walks: int) -> list[int]:
    """Return the seeds of walks over a site."""
    drawn = child(seed, purpose, site.name).generate_state(walks, np.uint32)
    return [int(one) for one in drawn]


class Discovery(CountedTask[Case, World, Order, Found, Found, Found]):
    """The task: searches, and published constructions. An outcome is what was found."""

    wording = WORDING

    @staticmethod
    def case_of(world: World) -> Case:
        """Return the case."""
        return world.case

    @staticmethod
    def run_in(world: World, order: Order, *, listened: bool) -> Run[Found, Found]:
        """Let a strategy search, or answer with what is known."""
        case = world.case
        if order is None:
            answer = Found(case.instance, said=world.said)
            return Run(answer, replace(answer), {"tries": 0.0, "lookups": 1.0})
        desk = Desk(case)
        order(desk)
        if desk.best is None:
            raise MethodContractError("It evaluated no policy.", "Call `desk.evaluate(policy)`.")
        answer = Found(case.instance, str(desk.best.policy), desk.best.cost)
        counts = {name: float(count) for name, count in desk.counts.items()}
        return Run(answer, replace(answer), counts, desk.counts)

    @staticmethod
    def revealed(world: World, *, oracle: bool) -> World:
        """Return the case; to an oracle with what is known of it."""
        return world if oracle else World(world.case)

    def warm(self) -> None:
        """Load the kernel."""
        walk_at(problem_at("walk", 1.0).sites[0], parse(PROBLEMS["walk"].seed), 0, 1)

    @property
    def laps_differ(self) -> bool:
        """Return whether a model proposes, which need not say the same twice."""
        return any(case.model != "none" for case in self.known)

    starts_cold = True
    """A search is long: an unmeasured one before it would double every run."""
    ends_by_itself = True

    def search(self, case: Case, strategy: Strategy) -> Found:
        """Let a strategy search a case at a desk, and count.

        Raises:
            MethodContractError: if it evaluates nothing, or the case is a published construction.
        """
        if case.problem not in PROBLEMS:
            raise MethodContractError(
                f"{case.group} is a published construction: there is nothing to search.",
                "Leave out constructions=, or run discovery/published.",
            )
        return self.count(case, strategy)

    def known_best(self, case: Case) -> Found:
        """Return what is known of a case: for oracles."""
        return self.count(case, None)
