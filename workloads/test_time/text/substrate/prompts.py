"""How a question is put to a model: worked examples, then the question, as a conversation or as text.

    Problem: 2 + 5 + 3                         the user says
    Step 1: 2 + 5 = 7                          the assistant answers
    Step 2: 7 + 3 = 10
    Answer: 10

With a chat template the examples are turns of a conversation, and the assistant's turn is open. Without
one (`chat=off`, or a model that has none) they stand one below the other, each closed by the word by
which the model ends; a server is sent an empty line instead, since nobody outside knows that word.
A step is a line.

What stands before the question is the same for all questions of a group, so a cache can hold it
(`shared_prefix.py`). A file of one's own (`prompt_file.py`) takes the place of all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from adabench.workloads.shared.language_model.backends.chat_turns import conversation_text
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.test_time.text.substrate.completions import TextCodec
from adabench.workloads.test_time.text.substrate.prompt_file import PromptFile

Example = tuple[str, str]
"""A problem, and its solution."""
INSTRUCTION = (
    "Solve each problem step by step, one step a line. End with a line that says Answer: and the "
    "result."
)
BARE_INSTRUCTION = "Solve each problem. Write one line that says Answer: and the result."
WORD_PROBLEMS: tuple[Example, ...] = (
    (
        (
            "A box holds 6 eggs. Lena buys 3 boxes and breaks 2 eggs on the way. How many whole eggs "
            "does she bring home?"
        ),
        "Step 1: 3 boxes hold 3 * 6 = 18 eggs.\nStep 2: 18 - 2 = 16 eggs are whole.\nAnswer: 16",
    ),
    (
        (
            "A train ticket costs 12 dollars, and children pay half. What do 2 adults and 3 children "
            "pay together?"
        ),
        (
            "Step 1: A child pays 12 / 2 = 6 dollars.\nStep 2: 2 adults pay 2 * 12 = 24 dollars.\n"
            "Step 3: 3 children pay 3 * 6 = 18 dollars.\nStep 4: Together they pay 24 + 18 = 42 "
            "dollars.\nAnswer: 42"
        ),
    ),
    (
        (
            "Omar reads 20 pages a day. His book has 150 pages, and he has read for 5 days. How many "
            "pages are left?"
        ),
        (
            "Step 1: In 5 days he reads 5 * 20 = 100 pages.\nStep 2: 150 - 100 = 50 pages are left.\n"
            "Answer: 50"
        ),
    ),
)
CHOICE_INSTRUCTION = (
    "Solve each problem step by step, one step a line. End with a line that says Answer: and the "
    "letter of the right option."
)
CHOICES: tuple[Example, ...] = (
    (
        "Which of these floats on water?\nA) a brick\nB) a cork\nC) a coin",
        "Step 1: A brick and a coin are denser than water.\nStep 2: Cork is lighter.\nAnswer: B",
    ),
    (
        "How many days have two weeks?\nA) 7\nB) 10\nC) 12\nD) 14",
        "Step 1: A week has 7 days, so two have 2 * 7 = 14.\nAnswer: D",
    ),
)
MARK = "Problem: "
"""What stands before every question."""
_PROBES = ("1 + 1", "Who asks?")
"""Two questions that begin differently: what their prompts share is all before the question."""


@dataclass(frozen=True)
class PromptStyle:
    """A codec, and whether questions are turns of a conversation."""

    codec: TextCodec
    chat: bool
    instruction: str = ""
    """What stands before the first example."""
    talks: bool = False
    """Whether turns are sent to a server as they are, which puts them into its model's form."""
    file: PromptFile | None = None
    """The text to put questions into, in place of an instruction and examples."""

    @property
    def converses(self) -> bool:
        """Return whether there is a template, and it is to be used."""
        codec = self.codec
        return self.talks or (self.chat and isinstance(codec, TokenizerCodec) and codec.has_chat)

    def prompt(self, question: str, examples: Sequence[Example]) -> tuple[int, ...]:
        """Return the ids of a question behind worked examples."""
        codec = self.codec
        if self.talks:
            return codec.encode(conversation_text(self._turns(question, examples)))
        if self.converses and isinstance(codec, TokenizerCodec):
            return codec.chat(self._turns(question, examples))
        return codec.encode(self._text(question, examples))

    def prefix(self, examples: Sequence[Example]) -> tuple[int, ...]:
        """Return the ids that all prompts behind these examples begin with."""
        one, two = (self.prompt(question, examples) for question in _PROBES)
        same = (i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
        return one[: next(same, min(len(one), len(two)))]

    @property
    def ends(self) -> tuple[str, ...]:
        """Return the texts by which a model begins another problem; turns end by themselves."""
        mark = (MARK if self.file is None else self.file.mark).strip()
        return (f"\n{mark}",) if mark and not self.converses else ()

    @property
    def before(self) -> str:
        """Return the text that stands before every question, as far back as it takes to find that."""
        if self.file is None:
            return MARK
        return self.file.before or self.codec.decode(self.prefix(()))

    @property
    def bare(self) -> "PromptStyle":
        """Return the same for bare answers; the worked examples are to be `bare_examples`."""
        return replace(self, instruction=BARE_INSTRUCTION if self.instruction else "")

    @property
    def behind(self) -> str:
        """Return the text that stands behind every question."""
        one, two = (self.codec.decode(self.prompt(question, ())) for question in _PROBES)
        same = (i for i, (a, b) in enumerate(zip(one[::-1], two[::-1], strict=False)) if a != b)
        length = next(same, 0)
        return one[len(one) - length :]

    def _text(self, question: str, examples: Sequence[Example]) -> str:
        if self.file is not None:
            return self.file.text(question)
        parts = [f"{MARK}{problem}\n{solution}\n\n" for problem, solution in examples]
        return f"{self._opening}{''.join(parts)}{MARK}{question}\n"

    @property
    def _opening(self) -> str:
        return f"{self.instruction}\n\n" if self.instruction else ""

    def _turns(self, question: str, examples: Sequence[Example]) -> list[Mapping[str, str]]:
        """Return a conversation; the instruction opens its first turn: not all have a system's."""
        if self.file is not None:
            return [{"role": "user", "content": self.file.text(question)}]
        turns: list[Mapping[str, str]] = []
        for problem, solution in examples:
            turns.append({"role": "user", "content": f"{MARK}{problem}"})
            turns.append({"role": "assistant", "content": solution})
        turns.append({"role": "user", "content": f"{MARK}{question}"})
        return [{**turns[0], "content": f"{self._opening}{turns[0]['content']}"}, *turns[1:]]


def bare_examples(examples: Sequence[Example]) -> tuple[Example, ...]:
    """Return examples without their work: of each solution the line that states the answer."""
    return tuple((problem, solution.rpartition("\n")[2]) for problem, solution in examples)
