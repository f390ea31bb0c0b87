"""Puts a method of `text` to prompts that somebody else wrote, and reads likelihoods with its policy.

What a completion states is read by every rule of the task, up to the first stop string; a prompt that is word for word one of the task's own
is that very question. Likelihoods are the policy's, whatever the method. What is too long loses its beginning (`truncated`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from importlib import import_module
from typing import Any

from adabench.harness.contract.card import Scalar
from adabench.harness.contract.protocols import account
from adabench.harness.contract.record import Record
from adabench.harness.errors import MissingExtra, SelectionError
from adabench.workloads.shared.language_model.backends.tokenizer_codec import TokenizerCodec
from adabench.workloads.shared.language_model.domain import Question
from adabench.workloads.shared.language_model.stop_strings import Codec, Stops, StopStrings, cut
from adabench.workloads.shared.lm_eval_bridge.request import Likelihood
from adabench.workloads.shared.lm_eval_bridge.subject import Subject, subject
from adabench.workloads.shared.lm_eval_bridge.text_words import TextWords, Words

STEP_WORDS, STEPS = 120, 20
"""Of a foreign prompt: words after which a step is cut, and steps after which a search ends."""


class UnendedText(str):
    """A completion that came to no end: what it states last is no answer."""

    __slots__ = ()


@dataclass(frozen=True)
class Prompt:
    """What is asked, and how its completion ends."""

    context: str
    stops: Stops
    most: int
    """Words of the completion."""
    gold: str | None = None
    """What is right, if whoever asks says it; no method sees it."""


@dataclass(frozen=True)
class Solved:
    """A completion, what it cost, and how it is graded by our rules, if what is right is known."""

    text: str
    record: Record
    grades: Mapping[str, float]


class CurrentDomain:
    """The domain of the completion that is written now: a task has one, and prompts differ."""

    def __init__(self, own: Any) -> None:
        self.own = self.now = own

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now, name)


@dataclass
class TextSubject:
    """A method of `text`, ready for prompts."""

    made: Subject
    domain: CurrentDomain
    known: dict[str, list[Question]] = field(repr=False)
    """The task's own questions by their prompts."""
    met: dict[str, int] = field(default_factory=dict)

    @property
    def codec(self) -> Codec:
        """Return the codec of the model."""
        codec: Codec = self.domain.own.codec
        return codec

    def completion(self, prompt: Prompt) -> Solved:
        """Return what the method answers to a prompt.

        Raises:
            SelectionError: for an oracle, and a prompt that is none of its task's.
        """
        question, cut_off = self._question(prompt)
        own = question.prompt if prompt.context in self.known else None
        self._enter(prompt, own)
        answer, record = self.made.solve(question, own=own is not None)
        words: Words = self.made.task.completion_of(account(self.made.substrate, question, answer))
        record = _with(record, {"truncated": float(cut_off)} if cut_off else {})
        return Solved(
            self._text(words, prompt.stops), record, self._grades(words, prompt, question)
        )

    def likelihoods(
        self, context: str, continuations: Sequence[str]
    ) -> tuple[list[Likelihood], Record]:
        """Return what the policy thinks of continuations of one context.

        Raises:
            CapabilityMissing: if its backend does not score.
        """
        head, parts = self.words.pairs(context, continuations)
        return self.word_likelihoods(head, parts)

    def word_likelihoods(
        self, head: Words, parts: Sequence[Words]
    ) -> tuple[list[Likelihood], Record]:
        """Return the same of words."""
        longest = max(map(len, parts), default=0)
        kept = max(1, self.context - longest)
        question = self._foreign(head[-kept:])
        self.domain.now = self.domain.own
        found, record = self.made.measured(lambda: self._read(question, parts), question)
        lost = max(0, len(head) - kept)
        likelihoods: list[Likelihood] = found
        return likelihoods, _with(record, {"truncated": float(lost)} if lost else {})

    @property
    def context(self) -> int:
        """Return the most words that the policy reads."""
        return int(self.made.substrate.models.policy.context)

    @property
    def words(self) -> TextWords:
        """Return what reads text as the words of the model."""
        return TextWords(self.codec)

    def chat(self, turns: Sequence[Mapping[str, str]], *, asks: bool) -> str:
        """Return a conversation in the form of the model's template.

        Raises:
            SelectionError: if it has none.
        """
        if not isinstance(self.codec, TokenizerCodec) or not self.codec.has_chat:
            raise SelectionError(
                "This model has no chat template.", "Leave out --apply_chat_template."
            )
        text: str = self.codec.tokenizer.apply_chat_template(
            [dict(turn) for turn in turns],
            tokenize=False,
            add_generation_prompt=asks,
            continue_final_message=not asks,
        )
        return text

    def _question(self, prompt: Prompt) -> tuple[Question, int]:
        """Return the question of a prompt, and how many words of it were cut off."""
        count = self.met.get(prompt.context, 0)
        self.met[prompt.context] = count + 1
        known = self.known.get(prompt.context, ())
        if known:
            return known[count % len(known)], 0
        if self.made.role == "oracle":
            raise SelectionError(
                f"{self.made.cell.address} is an oracle, and has to be told the answers: it solves the "
                "questions of its own task, data and seed alone.",
                "Write them with lm_eval_bridge.text_tasks and give the model the same conditions.",
            )
        words = self.words.prompt(prompt.context)
        kept = max(1, self.context - prompt.most)
        return self._foreign(words[-kept:], count), max(0, len(words) - kept)

    def _foreign(self, words: Words, count: int = 0) -> Question:
        """Return a question of a prompt; what is asked again gets other random numbers."""
        digest = blake2b(repr((words, count)).encode(), digest_size=4).digest()
        return Question(int.from_bytes(digest, "big"), words, "")

    def _enter(self, prompt: Prompt, own: Words | None) -> None:
        """Let the domain be that of a prompt; `own` is one of the task's."""
        self.made.substrate.models.policy.stops = prompt.stops
        domain = self.domain.own
        reader = domain.answer.until(prompt.stops, every_rule=own is None)
        if own is not None:
            most = min(prompt.most, domain.room(own))
            self.domain.now = replace(domain, answer=reader, room=lambda _: most)
        else:
            self.domain.now = replace(
                domain,
                answer=reader,
                room=lambda _: prompt.most,
                step_room=STEP_WORDS,
                deepest=STEPS,
            )

    def _grades(self, words: Words, prompt: Prompt, question: Question) -> Mapping[str, float]:
        module, reader = text_grading(self.made.module), self.domain.answer
        if prompt.context in self.known:
            gold = self.made.task.grader.golds[question.index]
        elif prompt.gold is None:
            return {}
        else:
            gold = module.gold(prompt.gold)
        try:
            module.check_verifier([gold])
        except MissingExtra:  # a formula that nothing here can compare has no grade
            return {}
        right = module.Answers(reader, (gold,)).is_right(0, words)
        return {"accuracy": float(right), "malformed": float(reader(words) is None)}

    def _text(self, words: Words, stops: Stops) -> str:
        """Return the text of a completion as lm-eval's own models write it: no special words."""
        whole = self.codec.decode(words)
        if isinstance(self.codec, TokenizerCodec):
            text = str(self.codec.tokenizer.decode(list(words), skip_special_tokens=True))
            ended = bool(words) and words[-1] in self.codec.ends
        else:
            text, ended = whole, bool(words) and words[-1] == self.codec.end
        ended = ended or cut(whole, stops) != whole
        shown = cut(text, stops)
        return shown if ended else UnendedText(shown)

    def _read(self, question: Question, parts: Sequence[Words]) -> list[Likelihood]:
        self.made.substrate.models.policy.stops = ()
        with self.made.substrate.session(question) as session:
            session.require("score")
            root = session.open()
            scores = session.score(session.fork(root, len(parts)), parts)
            greedy = _greedy(session, root, parts)
        return [(sum(chances), flag) for chances, flag in zip(scores, greedy, strict=True)]


def _greedy(session: Any, root: Any, parts: Sequence[Words]) -> list[bool]:
    """Return which continuations the policy would write itself."""
    (child,) = session.fork(root, 1)
    agree, place = set(range(len(parts))), 0
    while any(len(parts[i]) > place for i in agree) and not child.finished:
        session.decode([child], max_new=1, temperature=0.0)
        word = child.ids[-1]
        agree = {i for i in agree if len(parts[i]) <= place or parts[i][place] == word}
        place += 1
    return [i in agree and len(parts[i]) <= place for i in range(len(parts))]


def _with(record: Record, values: Mapping[str, float]) -> Record:
    return replace(record, values={**record.values, **values})


def prompt_text(codec: Codec, prompt: Sequence[int]) -> str:
    """Return a prompt as text that is read back as the same words."""
    if isinstance(codec, TokenizerCodec):
        return str(codec.tokenizer.decode(list(prompt), clean_up_tokenization_spaces=False))
    return codec.decode(prompt)


def text_subject(address: str, seed: int, scale: str, asked: Mapping[str, Scalar]) -> "TextSubject":
    """Load a method of `text` with its model.

    Raises:
        SelectionError: for what names nothing, before any weight is read.
        EnvironmentProblem: if a package, a device, a network or a server is missing.
    """

    def adapted(task: Any) -> Any:
        return replace(task, domain=CurrentDomain(task.domain), load_models=_stopping(task))

    made = subject(address, seed, scale, asked, adapted)
    domain: CurrentDomain = made.task.domain
    known: dict[str, list[Question]] = {}
    for question in made.task.cases():
        known.setdefault(prompt_text(domain.own.codec, question.prompt), []).append(question)
    return TextSubject(made, domain, known)


def _stopping(task: Any) -> Any:
    def load_models() -> Any:
        models = replace(task.load_models, ends=())()  # prompts say where they end, one by one
        return replace(models, policy=StopStrings(models.policy, task.domain.codec))

    return load_models


def text_grading(task: Any) -> Any:
    """Return the module by which the task `text` grades: of what is right lm-eval's side knows no more."""
    return import_module(f"{task.__name__.rpartition('.')[0]}.truth.grading")
