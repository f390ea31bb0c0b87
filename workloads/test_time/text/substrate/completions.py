"""How completions of this task are read: ids to text, text to what it states.

Objects of this module travel to the processes of methods, and the grader has one too; what is right is
not among what they know.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.language_model.stop_strings import cut
from adabench.workloads.test_time.text.substrate.answer_form import AUTO, AnswerForm
from adabench.workloads.test_time.text.substrate.stated_answers import Rule, closes

TextCodec = TokenizerCodec | TextPieces


def end_words(codec: TextCodec) -> frozenset[int]:
    """Return the words by which the model ends."""
    return codec.ends if isinstance(codec, TokenizerCodec) else frozenset((codec.end,))


@dataclass(frozen=True)
class CompletionReader:
    """Reads what a completion states."""

    codec: TextCodec
    rules: tuple[Rule, ...]
    stops: tuple[str, ...] = ()
    """Texts before which a completion ends; nothing behind the first of them is read."""
    form: AnswerForm = AUTO
    """How answers are told apart."""

    def stated(self, completion: Sequence[int]) -> str | None:
        """Return the answer as the completion states it; None if it states none."""
        text, ended = self._read(completion)
        return self.form.stated(text, self.rules, ended=ended)

    def text(self, completion: Sequence[int]) -> str:
        """Return the text of a completion, up to where it ends."""
        return self._read(completion)[0]

    def has_ended(self, completion: Sequence[int]) -> bool:
        """Return whether a completion came to its end, or states its answer on a line of its own."""
        text, ended = self._read(completion)
        return ended or self.closes(text)

    def closes(self, text: str) -> bool:
        """Return whether a text has an answer on a closed line."""
        return closes(text, self.rules)

    def _read(self, completion: Sequence[int]) -> tuple[str, bool]:
        """Return the text of a completion up to a stop, and whether it has ended there."""
        whole = self.codec.decode(completion)
        text = cut(whole, self.stops)
        ended = bool(completion) and completion[-1] in end_words(self.codec)
        return text, ended or text != whole

    def until(self, stops: Sequence[str], *, every_rule: bool) -> "CompletionReader":
        """Return the same for completions that end at texts; with every rule, for any question."""
        rules = self.form.rules if every_rule else self.rules
        return replace(self, rules=rules, stops=tuple(filter(None, stops)))

    def __call__(self, completion: Sequence[int]) -> str | None:
        """Return the plain form of what it states: equal forms are equal votes."""
        found = self.stated(completion)
        return None if found is None else self.form.plain(found)


@dataclass(frozen=True)
class Room:
    """How many words a completion may have, whatever the prompt."""

    words: int

    def __call__(self, prompt: Sequence[int]) -> int:
        """Return them."""
        return self.words


@dataclass(frozen=True)
class QuestionText:
    """The text of the question at the end of a prompt: what a judge with other words is told."""

    codec: TextCodec
    mark: str
    """What stands before every question."""
    behind: str
    """What stands behind the last one."""

    def __call__(self, prompt: Sequence[int]) -> str:
        """Return it."""
        text = self.codec.decode(prompt).removesuffix(self.behind)
        return (text.rpartition(self.mark)[2] if self.mark else text).strip()
