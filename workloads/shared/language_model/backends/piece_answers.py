"""Reads answers in text: what a server wrote, as pieces, cut where a mark stands.

    reader = PieceReader(logprobs=True, sends_stops=False)
    reader.read(answer, n, stops, ends)   stops: ids of `TextPieces.stops`; ends: texts that end all

**Tokens.** Log-probabilities come in two shapes, `tokens` beside `token_logprobs`, and `content`. The
pieces are the server's own tokens, as far as they spell its text; where they do not (a sign was cut
across tokens), the text is one piece with the sum of their log-probabilities. Without
log-probabilities the text is cut as a prompt is.

**Marks.** A token may have more than the mark in it. Then it becomes two pieces: what stands before the
mark has the token's log-probability, the mark has 0. What lies behind the mark is thrown away. Where a text
stands that ends a completion, the end stands in its place, with a log-probability of 0: nobody drew it.

**Ends.** A server shows the word that ended a completion as its last token, with or without text, or
not at all; in the last case its log-probability is not known, and the reader says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adabench.workloads.shared.language_model.backends.openai_protocol import (
    Answer,
    ServerProblem,
    malformed,
)
from adabench.workloads.shared.language_model.backends.text_pieces import (
    END,
    TextPieces,
    piece_id,
    text_bytes,
)
from adabench.workloads.shared.language_model.backends.word_answers import Continuation, choices


@dataclass(frozen=True)
class Token:
    """A token as a server shows it."""

    text: bytes
    chance: float | None
    """Its log-probability; None: not given."""


@dataclass(frozen=True)
class Written:
    """What a choice says: its text as tokens, and what came behind the text."""

    tokens: tuple[Token, ...]
    tail: tuple[Token, ...]
    """Of an ending: a stop word or the model's end."""
    drawn: int


@dataclass(frozen=True)
class PieceReader:
    """Reads answers of a server whose vocabulary is not known."""

    logprobs: bool
    sends_stops: bool
    """Whether the server was told where to stop, and says which stop word it was."""

    def read(
        self, answer: Answer, n: int, stops: Sequence[int], ends: Sequence[str] = ()
    ) -> list[Continuation]:
        """Return the n continuations that an answer holds, their endings included.

        Raises:
            ServerProblem: if something that was asked for is missing.
        """
        marks = [text_bytes([word]) for word in stops]
        texts = [end.encode() for end in ends]
        return [self._continuation(choice, marks, texts) for choice in choices(answer, n)]

    def scores(self, answer: Answer, words: Sequence[int], start: int) -> list[float]:
        """Return the log-probabilities of the pieces of an echoed prompt from `start` on.

        A piece has those of the tokens that begin in it.

        Raises:
            ServerProblem: if the prompt was not echoed, or one of its tokens lies on both sides of
                the seam.
        """
        tokens = shown_tokens(answer.choices[0]) if answer.choices else []
        prompt = text_bytes(words)
        if not b"".join(_texts(tokens)).startswith(prompt):
            raise ServerProblem(
                "The server did not echo the prompt with log-probabilities.",
                "It cannot score: choose a method that needs no `score`.",
            )
        ends = [len(text_bytes(words[: place + 1])) for place in range(len(words))]
        seam = ends[start - 1] if start else 0
        found = [0.0] * len(words)
        begin = 0
        for token in tokens:
            if begin >= len(prompt):
                break
            if begin < seam < begin + len(token.text):
                raise ServerProblem(
                    "The server reads the end of a prefix and the beginning of its continuation "
                    "as one token.",
                    "Cut the text elsewhere, such as before a blank.",
                )
            place = next(place for place, end in enumerate(ends) if begin < end)
            found[place] += token.chance or 0.0
            begin += len(token.text)
        return found[start:]

    def _continuation(
        self, choice: dict[str, Any], marks: Sequence[bytes], ends: Sequence[bytes]
    ) -> Continuation:
        written = _written(choice)
        if self.logprobs and any(token.chance is None for token in written.tokens):
            raise ServerProblem(
                "The server sent no log-probabilities.",
                "Make the engine with logprobs=False; methods that need them will say so.",
            )
        found = _cut(written, (*marks, *ends))
        if found is not None:
            before, (mark,), discarded = found
            ending = [Token(b"", 0.0) if mark.text in ends else mark]
            return self._made(before, ending, discarded, written.drawn)
        stopped = choice.get("finish_reason") == "stop"
        tokens, discarded = list(written.tokens), 0
        ending = []
        if stopped:
            ending = [self._ending(choice, written, marks, ends)]
        else:
            tokens, discarded = _whole(tokens)
        return self._made(tokens, ending, discarded, written.drawn)

    def _ending(
        self,
        choice: dict[str, Any],
        written: Written,
        marks: Sequence[bytes],
        ends: Sequence[bytes],
    ) -> Token:
        """Return the word at which a completion stopped, which its text does not show."""
        mark = b""
        if marks and self.sends_stops:
            if "stop_reason" not in choice:
                raise ServerProblem(
                    "The server does not say whether a stop word or the end was reached.",
                    "Make the engine with sends_stops=False, which reads the text again.",
                )
            mark = str(choice["stop_reason"] or "").encode()
            mark = b"" if mark in ends else mark
            if mark and mark not in marks:
                raise malformed(f"the stop word {choice['stop_reason']!r}, which was not asked for")
        given = [token.chance for token in written.tail if token.chance is not None]
        if self.logprobs and not given and not ends:
            raise ServerProblem(
                "The server sent no log-probability for the ending of a completion.",
                "Make the engine with logprobs=False; methods that need them will say so.",
            )
        return Token(mark, sum(given))

    def _made(
        self, tokens: Sequence[Token], ending: Sequence[Token], discarded: int, drawn: int
    ) -> Continuation:
        ids = [piece_id(token.text) for token in tokens]
        ids += [piece_id(token.text) if token.text else END for token in ending]
        chances = [token.chance or 0.0 for token in (*tokens, *ending)] if self.logprobs else []
        return Continuation(ids, chances, bool(ending), drawn, discarded)


def shown_tokens(choice: dict[str, Any]) -> list[Token]:
    """Return the tokens of a choice with their log-probabilities, in either shape; else none."""
    found = choice.get("logprobs") or {}
    content = found.get("content")
    if content:
        return [Token(_spelled(entry), entry.get("logprob")) for entry in content]
    tokens, chances = found.get("tokens") or (), found.get("token_logprobs") or ()
    return [
        Token(text.encode("utf-8", "replace"), chance)
        for text, chance in zip(tokens, chances, strict=False)
    ]


def _spelled(entry: dict[str, Any]) -> bytes:
    given = entry.get("bytes")
    text = str(entry.get("token") or "").encode("utf-8", "replace")
    return text if given is None else bytes(given)


def _written(choice: dict[str, Any]) -> Written:
    """Divide what a choice shows into its text and what ended it."""
    text = str(choice.get("text") or "").encode("utf-8", "replace")
    tokens = shown_tokens(choice)
    if not tokens:
        pieces = TextPieces().encode(text.decode())
        cut = tuple(Token(text_bytes([word]), None) for word in pieces)
        return Written(cut, (), len(cut) + (choice.get("finish_reason") == "stop"))
    spelled = b"".join(_texts(tokens))
    if choice.get("finish_reason") != "stop" and not text.startswith(spelled):
        # All of it is text, whole signs or not: a server holds a part of a sign back.
        held_back = spelled.startswith(text.decode("utf-8", "ignore").rstrip("\ufffd").encode())
        if held_back:
            return Written(tuple(_spoken(tokens)), (), len(tokens))
    if not spelled.startswith(text):
        known = [token.chance for token in tokens if token.chance is not None]
        one = Token(text, sum(known) if len(known) == len(tokens) else None)
        return Written((one,) if text else (), (Token(b"", 0.0),), len(tokens))
    return Written(*_divided(tokens, len(text)), len(tokens))


def _divided(tokens: Sequence[Token], length: int) -> tuple[tuple[Token, ...], tuple[Token, ...]]:
    """Cut tokens behind so many bytes; a token on both sides has its chance on the first."""
    before: list[Token] = []
    behind: list[Token] = []
    begin = 0
    for token in tokens:
        room = length - begin
        begin += len(token.text)
        if room <= 0:
            behind.append(token)
        elif len(token.text) <= room:
            before.append(token)
        else:
            before.append(Token(token.text[:room], token.chance))
            behind.append(Token(token.text[room:], 0.0))
    return tuple(_spoken(before)), tuple(behind)


def _spoken(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield tokens with text; one without (a sign of control) leaves its chance to the next."""
    silent: float = 0.0
    for token in tokens:
        if not token.text:
            silent += token.chance or 0.0
        elif token.chance is None:
            yield token
        else:
            yield Token(token.text, token.chance + silent)
            silent = 0.0


def _cut(
    written: Written, marks: Sequence[bytes]
) -> tuple[tuple[Token, ...], list[Token], int] | None:
    """Return the tokens before the first mark, the mark, and how many tokens lie behind it."""
    tokens = (*written.tokens, *written.tail)
    text = b"".join(_texts(tokens))
    places = [(place, -len(mark), mark) for mark in marks if (place := text.find(mark)) >= 0]
    if not places:
        return None
    place, _, mark = min(places)
    before, rest = _divided(tokens, place)
    inside, behind = _divided(rest, len(mark))
    # A token that holds the mark and more is not behind it.
    discarded = len(behind) - (len(inside) + len(behind) > len(rest))
    return before, [Token(mark, sum(token.chance or 0.0 for token in inside))], discarded


def _whole(tokens: list[Token]) -> tuple[list[Token], int]:
    """Leave out the last tokens until no sign of the text is cut; the server will draw them again."""
    for count in range(len(tokens), 0, -1):
        if _is_text(b"".join(_texts(tokens[:count]))):
            return tokens[:count], len(tokens) - count
    return tokens, 0


def _texts(tokens: Sequence[Token]) -> Iterator[bytes]:
    return (token.text for token in tokens)


def _is_text(spelled: bytes) -> bool:
    try:
        spelled.decode()
    except UnicodeDecodeError:
        return False
    return True
