"""A chooser without a network: it reads the same words as the model does and names what the expert would."""

from adabench.workloads.agents.tools.substrate import choice_words as words
from adabench.workloads.agents.tools.substrate.choosers import Chooser
from adabench.workloads.shared.language_model.contract import Chunk, Costs, Seq

SHIFT = {words.OK: 0, words.RISK: 0, words.DOWN: 0, words.ERROR: -1, words.LATE: 0}
"""By status: where the next tool stands, seen from what follows the restated word in the prompt."""


class ExpertEngine:
    """An engine whose words follow from the prompt and the last result."""

    name, vocabulary, caps = "expert", words.CHOICE_VOCABULARY, frozenset()

    def __init__(self):
        self.costs = Costs()

    def reset(self, costs):
        self.costs = costs

    def open(self, prompt, key=0):
        self.costs.meter["prefilled"] += len(prompt)
        return Seq(list(prompt), len(prompt), key)

    def append(self, seqs, parts):
        for seq, part in zip(seqs, parts, strict=True):
            seq.ids.extend(part)
            self.costs.meter["prefilled"] += len(part)

    def decode(self, seqs, **_):
        return [self._next(seq) for seq in seqs]

    def close(self, seq):
        seq.ids.clear()

    def _next(self, seq):
        part = choice(seq.ids)
        seq.ids.extend(part)
        self.costs.meter["generated"] += len(part)
        return Chunk(tuple(part), (0.0,) * len(part), "stop")


def choice(ids):
    """Return the words that the expert writes behind these."""
    end = ids.index(words.END_PROMPT)
    prompt, heard = ids[: end + 1], ids[end + 1 :]
    if not heard:
        return words.call_words(prompt[1] - words.FIRST_TOOL)
    status, restated = heard[-2:]
    following = prompt[prompt.index(restated) + 1 + SHIFT[status]]
    if status == words.RISK:
        return words.HAND_OFF, words.END_STEP
    if following == words.END_PROMPT:
        return words.DONE, words.END_STEP
    if not words.FIRST_TOOL <= following < words.FIRST_TOOL + words.TOOLS:
        return words.HAND_OFF, words.END_STEP
    return words.call_words(following - words.FIRST_TOOL)


def expert(name=""):
    """Return the chooser; `name` is what a loader is asked for."""
    found = Chooser(ExpertEngine(), "expert")
    object.__setattr__(found, "note", lambda: None)
    return found
