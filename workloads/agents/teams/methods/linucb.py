"""LinUCB: a bandit with a linear model of each arm's worth, over 36 paths or layer by layer. An own implementation.

    x = (1, odds of the classes);  A += x x', r += worth x;  choose  theta' x + width sqrt(x' A^-1 x),  theta = A^-1 r
    worth = a critic's word (0 or 1) - price * words

`over=layers`: each layer has arms of its own, and all three learn from the path's worth. It hears of as many requests as AMRO-S
(`logged`), by the same critic behind the client's back; others it serves without learning. With `warm_up` it has learned
from labelled requests before, each by the path that it chose, with truth in the critic's place.

**What to expect.** Written before measuring: with a warm-up 0.85, not below AMRO-S; without one 0.6 in 150 requests.

**Ways to fake it.** Truth as its reward; words of the critic that are not counted.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from adabench.harness.contract.card import Card, Knob, Point
from adabench.workloads.agents.substrate.serving.desk import Agent, Desk, Ids, Stream
from adabench.workloads.agents.substrate.serving.stream_task import AgentStreams
from adabench.workloads.agents.substrate.workflow import execute
from adabench.workloads.agents.teams.substrate.paths import LAYERS, PATHS, Path, template
from adabench.workloads.agents.teams.substrate.routers import CLASSES, router
from adabench.workloads.shared.language_model.contract import mix

CARD = Card(
    title="LinUCB over paths",
    paper="Li et al., A Contextual-Bandit Approach to Personalized News Article Recommendation, arXiv 1003.0146",
    adapts="which path answers a request, by the odds of its class and by what a critic said before",
    no_signal="a case is a stream, and classes are of its requests: `random_path` knows none",
    knobs=(
        Knob("over", ("paths", "layers"), "paths"),
        Knob("logged", (0.3,), 0.3, open=True, low=0.0, high=1.0),
        Knob("warm_up", (2,), 2, open=True, low=0),
        Knob("width", (0.5,), 0.5, open=True, low=0.0),
        Knob("price", (0.001,), 0.001, open=True, low=0.0),
    ),
)
Numbers = npt.NDArray[np.float64]
_DIE = 0x11DB


@dataclass
class Arms:
    """Linear models of so many arms over so many features."""

    count: int
    features: int
    width: float
    inverse: Numbers = field(init=False)
    """[arms, features, features]."""
    summed: Numbers = field(init=False)

    def __post_init__(self) -> None:
        """Begin with a ridge of 1."""
        self.inverse = np.stack([np.eye(self.features)] * self.count)
        self.summed = np.zeros((self.count, self.features))

    def best(self, x: Numbers) -> int:
        """Return the arm with the highest bound; the first of equals."""
        spread = self.inverse @ x
        theta = (self.inverse @ self.summed[:, :, None])[:, :, 0]
        return int(np.argmax(theta @ x + self.width * np.sqrt(spread @ x)))

    def learn(self, arm: int, x: Numbers, worth: float) -> None:
        """Take what an arm was worth."""
        spread = self.inverse[arm] @ x
        self.inverse[arm] -= np.outer(spread, spread) / (1 + x @ spread)
        self.summed[arm] += worth * x


@dataclass
class PathBandit:
    """Arms over whole paths, or over the nodes of each layer."""

    arms: list[Arms]

    def choose(self, x: Numbers) -> Path:
        """Return the path with the highest bounds."""
        places = [arms.best(x) for arms in self.arms]
        if len(places) == 1:
            return PATHS[places[0]]
        return Path(*(names[place] for names, place in zip(LAYERS, places, strict=True)))

    def learn(self, path: Path, x: Numbers, worth: float) -> None:
        """Take what a path was worth."""
        places = path.places if len(self.arms) > 1 else (PATHS.index(path),)
        for arms, place in zip(self.arms, places, strict=True):
            arms.learn(place, x, worth)


def features(odds: tuple[float, ...]) -> Numbers:
    """Return what a bandit sees of a request."""
    return np.array((1.0, *odds))


def solve(task: AgentStreams, stream: Stream, point: Point) -> tuple[Ids, ...]:
    """Return the answers of paths that the bandit chose."""
    known, price = router(task), float(point["price"])
    sizes = [len(PATHS)] if point["over"] == "paths" else [len(layer) for layer in LAYERS]
    width = float(point["width"])
    bandit = PathBandit([Arms(size, 1 + len(CLASSES), width) for size in sizes])
    draws = np.random.default_rng(mix(_DIE, task.seed))
    labelled = np.repeat(np.arange(len(known.kinds)), int(point["warm_up"]))
    for question in draws.permutation(labelled):
        kind = known.kinds[question]
        x = features(tuple(known.class_of(kind)))
        place = PATHS.index(path := bandit.choose(x))
        bandit.learn(path, x, known.right[question, place] - price * known.words[kind, place])

    def agent(desk: Desk) -> Agent:
        x = features(desk.odds(desk.read(), known.trained))
        path = bandit.choose(x)
        branch = yield from execute(desk, template(path))
        assert branch is not None, "each path ends in an answer"
        desk.offer(branch)
        desk.release()
        if mix(_DIE, task.seed, stream.index, desk.request) * 2.0**-64 < float(point["logged"]):
            words = desk.handled
            (sure,) = yield desk.check([branch])
            bandit.learn(path, x, float(sure >= 0.5) - price * words)

    return task.serve(stream, agent)
