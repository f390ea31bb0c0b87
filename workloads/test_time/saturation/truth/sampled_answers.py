"""What a language model really answers to questions of `chain`, sample by sample, and which is right.

Every completion is drawn by the model in a session and confirmed by the task's ledger before it
counts: numbers that somebody made up, from coins of a known p for instance, are refused there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.training.checkpoints import home, one_thread
from adabench.workloads.test_time.chain.task import load, practice
from adabench.workloads.test_time.substrate.question_task import GradedTask

PRACTICE, PRACTICE_SAMPLES, PRACTICE_SEED = 60, 32, 11
"""Questions of the dev split from which priors are fitted; their stream is no training's."""


@dataclass(frozen=True)
class SampledAnswers:
    """The samples of one question, in the order of their keys."""

    group: str
    stated: tuple[int, ...]
    """Equal numbers are equal answers; -1 where a completion is malformed."""
    right: tuple[bool, ...]
    words: tuple[int, ...]

    def part(self, start: int, stop: int) -> "SampledAnswers":
        """Return some of the samples."""
        cut = slice(start, stop)
        return SampledAnswers(self.group, self.stated[cut], self.right[cut], self.words[cut])


@dataclass(frozen=True)
class Source:
    """A policy on the questions of `chain`."""

    task: GradedTask

    def test(self, samples: int) -> list[SampledAnswers]:
        """Return the samples of each test question of the run's seed."""
        return sample_all(self.task, samples)

    def practice(self) -> list[SampledAnswers]:
        """Return samples of questions of the dev split, of no more of them than are tested."""
        count = min(PRACTICE, len(self.task.questions))
        return sample_all(practice(PRACTICE_SEED, self.task, count), PRACTICE_SAMPLES)

    @property
    def artefacts(self) -> dict[str, str]:
        """Return the checkpoint that is sampled: its name and file."""
        made = self.task.models
        policy = made.names[0]
        return {policy: str(home(policy, made.shipped) / f"{policy}.safetensors")}


@dataclass(frozen=True)
class Sampling:
    """All samples of a run's seed."""

    test: tuple[SampledAnswers, ...]
    practice: tuple[SampledAnswers, ...]
    artefacts: dict[str, str]


@lru_cache(maxsize=4)
def sampled(seed: int, samples: int, **conditions: str | int) -> Sampling:
    """Return the samples of a seed under conditions of `chain`, for every `unit` the same.

    Raises:
        SelectionError: if there is no such policy, or there are no such questions.
        EnvironmentProblem: if it was not trained yet.
    """
    found = source(seed, **conditions)
    return Sampling(tuple(found.test(samples)), tuple(found.practice()), found.artefacts)


def source(seed: int, **conditions: str | int) -> Source:
    """Return what is sampled under conditions of `chain`.

    Raises:
        SelectionError: if there is no such policy, or there are no such questions.
        EnvironmentProblem: if it was not trained yet.
    """
    load_chain: Callable[..., GradedTask] = load
    return Source(load_chain("embedded", seed, **conditions))


def sample_all(task: GradedTask, samples: int) -> list[SampledAnswers]:
    """Return so many samples of every question of a task.

    Raises:
        MethodContractError: for a completion that no engine drew.
    """
    with one_thread():
        return [sample(task, question, samples) for question in task.cases()]


def sample(task: GradedTask, question: Question, samples: int) -> SampledAnswers:
    """Return samples of one question; sample i has the key that it has for every method of `chain`.

    Raises:
        MethodContractError: for a completion that no engine drew.
    """
    task.meter.clear()
    with task.session(question) as session:
        leaves = session.fork(session.open(), samples)
        session.decode(leaves)
        completions = [leaf.completion for leaf in leaves]
        answers = [session.answer(one) for one in completions]
        session.offer(completions[0])
    return SampledAnswers(
        question.group,
        _numbered(answers),
        tuple(bool(task.score(question, one)["accuracy"]) for one in completions),
        tuple(map(len, completions)),
    )


def _numbered(answers: Sequence[object]) -> tuple[int, ...]:
    """Return answers as numbers in the order in which they were first stated."""
    known: dict[object, int] = {}
    return tuple(-1 if one is None else known.setdefault(one, len(known)) for one in answers)
