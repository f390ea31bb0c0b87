"""Timing twin: condition `width`, the time of a wider model under the trained model's decisions.

At width 64 a call is too short for skipped rows to pay, so time is also asked of a model of the same
arrangement that is wider and has *random weights*. Everything that leaves its backbone is replayed:

    recorded   one solve of the case with the trained model of width 64, not measured (`Ledger.rehearse`)
    replayed   the same solve with the twin: routers, gates, forecasts and the unembedding really multiply at
               the twin's width; then each hands out what the trained one said in the same call

So decisions, gathers, logits and quality are those of the trained model, made by the method's own code in the
measured region; counted work is the twin's. Heads stay 4, forecasters keep their proportion (rank d / 8),
gates of adaptive modules their 16 hidden units. In `prepare` the trained model reads.

**Trap.** The twin's own product is executed and thrown away, and a hook's microseconds are measured, once a
call, in every arm alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from adabench.harness.errors import MethodContractError
from adabench.workloads.depth_width.substrate.backbone import Backbone, hollow
from adabench.workloads.depth_width.substrate.gathered_forward import Answer
from adabench.workloads.depth_width.substrate.learners import Modules, Widened
from adabench.workloads.depth_width.substrate.units.routers_and_forecasters import Fitted, Parts

_SEED = 4_242


@dataclass
class Session:
    """One case: what was said on the way out of the trained model, call by call."""

    said: list[Tensor] = field(default_factory=list)
    at: int = 0
    """Where the replay stands; back at 0 after a whole solve."""
    recording: bool = True
    answer: Any = None
    """Of the trained model."""
    met: list["Twin"] = field(default_factory=list)

    def record(self, twin: "Twin", output: Tensor) -> None:
        """Note what a trained map said."""
        self.said.append(output)
        if twin not in self.met:
            self.met.append(twin)

    def replay(self, output: Tensor) -> Tensor:
        """Return what the trained map said where the twin's gave `output`.

        Raises:
            MethodContractError: if the solve is not the one that was recorded.
        """
        said = self.said[self.at]
        if said.shape != output.shape:
            raise MethodContractError(
                f"The twin's call {self.at} gave {tuple(output.shape)} where the trained model "
                f"gave {tuple(said.shape)}: this solve does not repeat itself."
            )
        self.at = (self.at + 1) % len(self.said)
        return said


@dataclass(eq=False)
class Twin:
    """Trained modules and their wide doubles. A method holds the former; they change places."""

    trained: Sequence[nn.Module]
    doubles: Sequence[nn.Module]
    exits: Sequence[nn.Module]
    """The maps that lead out of the backbones, the trained ones and the doubles'."""

    def __post_init__(self) -> None:
        for module in self.exits:
            module.register_forward_hook(Exit(self))

    def change(self) -> None:
        """Put the doubles where the trained modules are, or back; whoever holds one notices not."""
        for one, other in zip(self.trained, self.doubles, strict=True):
            one.__dict__, other.__dict__ = other.__dict__, one.__dict__


@dataclass(frozen=True, eq=False)
class Exit:
    """A hook on a map that leads out of a backbone."""

    twin: Twin

    def __call__(self, module: nn.Module, given: object, output: Tensor) -> Tensor | None:
        """Record what is said, or replace it by what was recorded."""
        if _stage.session is None:
            return None
        if _stage.session.recording:
            _stage.session.record(self.twin, output)
            return None
        return _stage.session.replay(output)


@dataclass
class Stage:
    """What is on: nothing, or a session."""

    session: Session | None = None


_stage = Stage()


def rehearse(solve: Callable[[], object]) -> None:
    """Record one solve with the trained modules, then put the doubles in their place."""
    finish()
    _stage.session = session = Session()
    try:
        session.answer = solve()
    except BaseException:
        _stage.session = None
        raise
    session.recording = False
    for twin in session.met:
        twin.change()


def finish() -> Session | None:
    """Put the trained modules back; return the session that was on."""
    session, _stage.session = _stage.session, None
    if session is not None and not session.recording:
        for twin in session.met:
            twin.change()
    return session


def done(width: int, answer: Answer) -> None:
    """Put the trained modules back after a replay, and look whether it was one.

    Raises:
        MethodContractError: if nothing was replayed (the method's models have no twin), or other
            positions ran than under the trained model.
    """
    session = finish()
    if session is None or not session.met:
        raise MethodContractError(
            f"Nothing was replayed at width={width}: this method's model has no twin. "
            "Leave width at 64."
        )
    if session.at or not torch.equal(session.answer.executions(), answer.executions()):
        raise MethodContractError(
            f"At width={width} other positions ran than under the trained model: "
            "this solve does not repeat itself."
        )


def of_backbone(model: Backbone, width: int) -> Backbone:
    """Give a backbone a double; return the trained one, which is what a method gets to hold."""
    if width == model.shape.width:
        return model
    double = _double(model, width)
    Twin((model,), (double,), (*_ways_out(model), *_ways_out(double)))
    return model


def of_fitted(fitted: Fitted, width: int) -> Fitted:
    """Give a backbone and its parts doubles; ranks keep their proportion to the width."""
    model, parts = fitted.model, fitted.parts
    if width == model.shape.width:
        return fitted
    rank = parts.rank * width // model.shape.width
    double = _double(model, width)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        others = Parts(parts.kind, rank, width, 2 * model.shape.layers).eval().requires_grad_(False)
    exits = (*_ways_out(model), *_ways_out(double), parts.said, others.said)
    Twin((model, parts), (double, others), exits)
    return fitted


def of_widened(widened: Widened, width: int) -> Widened:
    """Give a backbone and its granular modules doubles; gates keep their hidden width."""
    model, modules = widened.model, widened.modules
    if width == model.shape.width:
        return widened
    double = hollow(_double(model, width))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        others = Modules(width, model.shape.layers).eval().requires_grad_(False)
    if not len(modules.at(0).gate):
        others.ungate()
    gates = (
        made.at(index).said for made in (modules, others) for index in range(model.shape.layers)
    )
    exits = (*_ways_out(model), *_ways_out(double), *gates)
    Twin((model, modules), (double, others), exits)
    return widened


def _double(model: Backbone, width: int) -> Backbone:
    """Return a backbone of the same arrangement, wider, with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        return Backbone(replace(model.shape, width=width)).eval().requires_grad_(False)


def _ways_out(model: Backbone) -> tuple[nn.Module, ...]:
    return (model.head, *model.routers)
