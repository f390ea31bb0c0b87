"""Points that a model cannot have: too few layers for them, or MLPs that cannot be cut.

A plan says so before a run begins (`task.missing_point`); what is asked for all the same is skipped, in the same words.
"""

from collections.abc import Mapping

from adabench.harness.contract.card import Scalar
from adabench.harness.errors import MissingAbility
from adabench.workloads.depth_width.pretrained.substrate import plans
from adabench.workloads.depth_width.substrate.learners import LEARNERS
from adabench.workloads.depth_width.substrate.llama_decoder.llama_shape import RealShape


def whole_percent(shape: RealShape, kind: str, percent: int) -> int:
    """Return the share of a static model such as `static-late` in percent, rounded down to whole units.

    Raises:
        MissingAbility: if that is no unit, or no layer where whole layers go.
    """
    units, fitted = 2 * shape.layers, kind == "static-fitted"
    count = percent * units // 100
    if not count or (not fitted and not round(count / 2)):
        least = -(-(100 if fitted else 200) // units)
        raise MissingAbility(
            f"{percent} % of its {units} units is less than one {'unit' if fitted else 'layer'}.",
            f"Ask for a sparsity of {least / 100:g} or more."
            if least < 100
            else "Name a deeper model.",
        )
    return round(100 * count / units)


def need_exits(shape: RealShape) -> None:
    """Make sure that there is a layer behind which words can leave.

    Raises:
        MissingAbility: if there is none.
    """
    if not plans.exits(shape):
        raise MissingAbility(
            f"Of {shape.layers} layer there is none behind which words could leave.",
            "Name a deeper model.",
        )


def need_paths(shape: RealShape) -> None:
    """Make sure that a path can leave a layer out.

    Raises:
        MissingAbility: if nothing would be left.
    """
    if shape.layers < 2:
        raise MissingAbility(
            f"A path that leaves out one of {shape.layers} layer has none.", "Name a deeper model."
        )


def need_length(shape: RealShape, length: int) -> None:
    """Make sure that static paths of a length are searched.

    Raises:
        MissingAbility: if they are not.
    """
    need_paths(shape)
    least = plans.shortest(shape.layers)
    if not least <= length <= shape.layers:
        raise MissingAbility(
            f"No static path of {length} of its {shape.layers} layers is searched.",
            f"Ask for {least} to {shape.layers}.",
        )


def need_learners(shape: RealShape) -> None:
    """Make sure that MLPs can be cut into equal learners.

    Raises:
        MissingAbility: if they cannot.
    """
    if not shape.hidden:
        raise MissingAbility(
            "Its MLPs are experts, and not made of hidden units that could run apart.",
            "Leave out acm, random_width and static_width.",
        )
    if more := shape.hidden % LEARNERS:
        raise MissingAbility(
            f"Its MLPs have {more} hidden units more than {LEARNERS} equal learners would.",
            "Leave out acm, random_width and static_width.",
        )


def check_point(shape: RealShape, method: str, point: Mapping[str, Scalar]) -> None:
    """Make sure that a model has the point that a method is to run at.

    Raises:
        MissingAbility: if it has not.
    """
    if method == "static_units":
        kind = f"static-{point['order']}"
        whole_percent(shape, kind, round(100 * float(point["sparsity"])))
    elif method in ("early_exit", "random_exit"):
        need_exits(shape)
    elif method == "static_path":
        length = float(point["length"])
        need_length(shape, round(length * shape.layers) if length < 1 else int(length))
    elif method in ("dr_llm", "random_paths"):
        need_paths(shape)
    elif method in ("acm", "random_width", "static_width"):
        need_learners(shape)
