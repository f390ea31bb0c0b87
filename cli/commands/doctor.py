"""`adabench doctor`: what this machine can measure, and how long a selection would take."""

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from adabench.cli.forecast_lines import RUNS, UNKNOWN, forecast_lines
from adabench.cli.selection import TASKS_OWN, AsJson, Fixed, Scale, Select
from adabench.harness.doctor.examine import FORMULA, Examination, Package, examine
from adabench.harness.doctor.forecast import Forecast, first_turns, forecast, read_history, try_out
from adabench.harness.errors import AdabenchError, SelectionError
from adabench.harness.store import prepared_states
from adabench.profilers.hardware.capabilities import Ability

if TYPE_CHECKING:
    from adabench.harness.contract.record import Turn
    from adabench.harness.doctor.gpu_self_test import GemmEnergy, GpuSelfTest
    from adabench.workloads.shared.language_model.backends.model_profile import ModelProfile


def command(
    select: Select = None,
    seeds: Annotated[
        str, typer.Option(help="Seeds of the run to forecast.", show_default=TASKS_OWN)
    ] = "",
    repeats: Annotated[int, typer.Option(min=1, help="Repeats of the run to forecast.")] = 1,
    fixed: Fixed = None,
    scale: Scale = "embedded",
    tries: Annotated[
        float,
        typer.Option("--try", min=0, help="Seconds to spend on trying what was never recorded."),
    ] = 0.0,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Test energy on the GPU by a known load; two minutes.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Open a model and try what it can do: smollm2, hf:NAME or openai:URL#NAME.",
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Where --model runs: cpu, cuda or cuda:0.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="Its numbers: float32, bfloat16 or float16.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what this machine can measure, how long a selection would take, what a model can do."""
    if gpu:
        test_gpu(as_json)
        return
    if model is not None or device is not None or dtype is not None:
        show_model(model, device, dtype, as_json=as_json, select=select)
        return
    request = ForecastRequest(
        tuple(select or ()), tuple(fixed or ()), seeds, repeats, scale, tries
    )  # fmt: skip
    examination = examine()
    if request.select:
        turns = selected_turns(request)
        examination = replace(
            examination, forecast=forecast_run(request, turns), obstacles=find_obstacles(turns)
        )
    print(json.dumps(examination.to_json()) if as_json else page(examination))


def test_gpu(as_json: bool) -> None:
    """Print the self-test of the GPU; exit with 1 if a run here would refuse something."""
    from adabench.harness.doctor.gpu_self_test import self_test

    found = self_test()
    print(json.dumps(found.to_json()) if as_json else gpu_page(found))
    raise typer.Exit(0 if found.passed else 1)


def show_model(
    words: str | None,
    device: str | None,
    dtype: str | None,
    *,
    as_json: bool,
    select: list[str] | None,
) -> None:
    """Open a model, try what it can do, and print it.

    Raises:
        SelectionError: if no model is named, or something else is asked as well.
        EnvironmentProblem: if it cannot be opened here.
    """
    from adabench.workloads.shared.sources.model_source import open_model
    from adabench.workloads.shared.sources.model_spec import model_spec

    if words is None:
        raise SelectionError("--device and --dtype belong to a model.", "Name one with --model.")
    if select:
        raise SelectionError(
            "A model and the forecast of a selection are two questions.",
            "Ask `adabench doctor --model SPEC` for the model; `adabench doctor SELECT --set model=SPEC` "
            "says how long it would take, and which methods it cannot serve.",
        )
    profile = open_model(model_spec(words), device, dtype, probed=True).profile
    print(json.dumps(asdict(profile)) if as_json else model_page(profile))


def model_page(found: "ModelProfile") -> str:
    """Lay out what was found about a model for a terminal."""
    rows: tuple[tuple[str, str | None], ...] = (
        ("model", found.spec),
        ("kind", found.kind),
        ("parameters", _count(found.parameters, "")),
        ("vocabulary", _count(found.vocabulary, " words")),
        ("ids", f"{found.ids}, digest {found.digest}"),
        ("context", _count(found.context, " words")),
        ("device", found.device or "the server's own"),
        ("numbers", found.dtype or "the server's own"),
        ("weights", _bytes(found.weights_bytes)),
        ("keys, values", _each(found.position_bytes)),
        ("memory free", _bytes(found.free_bytes)),
    )
    width = max(len(ability.name) for ability in found.abilities)
    abilities = [
        f"{'yes' if ability.able else 'no':4} {ability.name:{width}}  {ability.how}"
        for ability in found.abilities
    ]
    facts = [f"{name:12}  {text or UNKNOWN}" for name, text in rows]
    return "\n\n".join((_section("Model", facts), _section("What it can do", abilities)))


def _count(number: int | None, unit: str) -> str | None:
    return None if number is None else f"{number:,}{unit}"


def _bytes(number: int | None) -> str | None:
    return None if number is None else f"{number / 1e9:.2f} GB"


def _each(number: int | None) -> str | None:
    return None if number is None else f"{number:,} bytes a position"


def gpu_page(found: "GpuSelfTest") -> str:
    """Lay out a self-test for a terminal."""
    return "\n\n".join(
        (
            _section("Boards", list(found.boards)),
            _section("Energy of a product of square matrices", list(map(_gemm, found.gemms))),
            _section("What a run here would refuse", list(found.refusals) or ["nothing"]),
        )
    )


def _gemm(item: "GemmEnergy") -> str:
    if item.j is None:
        return f"{item.size:6} unavailable: {item.reason}"
    ends = "" if item.interval is None else f" ({item.interval[0]:.4g} to {item.interval[1]:.4g})"
    integral = "no integral"
    if item.integral_j is not None and item.apart is not None:
        integral = f"integral {item.integral_j:.4g} J ({item.apart:+.1%})"
    idle = "" if item.idle_w is None else f", idle {item.idle_w:.0f} W"
    return (
        f"{item.size:6} {item.kind} {item.j:.4g} J{ends}, {integral}, "
        f"{item.pj_per_operation:.3g} pJ an operation, {item.watts:.0f} W{idle}, "
        f"{item.blocks} blocks, {len(item.discarded)} discarded"
    )


@dataclass(frozen=True)
class ForecastRequest:
    """The run that is to be forecast."""

    select: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    seeds: str = ""
    repeats: int = 1
    scale: str = "embedded"
    try_s: float = 0.0


def selected_turns(request: ForecastRequest) -> "tuple[Turn, ...]":
    """Return the plan of a selection.

    Raises:
        SelectionError: for a selection that makes no sense.
    """
    from adabench.harness.plan.grid import plan
    from adabench.harness.plan.request import PlanRequest, expand, seeds_or_own

    selection = PlanRequest(request.select, request.fixed)
    seeds = seeds_or_own(request.seeds)
    return plan(expand([selection]), seeds=seeds, repeats=request.repeats, scale=request.scale)


def find_obstacles(turns: "tuple[Turn, ...]") -> tuple[str, ...]:
    """Say what keeps a plan, or methods of it, from running here; with what would let them."""
    from adabench.harness.run.condition_check import check_conditions

    try:
        return tuple(map(str, check_conditions(turns)))
    except AdabenchError as problem:
        return (" ".join(filter(None, (problem.message, problem.hint))),)


def forecast_run(request: ForecastRequest, turns: "tuple[Turn, ...]") -> Forecast:
    """Say how long a plan would take, from the runs under `runs/`."""
    history = read_history(RUNS)
    if request.try_s:
        try_out(first_turns(turns, history), history, request.try_s)
    return forecast(turns, history, prepared_states.default_folder())


def page(found: Examination) -> str:
    """Lay out an examination for a terminal."""
    sections = [
        _section("Machine", _machine(found)),
        _section("What can be measured", _abilities(found.abilities)),
        _section("Noise", _timer(found)),
        _section("Smallest effect that repeats can show", _effects(found)),
        _section("Packages", _packages(found.packages)),
        _section("Prepared states", _cache(found)),
        _section("Advice", list(found.advice) or ["nothing to mend"]),
    ]
    if found.obstacles:
        sections.insert(0, _section("What cannot run", list(found.obstacles)))
    if found.forecast:
        sections.insert(0, _section("Forecast", forecast_lines(found.forecast)))
    return "\n\n".join(sections)


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _machine(found: Examination) -> list[str]:
    shown = ("cpu_model", "cores", "memory_bytes", "gpus", "driver", "system", "python",
             "adabench", "torch", "numpy", "numba", "methods")  # fmt: skip
    return [f"{name:12} {_word(found.machine[name])}" for name in shown if found.machine.get(name)]


def _word(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _abilities(abilities: tuple[Ability, ...]) -> list[str]:
    lines = []
    for item in abilities:
        lines.append(f"{item.state:6} {item.what:36} {item.reason}".rstrip())
        if item.remedy:
            lines.append(f"{'':43} -> {item.remedy}")
    return lines


def _timer(found: Examination) -> list[str]:
    timer, company = found.timer, found.timer.company
    reading = (
        f"resolution {timer.resolution_s * 1e9:.0f} ns, two readings {timer.pair_s * 1e9:.0f} ns"
    )
    loop = f"median {timer.median_s * 1e6:.1f} us, 95 % below {timer.p95_s * 1e6:.1f} us"
    floor = f"{_share(timer.floor, 2)} between blocks of 25, of single samples {timer.spread:.1%}"
    used = f"by others {_share(company.others)}, by a hypervisor {_share(company.stolen)}"
    return [
        f"clock: {reading}",
        f"a loop of 100 us: {loop} over {timer.samples} samples",
        f"noise floor {floor}",
        f"samples that waited for a processor {_share(timer.disturbed)}",
        f"processors used {used}",
    ]


def _share(value: float | None, digits: int = 1) -> str:
    return UNKNOWN if value is None else f"{value:.{digits}%}"


def _effects(found: Examination) -> list[str]:
    if not found.effects:
        return [f"{UNKNOWN}: too few samples ran undisturbed to know the noise floor"]
    shown = ", ".join(f"{item.repeats}: {item.smallest:.2%}" for item in found.effects)
    return [
        f"repeats {shown}",
        f"{FORMULA}, s = noise floor; at 5 %, found with probability 0.8",
        "At best: a method's own scatter comes on top.",
    ]


def _packages(packages: tuple[Package, ...]) -> list[str]:
    groups: dict[str, list[Package]] = {}
    for package in packages:
        groups.setdefault(package.extra or "core", []).append(package)
    return [_group(name, members) for name, members in groups.items()]


def _group(name: str, members: list[Package]) -> str:
    words = [f"{package.name} {package.version or 'missing'}" for package in members]
    remedy = next((package.remedy for package in members if package.remedy), "")
    return f"{name:12} {', '.join(words)}" + (f"  -> {remedy}" if remedy else "")


def _cache(found: Examination) -> list[str]:
    place = found.cache
    state = "writable" if place.writable else f"not writable: {place.remedy}"
    return [
        f"{place.folder}: {place.prepared} states, {place.prepared_bytes / 1e6:.1f} MB, {state}"
    ]
