"""What the engines read since the meter was cleared, and whether an answer is one of theirs.

    bind       a reader that the substrate hands out reads on this account: its answers are noted
    join       so are answers that such a reader puts together from its own
    confirm    before anything is scored: the answer as the engine made it, or a refusal

The account lives in the closures of these three functions: nobody knows the answers of a reader that somebody
else built or copied. **An answer is sealed**: whoever asks for its contents is handed copies, made at that
moment, and where a copy was changed the answer is refused. **The text is the account's own**: a private copy
of the tokens, which must be those of the case. **A rule counts apart** from the engine (`rule_works.py`).
"""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from adabench.harness.contract.protocols import Meter
from adabench.harness.errors import MethodContractError
from adabench.workloads.depth_width.substrate.answers.rule_works import Apart, RuleWorks
from adabench.workloads.depth_width.substrate.gathered_forward import one_thread
from adabench.workloads.depth_width.substrate.questions import Questions
from adabench.workloads.depth_width.substrate.stream import Ints
from adabench.workloads.depth_width.substrate.work_counter import Work

R = TypeVar("R")
A = TypeVar("A")
Text = tuple[Ints, ...]
"""Arrays whose first axis counts sequences or questions."""
Pass = tuple[int, int, int]
"""Of a reading: the reader, its sequences, and the operations."""
SAID = ("logits", "said")
"""Fields that hold what an answer says."""
PASSES = "passes"
"""Of the meter: texts that engines read."""
REMEDY = "`solve` returns what a reader of the task read of its case, as it got it."


class Bind(Protocol):
    """Has a reader read on an account."""

    def __call__(self, reader: R, /, **rules: Apart) -> R:
        """Return the reader; `rules` say, of each method that reads, how its rule counts apart."""
        ...


class Join(Protocol):
    """Has a reader put answers together on an account."""

    def __call__(self, reader: R, name: str, /) -> R:
        """Return the reader; `name` is the method that does it."""
        ...


@dataclass(frozen=True)
class AnswerAccount:
    """The account of one substrate."""

    bind: Bind
    join: Join
    confirm: Callable[[Sequence[Text] | None, Any], Any]
    """(texts that may have been read; None: any, answer) -> the answer as the engine made it."""
    meter: Meter

    def __reduce__(self) -> tuple[Callable[[Meter], "AnswerAccount"], tuple[Meter]]:
        """Store how it is made; an account begins empty."""
        return open_account, (self.meter,)


@dataclass
class _Note:
    """What an engine made, and of which text."""

    answer: Callable[[], Any]
    """A weak reference: who drops an answer frees what it holds."""
    kind: type
    made: dict[str, Any]
    """The fields of the answer."""
    text: Text
    clears: int
    passes: tuple[Pass, ...]
    """The readings that are in it."""

    def again(self) -> Any:
        """Return the answer as it was made."""
        answer: Any = object.__new__(self.kind)
        vars(answer).update(self.made)
        return answer


@dataclass
class _Account:
    """The notes of one account. Closures of `open_account` alone hold it."""

    meter: Meter
    notes: dict[int, _Note] = field(default_factory=dict)
    ran: list[Pass] = field(default_factory=list)
    """Readings since the meter was cleared or an answer was confirmed."""
    metered: int = 0
    """What the meter must say."""
    clears: int = 0
    """How often the meter had been cleared when these counts began."""

    def count(self, ran: Pass) -> None:
        """Count a reading, and forget those from before the meter was cleared."""
        if self.meter.clears != self.clears:
            self.clears, self.metered = self.meter.clears, 0
            self.ran.clear()
        self.metered += 1
        self.meter[PASSES] += 1
        self.ran.append(ran)

    def enter(self, answer: A, text: Text, passes: tuple[Pass, ...]) -> A:
        """Seal an answer that was just made, and note it."""
        name, notes, kind = id(answer), self.notes, type(answer)
        made = seal(answer, lambda answer, part: self.copy_out(answer, part))
        ended: weakref.ref[Any] = weakref.ref(answer, lambda _: notes.pop(name, None))
        notes[name] = _Note(ended, kind, made, text, self.meter.clears, passes)
        return answer

    def copy_out(self, answer: Any, name: str) -> Any:
        """Hand out a copy of a field; what was made stays here."""
        note = self.notes.get(id(answer))
        if note is None or note.answer() is not answer or name not in contents(note.kind):
            raise AttributeError(name)
        vars(answer)[name] = copied(note.made[name], {})
        return vars(answer)[name]

    def known(self, answer: Any) -> _Note:
        """Return the note of an answer that was made since the meter was cleared.

        Raises:
            MethodContractError: if there is none, or the answer says something else by now.
        """
        note = self.notes.get(id(answer))
        if note is None or note.answer() is not answer:
            raise MethodContractError(
                "The answer is not one that an engine of this task computed.", REMEDY
            )
        if note.clears != self.meter.clears:
            raise MethodContractError(
                "The answer was computed before this case was measured.",
                "`solve` reads its case each time and remembers no answers.",
            )
        _refuse_changed(answer, note)
        return note

    def confirm(self, texts: Sequence[Text] | None, answer: Any) -> Any:
        """Return an answer to one of these texts as it was made.

        Raises:
            MethodContractError: if it is nobody's, another text's or was changed; if more was read
                than it counts; if the meter was tampered with.
        """
        note = self.known(answer)
        if texts is not None and not any(_same(note.text, text) for text in texts):
            raise MethodContractError(
                "The answer is to another text than the case's.",
                "A reader reads the sequences of its case as they are.",
            )
        if self.meter.get(PASSES, 0) != self.metered:
            raise MethodContractError(
                "Something other than the task wrote into the meter.",
                "Only readers count; a method leaves `task.meter` alone.",
            )
        solves = len(self.ran) // len(note.passes)
        if sorted(self.ran) != sorted(note.passes * solves):
            raise MethodContractError(
                "More was read than the answer counts.",
                "Put all that is read of a case together with the reader's `joined`.",
            )
        self.ran.clear()
        return note.again()


def open_account(meter: Meter) -> AnswerAccount:
    """Open an account that counts readings in a meter."""
    account = _Account(meter, clears=meter.clears)

    def bind(reader: R, /, **rules: Apart) -> R:
        for name, apart in rules.items():
            vars(reader)[name] = _reading(account, reader, getattr(type(reader), name), apart)
        return reader

    def join(reader: R, name: str, /) -> R:
        vars(reader)[name] = _joining(account, reader, getattr(type(reader), name))
        return reader

    def confirm(texts: Sequence[Text] | None, answer: Any) -> Any:
        return account.confirm(texts, answer)

    return AnswerAccount(bind, join, confirm, meter)


def _reading(
    account: _Account, reader: Any, function: Callable[..., Any], apart: Apart
) -> Callable[..., Any]:
    """Return a reading method that reads private copies of cases, and notes what it made."""
    code = function.__code__
    second = "".join(code.co_varnames[2:3] if code.co_argcount > 2 else ())

    def read(case: Any, *given: Any, **named: Any) -> Any:
        works, own = RuleWorks(), _private(case)
        if given:
            given = (apart(given[0], works), *given[1:])
        elif second in named:
            named[second] = apart(named[second], works)
        answer = function(reader, own, *given, **named)
        works.add()
        ran = id(reader), len(text_of(own)[0]), sum(work.flops for work in works_of(answer))
        account.count(ran)
        return account.enter(answer, text_of(own), (ran,))

    return read


def _joining(account: _Account, reader: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that makes one answer of noted ones, and notes it."""

    def join(parts: Any, **named: Any) -> Any:
        if not isinstance(parts, Sequence):
            note = account.known(parts)
            answer = function(reader, note.again(), **named)
            return account.enter(answer, note.text, note.passes)
        notes = [(rows.clone(), account.known(answer)) for rows, answer in parts]
        text = _joined_text([(rows.numpy(), note.text) for rows, note in notes])
        answer = function(reader, [(rows, note.again()) for rows, note in notes], **named)
        return account.enter(answer, text, tuple(ran for _, note in notes for ran in note.passes))

    return join


def text_of(case: Any) -> Text:
    """Return the arrays that a reader reads of a case."""
    asked = getattr(case, "questions", None)
    return (case.tokens,) if asked is None else (asked.tokens, asked.lengths)


def _private(case: Any) -> Any:
    """Return a copy of a case whose text nobody else holds."""
    if hasattr(case, "tokens"):
        return replace(case, tokens=case.tokens.copy())
    return replace(case, questions=Questions(*(array.copy() for array in text_of(case))))


def _same(one: Text, other: Text) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def _joined_text(parts: Sequence[tuple[Ints, Text]]) -> Text:
    """Return the text of parts put together.

    Raises:
        MethodContractError: if a sequence is missing, or two parts differ in one.
    """
    size = 1 + max(int(rows.max(initial=-1)) for rows, _ in parts)
    whole = tuple(np.full((size, *array.shape[1:]), -1, array.dtype) for array in parts[0][1])
    for rows, text in parts:
        for into, array in zip(whole, text, strict=True):
            into[rows] = array
    met = np.unique(np.concatenate([rows for rows, _ in parts]))
    if len(met) < size or not all(
        _same(tuple(a[rows] for a in whole), text) for rows, text in parts
    ):
        raise MethodContractError(
            "The parts of an answer do not make up one text.",
            "Name for each part the rows that its sequences have in the case; leave none out.",
        )
    return whole


def _refuse_changed(answer: Any, note: _Note) -> None:
    """Refuse an answer that says something else than when it was made."""
    now = vars(answer)
    for name, made in note.made.items():
        if name in now and now[name] is not made and not _alike(now[name], made):
            what = f"{name} are not those that the engine "
            what += "computed for this batch." if name in SAID else "counted."
            raise MethodContractError(f"The answer's {what}", REMEDY)


def _alike(one: Any, other: Any) -> bool:
    with one_thread():
        return alike(one, other)


_COPY_OUT = "_copy_out"
_KINDS: dict[type[Any], type[Any]] = {}
"""Of sealed answers, by what they are an answer of."""


class Sealed:
    """The part of an answer's class that hands out copies of what the account holds."""

    def __getattr__(self, name: str) -> Any:
        """Copy a field out of the account; called where an object has no such attribute."""
        copy_out = vars(self).get(_COPY_OUT)
        if copy_out is None:
            raise AttributeError(name)
        return copy_out(self, name)


def _kind_of_sealed(kind: type[Any]) -> type[Any]:
    """Return the class of a kind of answers whose contents are in an account."""
    if kind not in _KINDS:
        _KINDS[kind] = type(kind.__name__, (Sealed, kind), {"__module__": kind.__module__})
    return _KINDS[kind]


def contents(kind: type[Any]) -> tuple[str, ...]:
    """Return the fields of an answer that hold tensors: what it says, and what was counted."""
    return tuple(
        part.name
        for part in fields(kind)
        if part.default is MISSING and part.default_factory is MISSING and part.type is not int
    )


def seal(answer: Any, copy_out: Callable[[Any, str], Any]) -> dict[str, Any]:
    """Take the contents of an answer out of it; return all of its fields."""
    made = dict(vars(answer))
    kind: type[Any] = type(answer)
    for name in contents(kind):
        del vars(answer)[name]
    vars(answer)[_COPY_OUT] = copy_out
    object.__setattr__(answer, "__class__", _kind_of_sealed(kind))
    return made


def works_of(answer: Any) -> list[Work]:
    """Return all works of an answer."""
    found: list[Work] = []
    for name in contents(type(answer)):
        _gather(vars(answer)[name], found)
    return found


def _gather(part: Any, found: list[Work]) -> None:
    if isinstance(part, Work):
        found.append(part)
    elif isinstance(part, tuple):
        for one in part:
            _gather(one, found)
    elif is_dataclass(part):
        _gather(tuple(vars(part).values()), found)


def copied(part: Any, met: dict[int, Any]) -> Any:
    """Return a copy that shares no tensor with the original; `met` holds what was copied."""
    if id(part) in met:
        return met[id(part)]
    found = part
    if isinstance(part, Tensor):
        found = part.clone()
    elif isinstance(part, tuple | list):
        found = type(part)(copied(one, met) for one in part)
    elif is_dataclass(part) and not isinstance(part, type):
        found = type(part)(**{name: copied(one, met) for name, one in vars(part).items()})
    met[id(part)] = found
    return found


def alike(one: Any, other: Any) -> bool:
    """Return whether two parts of answers are equal, tensors element by element."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return torch.equal(one, other) or bool(
            ((one == other) | (one.isnan() & other.isnan())).all()
        )
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(alike, one.values(), other.values()))
    if is_dataclass(one):
        return alike(vars(one), vars(other))
    return bool(one == other)
