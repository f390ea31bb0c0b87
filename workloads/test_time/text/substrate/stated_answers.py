r"""What a completion states: the answer that is read out of its text, by rules, and its plain form.

The rules of a set of questions are tried in their order, and the first place where the first fitting
one fits counts: a model that goes on behind its answer has answered all the same. An answer on a line that
was cut off may be half of one, and is none.

    marked        #### 14
    named         The answer is 14.
    line          Answer: 14
    boxed         \boxed{14}
    number        the last number of the text, if the completion has come to its end
    letter        a letter by itself at the beginning: B, or (B) because ...
    whole         a first paragraph of one line, if the completion has come to its end or goes on behind it

Nothing here knows what is right; a vote needs this as much as the grader does. Two answers are equal
votes if their plain forms are the same: numbers by their value, other texts without blanks, case,
dollar signs and a full stop at the end.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Literal

Rule = Literal["marked", "named", "line", "boxed", "number", "letter", "whole"]
RULES: tuple[Rule, ...] = ("marked", "named", "line", "boxed", "number")
CLOSING: frozenset[Rule] = frozenset({"marked", "line"})
"""Rules of answers that stand alone on a line: behind one nothing is solved any more."""
GOLD_MARK = "####"
BOX = r"\boxed{"
NUMBER = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?(?:/\d+)?")
_VALUE = re.compile(r"-?(?:\d{1,60}/(?P<below>\d{1,60})|\d{1,60}(?:\.\d{1,60})?|\.\d{1,60})")
_SIGNS = re.compile("[,$£€]")
"""What stands in a number and is none of it."""
_PATTERNS: dict[Rule, re.Pattern[str]] = {
    "marked": re.compile(r"####[ \t]*([^\n]+)"),
    "named": re.compile(r"[Tt]he (?:final |correct )?answer is:?[ \t]*([^\n]+)"),
    "line": re.compile(r"^[ \t*]*Answer:[ \t*]*([^\n]+)", re.MULTILINE),
    "letter": re.compile(r"\A[\s*(\[]*([A-Z])(?=[).:,\]*\n]|\s*\Z)"),
    "whole": re.compile(r"\A\s*([^\n]+)(?=\n[ \t]*\n|\n?\Z)"),
}
_LONGEST = 200
"""Signs of an answer; what is longer is none."""


def stated_text(
    text: str,
    rules: Sequence[Rule],
    *,
    ended: bool = True,
    value: Callable[[str], str | None] = str,
) -> str | None:
    """Return the `value` of the answer that a text states, by default as it stands there.

    None if it states none, or none that has a value.
    """
    found = (_found(text, rule, ended=ended) for rule in rules)
    values = (value(answer) for answer in found if answer is not None)
    return next((one for one in values if one is not None), None)


def closes(text: str, rules: Sequence[Rule]) -> bool:
    """Return whether a text says, on a line that is closed, what nothing behind it takes back."""
    closed = text.rpartition("\n")[0]
    return any(rule in CLOSING and _found(closed, rule, ended=True) for rule in rules)


def _found(text: str, rule: Rule, *, ended: bool) -> str | None:
    if rule == "boxed":
        return _boxed_at(text, text.find(BOX))
    if rule == "number":
        numbers = NUMBER.findall(text) if ended else ()
        return numbers[-1] if numbers else None
    place = _PATTERNS[rule].search(text)
    if place is None or (place.end() == len(text) and not ended):
        return None
    return _trimmed(place[1])


def _trimmed(answer: str) -> str | None:
    """Return the answer of a line: a number with its unit is the number, a formula what it holds."""
    inner = boxed(answer)
    if inner is not None:
        return inner
    bare = answer.strip().rstrip(".*").strip().strip("$").strip()
    return bare if bare and len(bare) <= _LONGEST else None


def boxed(text: str) -> str | None:
    r"""Return what stands in the last `\boxed{...}`; None if there is none, or it is never closed."""
    return _boxed_at(text, text.rfind(BOX))


def _boxed_at(text: str, start: int) -> str | None:
    if start < 0:
        return None
    depth, begin = 1, start + len(BOX)
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin:place].strip() or None
    return None


def number(answer: str) -> Fraction | None:
    """Return the number that an answer is; None if it is none.

    A currency, thousands' commas, a per cent sign and one word of unit do not matter.
    """
    bare = _SIGNS.sub("", answer).strip().rstrip(".").rstrip("%").strip()
    value, _, unit = bare.partition(" ")
    whole = _VALUE.fullmatch(value)
    if whole is None or (unit and not unit.replace(" ", "").isalpha()):
        return None
    below = whole["below"]
    return None if below and not int(below) else Fraction(value)


def plain_form(answer: str) -> str:
    """Return the form by which answers are told apart."""
    value = number(answer)
    if value is not None:
        return str(value)
    return re.sub(r"[\s$]+", "", answer).rstrip(".").casefold()
