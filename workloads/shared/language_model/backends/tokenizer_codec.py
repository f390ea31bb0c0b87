r"""Uses a tokenizer of Hugging Face as a codec: text, ids, the digest of its words, and marks in the text.

Vocabularies put signs into longer words (`.\n`, `\n\n`), so a step stops at any word that holds its mark; what stands behind the mark begins
the next step. A mark must be one sign or a special word.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.vocabulary import vocabulary_digest


@dataclass(frozen=True)
class TokenizerCodec:
    """Between text and the ids of a tokenizer."""

    tokenizer: Any = field(repr=False)
    ends: frozenset[int]
    """The words by which its model ends; none of them has text."""

    @cached_property
    def vocabulary(self) -> str:
        """Return the digest of the words in the order of their ids."""
        return vocabulary_digest(
            word or "" for word in self.tokenizer.convert_ids_to_tokens(range(len(self.tokenizer)))
        )

    @property
    def size(self) -> int:
        """Return the number of words."""
        return len(self.tokenizer)

    @property
    def has_chat(self) -> bool:
        """Say whether there is a template for questions of a conversation."""
        return bool(getattr(self.tokenizer, "chat_template", None))

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the ids of a text; the model's beginning stands before them if it has one."""
        return tuple(self.tokenizer(text)["input_ids"])

    def chat(self, messages: Sequence[Mapping[str, str]]) -> tuple[int, ...]:
        """Return the ids of a conversation that the model is to go on with.

        Raises:
            SelectionError: if the tokenizer has no template.
        """
        if not self.has_chat:
            raise SelectionError("This tokenizer has no chat template.", "Ask with --no-chat.")
        text = self.tokenizer.apply_chat_template(
            [dict(message) for message in messages], add_generation_prompt=True, tokenize=False
        )
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids; ends have none."""
        words = [word for word in ids if word not in self.ends]
        text: str = self.tokenizer.decode(words, clean_up_tokenization_spaces=False)
        return text

    def stops(self, mark: str) -> frozenset[int]:
        """Return the words that hold a mark.

        Raises:
            SelectionError: if the mark may be spelled by several words, or by none.
        """
        special = self.tokenizer.get_added_vocab().get(mark)
        if special is not None:
            return frozenset((special,))
        if len(mark) != 1:
            raise SelectionError(
                f"{mark!r} cannot mark the end of a step: several words may spell it together.",
                "Take a mark of one sign, such as a line's end.",
            )
        found = frozenset(word for word, text in enumerate(self._texts) if mark in text)
        if not found - self.ends:
            raise SelectionError(
                f"No word of this vocabulary holds {mark!r}.", "Take another mark of a step."
            )
        return found - self.ends

    def steps(self, ids: Sequence[int], mark: str) -> list[str]:
        """Return the text of each step, its mark included; a rest without one is the last."""
        return text_steps(self.decode(ids), mark)

    @cached_property
    def _texts(self) -> list[str]:
        return [self.tokenizer.decode([word]) for word in range(len(self.tokenizer))]


def text_steps(text: str, mark: str) -> list[str]:
    """Split a text after every mark."""
    *closed, rest = text.split(mark)
    return [*(part + mark for part in closed), *([rest] if rest else [])]
