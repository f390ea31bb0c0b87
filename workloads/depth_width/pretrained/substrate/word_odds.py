"""What a reading of windows is worth, as plain data: chances of words instead of 200 MB of logits."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from adabench.workloads.depth_width.pretrained.substrate.path_reading import Reading
from adabench.workloads.depth_width.substrate.costs import costs
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.questions import Questions
from adabench.workloads.depth_width.substrate.stream import Ints


@dataclass(frozen=True)
class Windows:
    """Token ids [windows, 256], which batch it is, and how long the opening of each window is."""

    index: int
    tokens: Ints
    prompt: int

    @property
    def questions(self) -> Questions:
        """The windows as questions: the opening asks, the rest is the answer."""
        return Questions(self.tokens, np.full(len(self.tokens), self.prompt, np.int64))


@dataclass(frozen=True)
class WordOdds:
    """Logarithms of the chances that an answer gives to words, and what it took."""

    shown: Tensor
    """Of the words of a window after its opening, [windows, words]."""
    last: Tensor
    """Of every word in the place after a window, [windows, vocabulary]."""
    counted: Mapping[str, float]

    def nll(self, final: Ints) -> float:
        """Return nats per word, if `final` [windows] are the words after the windows."""
        came = self.last.gather(1, torch.from_numpy(final)[:, None])
        every = torch.cat((self.shown, came), dim=1).flatten()
        return float(F.nll_loss(every[:, None], torch.zeros(len(every), dtype=torch.long)))


def word_odds(case: Windows, answer: Answer | Reading) -> WordOdds:
    """Return what an answer says of the words after the opening, and what it took.

    A device makes the chances itself and hands over those that are asked for.
    """
    logits = answer.logits
    shown = torch.from_numpy(case.tokens[:, max(1, case.prompt) :]).to(logits.device)
    odds = logits[:, -shown.shape[1] - 1 :].float().log_softmax(-1)
    counted = costs(answer, case.tokens.size)
    counted["parameters_bytes"] *= logits.element_size() / 4
    counted["executions"] = float(answer.executions().double().mean())
    said = odds[:, :-1].gather(2, shown[..., None])[..., 0]
    return WordOdds(said.cpu(), odds[:, -1].clone().cpu(), counted)
