"""A server that only talks: turns go there, whole answers come back.

    engine = ChatEngine("served-name", Completions("http://127.0.0.1:8000/v1"))
    engine = ChatEngine("anthropic/name", Provider("anthropic/name"))       by litellm

`POST /v1/chat/completions` puts a question into its model's own form and continues no text of ours. So it
answers, greedily or by samples, and does nothing else: steps, forced words, scores and states are refused by name.

**Thought.** A model that reasons says so apart (`reasoning_content`, `reasoning`) or between `<think>` and
`</think>` before its answer. What it thinks is no part of a completion; its tokens are `thought` where the server
counts them (`completion_tokens_details.reasoning_tokens`), and are in `generated` in any case. Thought that is
cut off by the room left no answer, and the completion is empty.

Requests of one call are sent at once, one for each sample, since servers of this protocol differ in `n`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

from adabench.workloads.shared.language_model.backends.chat_turns import turns
from adabench.workloads.shared.language_model.backends.litellm_protocol import Provider
from adabench.workloads.shared.language_model.backends.openai_protocol import (
    ChatAnswer,
    Completions,
)
from adabench.workloads.shared.language_model.backends.text_pieces import END, PIECES, TextPieces
from adabench.workloads.shared.language_model.contract import (
    TO_THE_END,
    BudgetSpent,
    Capability,
    CapabilityMissing,
    Chunk,
    Costs,
    Finish,
    Seq,
    mix,
)
from adabench.workloads.shared.language_model.stateless_engine import StatelessEngine

THINKS, THOUGHT = "<think>", "</think>"
_SEED = (1 << 31) - 1
REMEDY = "Serve the model's completions (openai:URL#NAME), or run it here: --model hf:NAME."


class ChatEngine(StatelessEngine):
    """A model behind a chat server."""

    def __init__(self, model: str, server: Completions | Provider, *, threads: int = 8) -> None:
        self.name, self.vocabulary = model, PIECES
        self.caps: frozenset[Capability] = frozenset()
        self.costs = Costs()
        self.threads = threads
        self.server = server
        self._codec = TextPieces()

    def reset(self, costs: Costs) -> None:
        """Count into `costs` from here on."""
        self.costs = costs

    def open(self, prompt: Sequence[int], key: int = 0) -> Seq:
        """Return a sequence that holds a conversation; nothing is sent yet.

        Raises:
            ValueError: for a prompt without words.
        """
        if not prompt:
            raise ValueError("A prompt needs at least one word.")
        return Seq(list(prompt), len(prompt), key, eos=END)

    def fork(self, seq: Seq, n: int) -> list[Seq]:
        """Return n children, each an answer of its own."""
        length = len(seq.ids)
        if length > seq.start:
            self._refuse("steps")
        keys = [mix(seq.key, length, child) for child in range(n)]
        return [Seq(list(seq.ids), seq.start, key, seq, eos=END) for key in keys]

    def decode(
        self,
        seqs: Sequence[Seq],
        *,
        stop: frozenset[int] = TO_THE_END,
        max_new: int,
        temperature: float = 1.0,
        top_p: float = 1.0,
    ) -> list[Chunk]:
        """Let the server answer each conversation.

        Raises:
            BudgetSpent: when the tokens of the case are gone.
            CapabilityMissing: for a step, and for more of an answer that was given.
            ServerProblem: if the server does not give what was asked.
        """
        if stop or any(len(seq.ids) > seq.start for seq in seqs):
            self._refuse("steps")
        left = self.costs.left
        most = max_new if left is None else min(max_new, left // max(1, len(seqs)))
        if most < 1:
            raise BudgetSpent
        bodies = [
            {
                "model": self.name,
                "messages": turns(self._codec.decode(seq.ids)),
                "max_tokens": most,
                "temperature": temperature,
                "top_p": top_p,
                "seed": mix(seq.key, len(seq.ids)) & _SEED,
            }
            for seq in seqs
        ]
        answers = self._sent(bodies)
        self.costs.meter["calls"] += 1
        self.costs.meter["serial_steps"] += max((one.generated for one in answers), default=0)
        chunks = [self._taken(seq, answer) for seq, answer in zip(seqs, answers, strict=True)]
        if most < max_new and any(chunk.finish == "length" for chunk in chunks):
            raise BudgetSpent
        return chunks

    def append(self, seqs: Sequence[Seq], parts: Sequence[Sequence[int]]) -> None:
        """Refuse: nobody may speak for the server's model.

        Raises:
            CapabilityMissing: always.
        """
        self._refuse("forced words")

    def _sent(self, bodies: Sequence[dict[str, Any]]) -> list[ChatAnswer]:
        """Return the answers to requests that are sent at once."""
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(self.server.talk, bodies))

    def _taken(self, seq: Seq, answer: ChatAnswer) -> Chunk:
        """Put an answer onto its sequence, and book what it cost."""
        said, thought = answer_and_thought(answer)
        whole = answer.finish == "stop"
        ids = (*self._codec.encode(said), *((END,) if whole else ()))
        seq.ids.extend(ids)
        seq.logprob = float("nan")
        meter = self.costs.meter
        meter["requests"] += 1
        meter["uncounted"] += 1  # nobody here sees what the model worked
        meter["prefilled"] += answer.prompt
        meter["cached"] += answer.cached
        meter["generated"] += answer.generated
        if thought is not None:
            meter["thought"] += thought
        finish: Finish = "stop" if whole else "length"
        return Chunk(ids, (), finish)

    def _refuse(self, what: str) -> NoReturn:
        raise CapabilityMissing(
            f"{what}: not supported on this backend ({self.name}): a chat server writes whole answers.",
            REMEDY,
        )


def answer_and_thought(answer: ChatAnswer) -> tuple[str, int | None]:
    """Return what was said behind all thought, and the tokens of thought; None: nobody counted them.

    An answer that thinks and was cut off before it came to an end of it says nothing.
    """
    text = answer.content
    begins = text.lstrip().startswith(THINKS)
    if THOUGHT in text:
        text = text.partition(THOUGHT)[2]
    elif begins:
        text = ""
    thinks = begins or THOUGHT in answer.content or answer.reasoned
    return text.strip(), answer.thought if answer.thought is not None else None if thinks else 0
