"""The truth about a stream: how long each setting takes over all of it."""

from functools import partial

from adabench.workloads.moe.moe_layer.substrate.expert_shards import Setting
from adabench.workloads.moe.moe_layer.substrate.layer_bench import World, modelled_stream
from adabench.workloads.moe.moe_layer.substrate.rank_group import Moment, Policy, run_stream


def timed_settings(world: World, factor: float) -> dict[Setting, float]:
    """Return the seconds of each setting, as ranks or the cost model take them."""
    run, shape = (run_stream if world.measured else modelled_stream), world.case.shape
    return {
        one: run(shape, world.stream, Policy(partial(_always, one), factor)).layer_s
        for one in shape.settings
    }


def _always(setting: Setting, moment: Moment) -> Setting:
    del moment
    return setting
