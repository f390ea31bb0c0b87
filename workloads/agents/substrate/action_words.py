"""The words of agents: entities, numbers, relations, tools and what they return, one id each.

    prompt      <bos> Q A7 B12 H1 r5 H2 r2 HZ Y3 R H1 w2 >        a start, hops, the answer's type, hints
                <bos> Q 7 H1 + H1 4 H2 * H2 3 HZ _ >              numbers have no type
    mode        dir | cot | act | chk                             the first word; it may be forced
    call        H1 K1 A7 B12 r5 = w1 A3 B9 w2 A8 B1 ;             what follows `=` is the tool's
    choice      w2 H2 K1 w2 A8 B1 r2 = A5 B6 ;                    one word, which the next call restates
    thought     H1 me 7 + 4 = 1 ;                                 the model writes the result itself
    return      bk = H1 A3 B9 ;                                   the unused row of the latest choice
    check       HZ K1 A5 B6 = Y3 ;                                looks up an entity's type
    answer      ans A5 B6 ;   ans 3 ;   ans fail ;
    critic      V HZ K1 A5 B6 = Y3 ; ok                           `V` is forced; ok or bad is the model's
    reflection  R H1 w1 ;                                         `R` is forced
    plan        plan H1 K1 A7 B12 r5 ; H2 K1 w1 H1 r2 ; join      calls ahead; `w1 H1` is a result to come
    observed    H1 K1 = A3 B9 ; H2 K1 = none ;                    what an executor puts behind `join`

151 words have a meaning. `<spare...>` fill the table up to whole vectors of the compiled product.
`<pad>`, `<bos>` and `<eos>` have the ids that they have in `language_model/vocabulary.py`, on which
the engines rely.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from adabench.workloads.shared.language_model.vocabulary import vocabulary_digest

NAMES, NUMBERS, RELATIONS, ATTRIBUTES, HOPS, TYPES = 40, 40, 12, 4, 5, 4
"""How many name parts and number parts entities have, and how many of the rest there are."""
_MEANINGFUL: tuple[str, ...] = (
    *("<pad>", "<bos>", "<eos>"),
    *(f"A{n}" for n in range(NAMES)),
    *(f"B{n}" for n in range(NUMBERS)),
    *"0123456789",
    *(f"r{n}" for n in range(RELATIONS)),
    *(f"n{n}" for n in range(ATTRIBUTES)),
    *"+-*",
    *(f"H{n}" for n in range(1, HOPS + 1)),
    *("HZ", "dir", "cot", "act", "chk", "K1", "K2", "C1", "C2", "me", "w1", "w2"),
    *(f"Y{n}" for n in range(TYPES)),
    *("_", "Q", "R", "V", "ans", "bk", "none", "err", "late", "down", "fail", "ok", "bad"),
    *"=;>",
    *("plan", "join"),
)
VOCABULARY = 160
WORDS = (*_MEANINGFUL, *(f"<spare{n}>" for n in range(VOCABULARY - len(_MEANINGFUL))))
MEANINGFUL = len(_MEANINGFUL)
IDS = {word: index for index, word in enumerate(WORDS)}
ACTION_VOCABULARY = vocabulary_digest(WORDS)

PAD, BOS, EOS = (IDS[word] for word in ("<pad>", "<bos>", "<eos>"))
FIRST_NAME, FIRST_NUMBER, ZERO = IDS["A0"], IDS["B0"], IDS["0"]
FIRST_RELATION, FIRST_ATTRIBUTE, FIRST_HOP = IDS["r0"], IDS["n0"], IDS["H1"]
FIRST_TYPE, LAST_HOP, UNTYPED = IDS["Y0"], IDS["HZ"], IDS["_"]
PLUS, MINUS, TIMES = (IDS[sign] for sign in "+-*")
DIRECT, CHAIN, ACT, CHECK = (IDS[word] for word in ("dir", "cot", "act", "chk"))
K1, K2, C1, C2, OWN_THOUGHT = (IDS[word] for word in ("K1", "K2", "C1", "C2", "me"))
ROW_1, ROW_2, QUESTION = IDS["w1"], IDS["w2"], IDS["Q"]
REFLECT, CRITIC, ANSWER, BACK = (IDS[word] for word in ("R", "V", "ans", "bk"))
NONE, TRANSIENT, TIMEOUT, DOWN = (IDS[word] for word in ("none", "err", "late", "down"))
FAIL, OK, BAD = (IDS[word] for word in ("fail", "ok", "bad"))
EQUALS, END_STEP, END_PROMPT = (IDS[word] for word in "=;>")
PLAN, JOIN = IDS["plan"], IDS["join"]

FAULTS = frozenset((TRANSIENT, TIMEOUT, DOWN))
"""What a call returns that failed."""
LOOK_UPS, CALCULATORS = (K1, K2), (C1, C2)
TOOLS = frozenset((*LOOK_UPS, *CALCULATORS))
MODES = (DIRECT, CHAIN, ACT, CHECK)
SIGNS = frozenset((PLUS, MINUS, TIMES))
ROWS = (ROW_1, ROW_2)


def encode(text: str) -> tuple[int, ...]:
    """Return the ids of words that are separated by blanks.

    Raises:
        KeyError: for a word outside the vocabulary.
    """
    return tuple(IDS[word] for word in text.split())


def decode(ids: Iterable[int]) -> str:
    """Return the words of ids, separated by blanks."""
    return " ".join(WORDS[index] for index in ids)


@dataclass(frozen=True)
class ActionCodec:
    """The words above as a codec (`language_model/domain.py`)."""

    vocabulary: str = ACTION_VOCABULARY

    def encode(self, text: str) -> tuple[int, ...]:
        """Return the ids of words that are separated by blanks.

        Raises:
            KeyError: for a word outside the vocabulary.
        """
        return encode(text)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the words of ids, separated by blanks."""
        return decode(ids)
