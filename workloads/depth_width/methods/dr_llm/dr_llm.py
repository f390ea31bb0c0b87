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

from adabench.harness.contract.card import (
    Card,
    Claim,
    Difference,
    Frontier,
    Knob,
    OutOfReach,
    Point,
    Ratio,
    Variant,
)
from adabench.workloads.depth_width.substrate.paths.path_forward import Reply
from adabench.workloads.depth_width.substrate.paths.path_reader import PathReader, PathTask
from adabench.workloads.depth_width.substrate.paths.path_routers import Routers, decide
from adabench.workloads.depth_width.substrate.questions import Exam

CARD = Card(
    title="Dr.LLM",
    tasks=("ledger_qa", "pretrained"),
    moved_from="ledger/dr_llm",
    variants={
        "pretrained": Variant(
            conditions={"prompt": 64}, title="Dr.LLM, prepared from unlabelled text"
        )
    },
    paper="Dr.LLM: Dynamic Layer Routing in LLMs, arXiv 2510.12773, October 2025",
    slug="dr-llm",
    adapts="which layers a question skips, runs or repeats, on windows of its prompt's states",
    fidelity="reconstructed",
    skips_from="full_path",
    knobs=(Knob("p", (-0.6, -0.5, -0.4, -0.3, -0.2), -0.5, open=True, low=-1, high=1),),
    claims=(
        Claim(
            id="drllm-1",
            says="A question runs five layers of some thirty fewer than in the frozen model.",
            source="headline",
            paper="'while saving 5 layers per example on average', of 28 to 36: 26 of 31 are left",
            effect=0.839,
            expect=Ratio("executions", against="full_path"),
            requires=("drllm-gain",),
        ),
        Claim(
            id="drllm-gain",
            says="On fewer layers it answers 3.4 points more than the frozen model.",
            source="headline",
            paper="'improves accuracy by up to +3.4%p while saving 5 layers per example'",
            effect=0.034,
            expect=Difference("accuracy", against="full_path"),
            requires=("drllm-1",),
        ),
        Claim(
            id="drllm-ood",
            says="Only 0.85 points are lost on eight sets out of domain.",
            source="headline",
            paper="'only 0.85% accuracy drop' on MMLU, GSM8k, AIME and five more",
            effect=None,
            expect=OutOfReach("breadth over domains needs a language model"),
            scale="paper",
        ),
        Claim(
            id="drllm-prior",
            says="It answers up to 7.7 points more than routing methods before it.",
            source="headline",
            paper="'outperform prior routing methods by up to +7.7%p': LayerSkip, FlexiDepth, "
            "MindSkip",
            effect=0.077,
            expect=OutOfReach("the rivals are trained language models, and none reads a ledger"),
            scale="paper",
        ),
        Claim(
            id="drllm-tenth",
            says="A tenth fewer layers than the frozen model, within half a point.",
            source="own",
            paper="our bar: six layers have less to spare than thirty",
            effect=None,
            expect=Ratio("executions", against="full_path", high=0.9, keeping={"accuracy": 0.005}),
        ),
        Claim(
            id="drllm-lean",
            says="Leaning towards running layers (p = -0.2) it answers more than the frozen model.",
            source="own",
            paper="the gain alone, at the setting that favours it",
            effect=None,
            expect=Difference("accuracy", against="full_path", low=0.0, where={"p": -0.2}),
        ),
        Claim(
            id="drllm-2-static",
            says="Over layers run it answers more than the best static paths.",
            source="own",
            paper="what tells a router from a model with a layer too many",
            effect=None,
            expect=Frontier("executions", "accuracy", against="static_path", low=0.0),
        ),
        Claim(
            id="drllm-2-random",
            says="It answers more than random skipping of as many layers.",
            source="own",
            paper="the control: as many layers, whichever they are",
            effect=None,
            expect=Difference("accuracy", against="random_paths", low=0.0),
        ),
        Claim(
            id="drllm-2-blind",
            says="It answers more than its own paths dealt to other questions.",
            source="own",
            paper="the harder control: paths that spare what can be spared",
            effect=None,
            expect=Difference("accuracy", against="random_paths", low=0.0, where={"keep": "paths"}),
        ),
        Claim(
            id="drllm-3",
            says="Questions of four to six operations run more layers than those of one or two.",
            source="own",
            paper="our substrate knows which questions are hard",
            effect=None,
            expect=Ratio("deep_over_shallow", against="full_path", low=1.0),
        ),
        Claim(
            id="drllm-5",
            says="Answering at batch 1 takes at least 8 % less time.",
            source="own",
            paper="our bar: four fifths of a tenth of the layers become time",
            effect=None,
            expect=Ratio("latency_s", against="full_path", high=0.92, where={"mode": "decode1"}),
        ),
        Claim(
            id="drllm-real",
            says="On real text a tenth fewer layers than the whole model, within 1 % of its nats.",
            source="own",
            paper="our bar for a pretrained model, whose paths are taught by other labels",
            effect=None,
            expect=Ratio("executions", against="full_path", high=0.9, keeping={"nll_token": 0.036}),
            decided_on="pretrained",
        ),
        Claim(
            id="drllm-real-static",
            says="On real text it loses less than the best static path, with no more layers.",
            source="own",
            paper="what tells a router from a model with a layer too many",
            effect=None,
            expect=Difference(
                "nll_token",
                against="static_path",
                high=0.0,
                keeping={"executions": 0.1},
                where={"length": 0.9},
            ),
            decided_on="pretrained",
        ),
        Claim(
            id="drllm-real-random",
            says="On real text it loses less than random skipping of as many layers.",
            source="own",
            paper="the control: as many layers, whichever they are",
            effect=None,
            expect=Difference("nll_token", against="random_paths", high=0.0),
            decided_on="pretrained",
        ),
        Claim(
            id="drllm-real-blind",
            says="On real text it loses less than its own paths dealt to other windows.",
            source="own",
            paper="the harder control: paths that spare what can be spared",
            effect=None,
            expect=Difference(
                "nll_token", against="random_paths", high=0.0, where={"keep": "paths"}
            ),
            decided_on="pretrained",
        ),
    ),
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
