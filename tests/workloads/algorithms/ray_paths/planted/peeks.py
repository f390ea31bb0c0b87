"""Planted: it looks the paths up."""

from adabench.workloads.algorithms.ray_paths.truth.all_paths import enumerate_paths


def solve(task, case, point):
    return task.trace(case, enumerate_paths)
