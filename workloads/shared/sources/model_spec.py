"""Which model: the words that `--model`, `--judge` and `--draft` take, read and refused early.

    builtin                              the task's own small models
    smollm2                              SmolLM2-135M-Instruct, from a Python package
    hf:NAME or hf:FOLDER                 a causal language model of Hugging Face transformers
    openai:URL#NAME                      a server of completions, and the model's name on it
    chat:URL#NAME                        a server that only talks: whole answers, no steps
    litellm:PROVIDER/NAME                a provider that litellm knows; it talks, as a chat server does
    thinned                              of drafts: the model itself, without some of its layers
    likelihood, trained                  judges that need no other model, or that `train` makes

Reading a spec loads nothing. Whether it names something that is there is checked where it is opened
(`model_source.py`); that it is no spec at all is said here.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.shared.sources.named_path import is_folder

Kind = Literal["builtin", "smollm2", "likelihood", "trained", "hf", "openai", "chat", "litellm"]
PLAIN: tuple[Kind, ...] = ("builtin", "smollm2", "likelihood", "trained")
"""Specs of one word."""
SCHEMES: tuple[Kind, ...] = ("hf", "openai", "chat", "litellm")
THINNED = "thinned"
"""Of drafts: the target itself, without some of its layers."""
FORMS = (
    "builtin, smollm2, hf:NAME, hf:FOLDER, openai:URL#NAME, chat:URL#NAME or litellm:PROVIDER/NAME"
)


@dataclass(frozen=True)
class ModelSpec:
    """A model as it was named."""

    kind: Kind
    name: str = ""
    """Of `hf`: a name on the hub, or a folder. Of a server or a provider: the model's name there."""
    url: str = ""
    """Of a server: its address, without a slash at the end."""

    @property
    def is_served(self) -> bool:
        """Return whether it is a server's: nobody here sees its work or its cache."""
        return self.kind == "openai" or self.talks

    @property
    def talks(self) -> bool:
        """Return whether it takes turns and gives whole answers, and nothing else."""
        return self.kind in ("chat", "litellm")

    def __str__(self) -> str:
        """Return the words that it was read from."""
        if self.url:
            return f"{self.kind}:{self.url}#{self.name}"
        return f"{self.kind}:{self.name}" if self.name else self.kind


def model_spec(text: str) -> ModelSpec:
    """Read the words that name a model.

    Raises:
        SelectionError: if they follow no form that there is.
    """
    scheme, colon, rest = text.partition(":")
    if not colon and text in PLAIN:
        return ModelSpec(text)
    if scheme not in SCHEMES or not colon:
        raise SelectionError(f"{text!r} names no model: it is none of {FORMS}.", _remedy(text))
    if scheme in ("openai", "chat"):
        return _server(text, "openai" if scheme == "openai" else "chat", rest)
    if scheme == "litellm":
        if not all(rest.partition("/")):
            raise SelectionError(f"{text!r} names no model.", "Write litellm:PROVIDER/NAME.")
        return ModelSpec("litellm", rest)
    if not rest:
        raise SelectionError(f"{text!r} names no model.", "Write hf:NAME, or hf:FOLDER.")
    return ModelSpec("hf", rest)


def _remedy(text: str) -> str:
    """Return the form that is probably meant: of an address, of a folder, or of a near word."""
    if text.startswith(("http://", "https://")):
        return f"Write openai:{text}." if "#" in text else f"Write openai:{text}#NAME."
    if is_folder(Path(text).expanduser()):
        return f"Write hf:{text}."
    return nearest(text.partition(":")[0], (*PLAIN, *SCHEMES))


def draft_spec(text: str) -> ModelSpec | None:
    """Read the words that name a draft; None: the policy itself, without some layers.

    Raises:
        SelectionError: if they follow no form that there is, or name what cannot draft.
    """
    if text == THINNED:
        return None
    spec = model_spec(text)
    if spec.kind not in ("builtin", "smollm2", "hf"):
        raise SelectionError(
            f"{text!r} cannot draft: draft and target read each other's words, on this machine.",
            "Write hf:NAME or hf:FOLDER, a model with the words of the target; or thinned.",
        )
    return spec


def _server(text: str, kind: Kind, rest: str) -> ModelSpec:
    url, _, name = rest.partition("#")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SelectionError(
            f"{text!r} has no address of a server.",
            f"Write {kind}:http://127.0.0.1:8000/v1#NAME.",
        )
    if not name:
        raise SelectionError(
            f"{text!r} does not say which of the server's models to use.",
            f"Put its name behind a #, as in {kind}:http://127.0.0.1:8000/v1#NAME.",
        )
    return ModelSpec(kind, name, url.rstrip("/"))
