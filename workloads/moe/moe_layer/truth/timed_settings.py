"""The truth about a stream: how long each setting takes over all of it."""

from adabench.workloads.moe.moe_layer.substrate.expert_shards import Setting
from adabench.workloads.moe.moe_layer.substrate.layer_bench import World, modelled_stream
from adabench.workloads.moe.moe_layer.substrate.rank_group import Moment, Policy, run_stream


def timed_settings(world: World, factor: float) -> dict[Setting, float]:
    """Return the seconds of each setting, as ranks or the cost model take them: one group runs them one after the other."""
    run, settings = (run_stream if world.measured else modelled_stream), world.case.shape.settings
    count = len(world.stream.tokens)

    def choose(moment: Moment) -> Setting:
        return settings[moment.iteration // count]

    took = run(
        world.case.shape, world.stream.repeated(len(settings)), Policy(choose, factor)
    ).seconds
    return {one: sum(took[n * count : (n + 1) * count]) for n, one in enumerate(settings)}
