r"""A prompt of one's own: a file of text with `{question}` where the question is to stand.

    Q: How many legs have two cats?
    A: 8

    Q: {question}
    A:

Worked examples stand in it as they are. What stands before the question on its line begins every problem, so a
completion ends where the model writes it at the beginning of a line (`\nQ:`). Where nothing stands there it is the
line above, if that ends in a colon. With a chat template all of it is one turn of the user's.
"""

from dataclasses import dataclass, field
from pathlib import Path

from adabench.harness.errors import SelectionError

PLACE = "{question}"
COLON = ":"


@dataclass(frozen=True)
class PromptFile:
    """What stands before a question and behind it."""

    before: str = field(repr=False)
    behind: str = field(repr=False)

    @property
    def mark(self) -> str:
        """Return what begins every problem; nothing where that cannot be told."""
        above, _, line = self.before.rpartition("\n")
        last = above.rpartition("\n")[2].rstrip()
        return line if line.strip() or not last.endswith(COLON) else last

    def text(self, question: str) -> str:
        """Return the prompt of a question."""
        return f"{self.before}{question}{self.behind}"


def prompt_file(name: str) -> PromptFile:
    """Read a file of a prompt.

    Raises:
        SelectionError: if it cannot be read, or has not one place for a question.
    """
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8")
    except OSError as problem:
        raise SelectionError(
            f"The prompt {name} cannot be read: {problem.strerror}.", "Correct the path of prompt."
        ) from problem
    except UnicodeDecodeError as problem:
        raise SelectionError(
            f"The prompt {name} is no text in UTF-8.", "Write it anew: iconv -t utf-8."
        ) from problem
    before, *rest = text.split(PLACE)
    if len(rest) != 1:
        raise SelectionError(
            f"The prompt {name} has {len(rest) or 'no'} place{'s' * (len(rest) != 1)} for a question.",
            f"Write {PLACE} once, where the question is to stand.",
        )
    # An editor ends a file with a line's end that is no part of the prompt.
    return PromptFile(before, rest[0].removesuffix("\n"))
