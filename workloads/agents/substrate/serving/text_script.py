"""The script of text models: lines, of which some call a tool, and one answers.

    Action: search[mentor of Ada Birch]          the model's
    Observation: The mentor of Ada Birch is Carl Dover.        a tool's
    Answer: Carl Dover                           the model's, and the end

A question stands behind an instruction and one worked example of each mode. What is forced is the beginning of
a line: `Action:`, `Step 1:`, `Answer:`, `Verdict:`, `Reflection:`.
"""

import re
from collections.abc import Sequence

from adabench.harness.errors import SelectionError, nearest
from adabench.workloads.agents.substrate.serving.script import Ids, Plane, ToolResult
from adabench.workloads.agents.substrate.serving.text_tools import TextTools
from adabench.workloads.shared.language_model.backends.text_pieces import TextPieces
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.language_model.contract import CapabilityMissing, Seq

TextCodec = TokenizerCodec | TextPieces
OPENINGS = {"dir": "Answer:", "cot": "Step 1:", "act": "Action:"}
INSTRUCTION = """Answer each question. You may answer at once, work in steps, or call tools, one a line: \
search[words], lookup[name], calc[expression], python[code]. A tool's observation follows its call. If a tool \
does not work, try another one. Where there are two possibilities, take one. End with a line that says Answer: \
and the result, or Answer: fail.

Question: Start with 7. Add 5. Work modulo 10. Which digit results?
Answer: 2

Question: Start with 3. Multiply by 4, then add 9. Work modulo 10. Which digit results?
Step 1: 3 * 4 = 12, which is 2.
Step 2: 2 + 9 = 11, which is 1.
Answer: 1

Question: Start at Otto Rain. Take the mentor, then the lucky number. Add 4. Work modulo 10. Which digit results?
Action: search[mentor of Otto Rain]
Observation: The mentor of Otto Rain is Pia Snow.
Action: search[lucky number of Pia Snow]
Observation: The lucky number of Pia Snow is 8.
Action: calc[(8 + 4) % 10]
Observation: 2
Answer: 2

"""
_ACTION = re.compile(r"^Action:\s*(.*)$")
_CALL = re.compile(r"^(\w+)\s*\[(.*)\]?\s*$")
_ANSWER = re.compile(r"^Answer:\s*(.*?)\.?\s*$", re.MULTILINE)
LONGEST, CRITIC_WORDS, REFLECT_WORDS = 400, 24, 48
SPARE = 400
"""Words for a critic, for reflections in the prompt, and for an observation that is longer than the room left."""


class TextScript:
    """Reads and writes episodes in lines of text."""

    longest = LONGEST
    critic_words = CRITIC_WORDS
    reflect_words = REFLECT_WORDS

    def __init__(self, codec: TextCodec) -> None:
        self._codec = codec
        self._start = len(codec.encode("")) if isinstance(codec, TokenizerCodec) else 0
        self.step_ends = codec.stops("\n")
        self.verdict_ends = self.step_ends
        self.critic = self.words("Is that answer right? Say ok or bad.\nVerdict:")
        self.reflect = self.words("What is to be done otherwise?\nReflection:")

    def words(self, text: str) -> Ids:
        """Return the ids of a text that stands within another one."""
        return self._codec.encode(text)[self._start :]

    def first_words(self, question: str) -> Ids:
        """Return the prompt of a question."""
        return self._codec.encode(f"{INSTRUCTION}Question: {question}\n")

    def opening(self, mode: str) -> Ids:
        """Return the beginning of a mode's first line.

        Raises:
            SelectionError: if there is no such mode.
        """
        if mode not in OPENINGS:
            raise SelectionError(f"There is no mode {mode!r}.", nearest(mode, OPENINGS))
        return self.words(OPENINGS[mode])

    def prompt(self, prompt: Ids, hints: Sequence[Ids]) -> Ids:
        """Return a prompt with what earlier tries said behind the question."""
        lines = [
            word for hint in hints
            for word in (*self.words("From an earlier try:"), *hint, *self.words("\n"))
        ]  # fmt: skip
        return (*prompt, *lines)

    def is_due(self, completion: Ids) -> bool:
        """Tell whether the last line is a whole call."""
        text = self._text(completion)
        return text.endswith("\n") and _ACTION.match(_last_line(text)) is not None

    def goes_on(self, completion: Ids) -> bool:
        """Tell whether the last line is a thought, behind which the next one follows."""
        return not _ANSWER.search(self._text(completion))

    def result(self, tools: TextTools, completion: Ids) -> ToolResult:
        """Call the tool that is due; a line that is no call is answered by how to write one."""
        action = _ACTION.match(_last_line(self._text(completion)))
        call = _CALL.match(action[1]) if action else None
        if call is None:
            words = self.words("Observation: Write one call: search[words].\nAction:")
            return ToolResult(words, failed=True)
        said = tools.call(call[1].lower(), call[2].rstrip().removesuffix("]"))
        return ToolResult(self.words(f"Observation: {said.text}\n"), said.failed, said.late_s)

    def is_over(self, seq: Seq) -> bool:
        """Tell whether a line has answered, or there is no room."""
        if seq.finished or len(seq.completion) >= self.longest:
            return True
        text = self._text(seq.completion)
        return "\n" in text[_end_of_answer(text) :] if _ANSWER.search(text) else False

    def stated(self, completion: Ids) -> str | None:
        """Return the answer in plain form; a declared failure is none."""
        found = read_answer(self._text(completion))
        return None if found == "fail" else found

    def plane(self, completion: Ids) -> Plane:
        """Tell whether the last line called a tool, or worked and answered."""
        return "control" if _ACTION.match(_last_line(self._text(completion))) else "data"

    def verdict(self, words: Ids, logprob: float) -> float | None:
        """Return 1 for ok and 0 for bad; None if the critic said neither."""
        said = self._text(words).rpartition("Verdict:")[2].lower()
        if "ok" in said or "bad" in said:
            return float("bad" not in said)
        return None

    def judged_bad(self, ids: Ids) -> Ids:
        """Return a critic's words as if it had said bad."""
        text = self._codec.decode(ids)
        head = text.rpartition("Verdict:")[0]
        return self._codec.encode(f"{head}Verdict: bad\n") if "Verdict:" in text else ids

    def hint(self, words: Ids) -> Ids | None:
        """Return what a reflection says, as one line."""
        said = " ".join(self._text(words).split())
        return self.words(f" {said}") if said else None

    def transcript(self, completion: Ids) -> Ids:
        """Refuse: nobody has looked whether such a model goes on from another one's lines.

        Raises:
            CapabilityMissing: always.
        """
        raise CapabilityMissing(
            "transcripts: an episode of a text model cannot be handed to another desk.",
            "Leave out --model: the small policies of the family have it.",
        )

    def _text(self, words: Sequence[int]) -> str:
        return self._codec.decode(words)


def read_answer(text: str) -> str | None:
    """Return what the first line that answers says, in small letters; None where none does."""
    found = _ANSWER.search(text)
    return " ".join(found[1].lower().split()) or None if found else None


def _end_of_answer(text: str) -> int:
    found = _ANSWER.search(text)
    return found.start(1) if found else len(text)


def _last_line(text: str) -> str:
    return text.rstrip("\n").rpartition("\n")[2]
