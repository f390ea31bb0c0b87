"""The abilities of a completions server, and how each was found, in words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adabench.workloads.shared.language_model.backends.model_profile import ModelAbility
from adabench.workloads.shared.language_model.backends.openai import SLICE


@dataclass(frozen=True)
class ServerAbilities:
    """What was found."""

    whole_by: Mapping[str, Any]
    """What a request says so that nothing is cut off what is drawn; empty: it cannot be said."""
    logprobs: str
    """The shape that they come in; empty: none."""
    before_temperature: bool
    token_ids: bool
    says_cached: bool
    cached: int
    """Tokens of a prompt that were not read again."""
    stops: bool
    stop_reason: bool
    shows_ending: bool
    most_n: int
    echo: bool
    seeded: bool
    draws: bool
    """Whether samples differ at all."""
    streams: bool

    @property
    def usable_logprobs(self) -> bool:
        """Say whether log-probabilities are those of the model."""
        return bool(self.logprobs) and self.before_temperature

    @property
    def sends_stops(self) -> bool:
        """Say whether stop words may be left to the server."""
        return self.stops and self.stop_reason and (self.shows_ending or not self.usable_logprobs)


def described(found: ServerAbilities) -> tuple[ModelAbility, ...]:
    """Say of each ability whether it is there and how that was found."""
    return tuple(
        ModelAbility(name, able(found), (yes if able(found) else no).format(**_facts(found)))
        for name, able, yes, no in _SENTENCES
    )


def _facts(found: ServerAbilities) -> dict[str, object]:
    return {
        "shape": found.logprobs,
        "cached": found.cached,
        "n": found.most_n,
        "whole": ", ".join(found.whole_by),
        "late": "they change with the temperature" if found.logprobs else "none came",
        "steps": "by stop strings, with stop_reason"
        if found.sends_stops
        else f"{SLICE} words are drawn and read at a time; what lies behind a mark is thrown away",
        "counts": "no token of a repeated prompt was cached"
        if found.says_cached
        else "the server does not count cached tokens",
    }


_SENTENCES: tuple[tuple[str, Callable[[ServerAbilities], bool], str, str], ...] = (
    (
        "logprobs",
        lambda found: found.usable_logprobs,
        "as {shape}, the same at another temperature",
        "{late}",
    ),
    (
        "fork",
        lambda found: found.cached > 0,
        "{cached} tokens of a repeated prompt were cached",
        "{counts}",
    ),
    (
        "score",
        lambda found: found.usable_logprobs and found.echo,
        "a prompt was echoed with log-probabilities",
        "no prompt is echoed with log-probabilities",
    ),
    ("hidden", lambda _: False, "", "the protocol shows no states"),
    ("held", lambda _: False, "", "the protocol shows no cache"),
    ("limits", lambda _: False, "", "siblings of one request share their most words"),
    ("allow", lambda _: False, "", "words are not numbered alike, so none can be ruled out"),
    ("watch", lambda _: False, "", "a few log-probabilities are no whole distribution"),
    ("exact", lambda _: False, "", "a server's words may change with its batch"),
    ("steps", lambda _: True, "{steps}", ""),
    (
        "stop strings",
        lambda found: found.stops,
        "it ended before a text that it was given",
        f"it went on; {SLICE} words are drawn and read at a time",
    ),
    (
        "stop reason",
        lambda found: found.stop_reason,
        "stop_reason came with a stop",
        "an answer that stopped does not say why",
    ),
    (
        "several at once",
        lambda found: found.most_n > 1,
        "n = {n} was answered",
        "n = 2 was not answered",
    ),
    (
        "cached-token counts",
        lambda found: found.says_cached,
        "usage has cached_tokens",
        "usage has no cached_tokens",
    ),
    (
        "word times",
        lambda found: found.streams,
        "words are streamed, with the counts at the end",
        "words are not streamed with all that an answer at once has; no time is that of a word",
    ),
    (
        "token ids",
        lambda found: found.token_ids,
        "they come with log-probabilities; prefixes are sent as text all the same",
        "text alone comes back",
    ),
    (
        "whole distribution",
        lambda found: bool(found.whole_by),
        "nothing is cut: it takes {whole}",
        "it refuses top_k, min_p or penalties; its own may cut what is drawn",
    ),
    (
        "samples",
        lambda found: found.draws,
        "two seeds gave two texts, or one seed did",
        "every seed gave the likeliest text, at temperature 2 too",
    ),
    (
        "seed",
        lambda found: found.seeded,
        "one seed gave one text twice, another seed another text",
        "one seed gave two texts, or two seeds gave one",
    ),
)
