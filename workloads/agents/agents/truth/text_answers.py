"""Questions in English, and who grades what a text model answers to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adabench.workloads.agents.substrate.action_words import MINUS, PLUS
from adabench.workloads.agents.substrate.serving.article_world import (
    KINDS,
    NUMBER_NAMES,
    RELATION_NAMES,
    name_of,
)
from adabench.workloads.agents.substrate.serving.text_script import read_answer
from adabench.workloads.agents.truth.problems import Problem
from adabench.workloads.shared.sources.codec_source import open_codec
from adabench.workloads.shared.sources.model_spec import ModelSpec


def question_text(problem: Problem) -> str:
    """Return a question in English."""
    parts, sums = [], [_operation(sign, number) for sign, number in problem.operations]
    if isinstance(problem.start, int):
        parts.append(f"Start with {problem.start}.")
    else:
        takes = [f"the {RELATION_NAMES[relation]}" for relation in problem.relations]
        if problem.attribute is not None:
            takes.append(f"the {NUMBER_NAMES[problem.attribute]}")
        parts.append(f"Start at {name_of(problem.start)}. Take {', then '.join(takes)}.")
    if sums:
        parts.append(f"{', then '.join(sums).capitalize()}.")
    if problem.attribute is None and not isinstance(problem.start, int):
        kind = KINDS[problem.world.kind(problem.trail[-1])]
        parts.append(f"Who results? It is a {kind}.")
    else:
        parts.append("Work modulo 10. Which digit results?")
    return " ".join(parts)


def answer_text(problem: Problem) -> str:
    """Return the right answer as it is read."""
    if problem.attribute is None and not isinstance(problem.start, int):
        return name_of(problem.trail[-1]).lower()
    return str(problem.values[-1])


@dataclass(frozen=True)
class TextAnswers:
    """The grader: it knows the problems, and reads completions with the model's codec."""

    problems: tuple[Problem, ...]
    spec: ModelSpec

    def judge(self, index: int, completion: Sequence[int]) -> Mapping[str, float]:
        """Return whether it is right, declares failure or answers nothing."""
        answer = read_answer(open_codec(self.spec).decode(completion))
        return {
            "accuracy": float(answer == answer_text(self.problems[index])),
            "declared": float(answer == "fail"),
            "malformed": float(answer is None),
        }


def _operation(sign: int, number: int) -> str:
    if sign == PLUS:
        return f"add {number}"
    return f"subtract {number}" if sign == MINUS else f"multiply by {number}"
