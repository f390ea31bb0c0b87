"""What is known of an opened model, for `doctor` and for records: its size, its words, what it can do."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModelAbility:
    """One thing that an engine can do or cannot, and how that was found."""

    name: str
    able: bool
    how: str


@dataclass(frozen=True)
class ModelProfile:
    """A model as it was found; None where nobody says."""

    spec: str
    kind: str
    """Of model or server: `LlamaForCausalLM`, `completions of llamacpp`."""
    parameters: int | None = None
    vocabulary: int | None = None
    """Words of its vocabulary."""
    ids: str = ""
    """What its ids stand for here: words of its tokenizer, or pieces of text."""
    digest: str = ""
    """Of that vocabulary."""
    context: int | None = None
    """Words that a sequence may have."""
    device: str | None = None
    dtype: str | None = None
    weights_bytes: int | None = None
    position_bytes: int | None = None
    """Keys and values of one position."""
    free_bytes: int | None = None
    """Memory of the device that was free before."""
    abilities: tuple[ModelAbility, ...] = field(default=())

    def can(self, name: str) -> bool:
        """Say whether it has an ability."""
        return any(ability.able for ability in self.abilities if ability.name == name)
