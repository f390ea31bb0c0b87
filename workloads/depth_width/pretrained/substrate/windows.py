"""A case of this task: windows of text, which are streams and questions at once."""

from dataclasses import dataclass

import numpy as np

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
