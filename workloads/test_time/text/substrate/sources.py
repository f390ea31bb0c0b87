"""Where the model, the judge, the draft and the questions come from, as they were named."""

from collections.abc import Sequence
from dataclasses import dataclass

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.sources.codec_source import context_of
from adabench.workloads.shared.sources.data_spec import DataSpec, data_spec
from adabench.workloads.shared.sources.judge_spec import JudgeSpec, check_pair, judge_spec
from adabench.workloads.shared.sources.model_spec import ModelSpec, draft_spec, model_spec
from adabench.workloads.test_time.text.substrate.named_codec import named_codec

AUTO = "auto"
"""The device or the number format that the model, or its server, would take by itself."""
LEAST_ROOM = 16
"""Words that must be left for a completion."""


@dataclass(frozen=True)
class Sources:
    """Where everything comes from, as it was named."""

    model: ModelSpec
    judge: JudgeSpec
    draft: ModelSpec | None
    """None: the model itself, without some of its layers."""
    data: DataSpec
    device: str | None
    dtype: str | None

    @classmethod
    def read(
        cls, model: str, judge: str, draft: str, data: str, device: str, dtype: str
    ) -> "Sources":
        """Read the words of conditions.

        Raises:
            SelectionError: if one names nothing, or two do not go together.
        """
        policy, scorer = model_spec(model), judge_spec(judge)
        if policy.kind in ("likelihood", "trained"):
            raise SelectionError(
                f"{model} judges, and writes nothing.", f"Ask for --judge {model}."
            )
        check_pair(policy, scorer)
        drafting = draft_spec(draft)
        if drafting is not None and policy.is_served:
            raise SelectionError(
                f"{policy} takes no draft: its words cannot be handed over to another model.",
                "Leave out --draft, or name a model of this machine (hf:NAME).",
            )
        place = (None if word == AUTO else word for word in (device, dtype))
        return cls(policy, scorer, drafting, data_spec(data), *place)


def check_draft(sources: Sources, draft: ModelSpec) -> None:
    """Refuse a draft that cannot be opened, or to which the target's words are others.

    Raises:
        SelectionError: if it cannot draft for the model.
        EnvironmentProblem: if a package, a device or a network is missing.
    """
    if draft.kind != "builtin":
        from adabench.workloads.shared.sources.model_source import check_model

        check_model(draft, sources.device, sources.dtype)
    if named_codec(draft).vocabulary != named_codec(sources.model).vocabulary:
        raise SelectionError(
            f"{draft} cannot draft for {sources.model}: their tokenizers have other words.",
            "Name a model of the same family, or leave out --draft.",
        )


def check_context(model: ModelSpec, questions: Sequence[Question]) -> None:
    """Refuse questions that a model cannot read, and leave it a step's room.

    Raises:
        SelectionError: naming the longest one.
    """
    context = None if model.kind == "builtin" else context_of(model)
    longest = max(questions, key=lambda question: len(question.prompt))
    if context is not None and len(longest.prompt) + LEAST_ROOM > context:
        raise SelectionError(
            f"Question {longest.index} has {len(longest.prompt)} words with its worked examples, and "
            f"{model} reads {context} in all.",
            "Choose a model with a longer context, or shorter questions.",
        )
