"""Text as the words of a model, cut into context and continuation as lm-eval cuts it."""

from collections.abc import Sequence
from dataclasses import dataclass

from adabench.harness.errors import SelectionError
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.language_model.stop_strings import Codec

Words = tuple[int, ...]


@dataclass(frozen=True)
class TextWords:
    """Reads text with the codec of a model."""

    codec: Codec

    @property
    def beginning(self) -> int:
        """Return the word that stands before a text that has nothing before it.

        Raises:
            SelectionError: on a server, whose words nobody knows.
        """
        tokenizer = getattr(self.codec, "tokenizer", None)
        named = (getattr(tokenizer, name, None) for name in ("bos_token_id", "eos_token_id"))
        first = next((word for word in named if word is not None), None)
        if first is None:
            raise SelectionError(
                "Likelihoods of a text without a context need a word to begin with, and this model "
                "shows none.",
                "Take a task with contexts, or model=hf:NAME with a tokenizer that has one.",
            )
        return int(first)

    def prompt(self, text: str) -> Words:
        """Return the words of a prompt; a beginning that it has already is not put there again."""
        tokenizer = getattr(self.codec, "tokenizer", None)
        begins = getattr(tokenizer, "bos_token", None)
        if tokenizer is not None and begins and text.startswith(begins):
            return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
        return self.codec.encode(text)

    def bare(self, text: str) -> Words:
        """Return the words of a text without a beginning."""
        if isinstance(self.codec, TokenizerCodec):
            return tuple(self.codec.tokenizer(text, add_special_tokens=False)["input_ids"])
        return self.codec.encode(text)

    def pairs(self, context: str, continuations: Sequence[str]) -> tuple[Words, list[Words]]:
        """Return the words of a context, and those of what may follow it.

        Blanks at a context's end belong to what follows.
        """
        bare = context.rstrip()
        blanks = context[len(bare) :]
        if not bare:
            return (self.beginning,), [self.bare(blanks + text) for text in continuations]
        head = self.prompt(bare)
        if isinstance(self.codec, TokenizerCodec):
            whole = (self.prompt(bare + blanks + text) for text in continuations)
            return head, [words[len(head) :] for words in whole]
        return head, [self.codec.encode(blanks + text) for text in continuations]
