"""The words in which a small model is asked which tool comes next, one id each.

    <bos> T5 S1 T9 T2 S2 T7 T1 S3 >                 tools by stages, from the cheapest on, each stage with its mark
    T5 = ok S1 T9 = down T9 T2 = ok S2              what was called, and what came of it
    T7 =      done ;      esc ;                     what the model writes: a call, the end, a hand-off

A result restates the stage that is done, or the tool that failed: then what comes next is what stands behind that word in
the prompt, which one step of attention finds. Tools have other numbers in each case. 49 words have a meaning;
`<spare...>` fill the table. `<pad>`, `<bos>` and `<eos>` have the ids that engines rely on.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from adabench.workloads.shared.language_model.vocabulary import vocabulary_digest

STAGES, TOOLS = 8, 28
"""How many stages and tools a case may have."""
_MEANINGFUL: tuple[str, ...] = (
    *("<pad>", "<bos>", "<eos>"),
    *(f"S{n}" for n in range(1, STAGES + 1)),
    *(f"T{n}" for n in range(TOOLS)),
    *("ok", "risk", "err", "down", "late", "done", "esc"),
    *"=;>",
)
VOCABULARY = 64
WORDS = (*_MEANINGFUL, *(f"<spare{n}>" for n in range(VOCABULARY - len(_MEANINGFUL))))
IDS = {word: index for index, word in enumerate(WORDS)}
CHOICE_VOCABULARY = vocabulary_digest(WORDS)

PAD, BOS = IDS["<pad>"], IDS["<bos>"]
FIRST_STAGE, FIRST_TOOL = IDS["S1"], IDS["T0"]
OK, RISK, ERROR, DOWN, LATE = (IDS[word] for word in ("ok", "risk", "err", "down", "late"))
DONE, HAND_OFF = IDS["done"], IDS["esc"]
EQUALS, END_STEP, END_PROMPT = (IDS[word] for word in "=;>")
STOPS = frozenset((EQUALS, END_STEP))
LONGEST = 3
"""Words of a choice, after which it is cut."""

Ids = tuple[int, ...]


class Choice(NamedTuple):
    """What a model wrote: a call of a tool by its number, the end, a hand-off, or nothing that can be read."""

    verb: Literal["call", "done", "hand_off", "unreadable"]
    tool: int = -1


def prompt_words(stages: Sequence[Sequence[int]]) -> Ids:
    """Return the prompt of stages, each a list of numbers of tools from the cheapest on."""
    found = [BOS]
    for stage, tools in enumerate(stages):
        found += [*(FIRST_TOOL + tool for tool in tools), FIRST_STAGE + stage]
    return (*found, END_PROMPT)


def call_words(tool: int) -> Ids:
    """Return a call as a model writes it."""
    return FIRST_TOOL + tool, EQUALS


def result_words(status: int, stage: int, tool: int) -> Ids:
    """Return what came of a call: its status, and the stage that is done or the tool that failed; stages from 0."""
    return status, FIRST_STAGE + stage if status in (OK, RISK) else FIRST_TOOL + tool


def choice_of(words: Sequence[int]) -> Choice:
    """Return what the words of one decoding say."""
    if len(words) == 2 and words[1] == EQUALS and 0 <= words[0] - FIRST_TOOL < TOOLS:
        return Choice("call", words[0] - FIRST_TOOL)
    if tuple(words) == (DONE, END_STEP):
        return Choice("done")
    return Choice("hand_off" if tuple(words) == (HAND_OFF, END_STEP) else "unreadable")
