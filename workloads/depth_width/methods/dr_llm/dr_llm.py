"""Dr.LLM: each question takes its own path of layers through a frozen model.

Before each layer a small router reads the prompt and says how often the layer runs:

    passes_l = argmax  mean over windows w of  R_l(mean of h_l over window w)     in {0, 1, 2}

Routers are taught by paths that a length-aware tree search found on training questions
(`path_search.py`), with a focal loss that holds its own against nine tenths of "once"
(`path_routers.py`). A skipped layer is not called for that question and stores no keys; a
repeated one has two slots of keys (`path_forward.py`).

**Decided at prefill, once.** The released forward decides anew at every call, in cached decoding
from a single row. Here the prompt decides and decoding follows.

`p` mixes the routers' chances with a certain choice: -1 skips everything, -0.5 is the routers' own,
0.5 the frozen model, 1 repeats everything.

**What is simplified.** Three answers of one token each; routers of width 32; 50 simulations on 600
questions. Of the labels 5 to 10 % are repairs; they are drawn so often that they make 30 % of a
batch, where the paper collects until 30 % of its questions are. Three departures
(`path_routers.py`): a path is taught only if it is right on six siblings of a question, labels come
from a menu of four common paths, and 1800 more questions are labelled from the menu. The search
costs 67 to 81 forwards a question, as the checkpoint's card says.

**What to expect.** Written before measuring: a tenth of the layers saved within half a point at
`p` = -0.5, mostly at k = 1 and 2; nothing gained at k = 5 and 6, where labels are
luck; paths drawn from the same distribution lose a few points. Reading windows costs as much as
a tenth of a layer, so decoding at batch 1 keeps less than the layers promise.

**On `pretrained` it is a variant, prepared from unlabelled text**: the paper's routers learn from
answers that are right. There the first 64 words of a window are the prompt that decides; words are
not right or wrong, so a path is labelled by what it does to the model's own predictions, at one price
a layer (`window_path_search.py`); routers are then leant to 0.9 of the layers
(`train_window_routers.py`). All claims there are our own.

**Ways to fake it.** The search's path of the test question; routers that read answer positions;
repairs by luck, taught as labels; always "once" (macro-F1 stands in the checkpoint's card);
counting skipped layers but running them because the batch disagrees; the keys of a first pass
used for the second; a base that was trained on and is called frozen.
"""

from dataclasses import dataclass

from adabench.harness.contract.card import Card, Knob, OnTask, Point
from adabench.workloads.depth_width.substrate.paths.path_forward import Reply
from adabench.workloads.depth_width.substrate.paths.path_routers import (
    PathReader,
    PathTask,
    Routers,
    decide,
)
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="Dr.LLM",
    tasks=("ledger_qa", "pretrained"),
    moved_from="ledger/dr_llm",
    on_task={
        "pretrained": OnTask(
            conditions={"prompt": 64}, title="Dr.LLM, prepared from unlabelled text"
        )
    },
    paper="Dr.LLM: Dynamic Layer Routing in LLMs, arXiv 2510.12773, October 2025",
    slug="dr-llm",
    adapts="which layers a question skips, runs or repeats, on windows of its prompt's states",
    signal=("depth_width.substrate.paths.path_routers:Routers.forward",),
    fidelity="reconstructed",
    skips_from="full_path",
    knobs=(Knob("p", (-0.6, -0.5, -0.4, -0.3, -0.2), -0.5, open=True, low=-1, high=1),),
)


@dataclass(frozen=True)
class Routed:
    """A reader of the frozen model, and the routers."""

    reader: PathReader
    routers: Routers


def prepare(task: PathTask, point: Point, seed: int) -> Routed:
    """Restore the backbone and its routers."""
    reader, guided = task.guided("dr-llm")
    return Routed(reader, guided.routers)


def solve(routed: Routed, exam: Exam, point: Point) -> Reply:
    """Answer each question along the path that its prompt decides."""
    more = sum(weight.numel() for weight in routed.routers.parameters())
    return routed.reader.answer(exam, decide(routed.routers, float(point["p"])), more=more)
