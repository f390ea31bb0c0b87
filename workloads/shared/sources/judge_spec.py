"""Who judges: the words that `--judge` takes, read and refused early.

likelihood                   how probable the policy finds what it wrote; needs no other model
trained                      a head on the policy's own states, which `adabench train` fits
hf:NAME or hf:FOLDER         a reward model of Hugging Face transformers
none                         nobody; methods that need a judge say so
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.shared.sources.model_spec import ModelSpec
from adabench.workloads.shared.sources.named_path import is_folder

Kind = Literal["likelihood", "trained", "hf", "none"]
PLAIN: tuple[Kind, ...] = ("likelihood", "trained", "none")
"""Specs of one word."""


@dataclass(frozen=True)
class JudgeSpec:
    """A judge as it was named."""

    kind: Kind
    name: str = ""
    """Of `hf`: a name on the hub, or a folder."""

    def __str__(self) -> str:
        """Return the words that it was read from."""
        return f"hf:{self.name}" if self.kind == "hf" else self.kind


def judge_spec(text: str) -> JudgeSpec:
    """Read the words that name a judge.

    Raises:
        SelectionError: if they follow no form that there is.
    """
    if text in PLAIN:
        return JudgeSpec(text)
    scheme, colon, rest = text.partition(":")
    if scheme == "hf" and rest:
        return JudgeSpec("hf", rest)
    if scheme in ("openai", "chat", "litellm") and colon:
        raise SelectionError(
            f"{text!r} cannot judge: a server shows no scores of a reward model.",
            "Choose likelihood, trained or hf:NAME.",
        )
    raise SelectionError(
        f"{text!r} names no judge: it is none of likelihood, trained, none or hf:NAME.",
        f"Write hf:{text}."
        if is_folder(Path(text).expanduser())
        else nearest(scheme, (*PLAIN, "hf")),
    )


def check_pair(policy: ModelSpec, judge: JudgeSpec) -> None:
    """Refuse a judge that cannot read what the policy writes.

    Raises:
        SelectionError: naming both.
    """
    if judge.kind == "trained" and policy.is_served:
        raise SelectionError(
            f"The judge `trained` reads the policy's states, and {policy} shows none.",
            "Choose likelihood or hf:NAME, which read the text.",
        )
