"""Searches a declared space of nulls for the largest error: few trials everywhere, then many at the worst.

Few trials are spent on a grid first, then at the edge of the space to which the error rises over the grid.
The largest of many noisy estimates is too large on average; only the second stage, on independent trials, is
an estimate of the error at the points that it names. Its bound covers those points and no others.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from tqdm import tqdm

from adaptive import montecarlo as mc
from adaptive.design.protocol import Design
from adaptive.errors import BadInput
from adaptive.oc.calibrate_bounds import upper_bound
from adaptive.oc.calibrate_errors import Plan, count_claims
from adaptive.oc.null_space import Box, Point, is_beside_benefit, null_at, points_of
from adaptive.oc.null_space_edges import edge_sets
from adaptive.scenario.truth import Scenario
from adaptive.simulate.drivers import simulate as simulate_trials

MARKED = 0.25
"""Share of a drift's interval at either end, on the log scale, where the drift is marked."""


@dataclass(frozen=True)
class Stages:
    """How the space is searched.

    Attributes
    ----------
    error
        ``any_false_claim`` or ``per_comparison``.
    n_points
        Sobol points per pattern of nulls, beside the centre of the box.
    n_first, n_second
        Trials per point of the first and of the second stage.
    n_worst
        Points of the second stage.
    gamma
        Probability with which the bounds may fail, all together.
    seed, second_seed
        Root seeds of the stages.
    """

    error: str
    n_points: int
    n_first: int
    n_second: int
    n_worst: int
    gamma: float
    seed: int
    second_seed: int


@dataclass(frozen=True)
class Measured:
    """The error at one point."""

    point: Point
    count: int
    n: int

    @property
    def estimate(self) -> mc.Estimate:
        """The error with its Monte Carlo error."""
        return mc.proportion_of_counts(self.count, self.n)


@dataclass(frozen=True)
class Searched:
    """Both stages.

    Attributes
    ----------
    first
        Every point, in the order of the space, then those at its edge.
    second
        The worst points of the first stage on independent trials, the worst of them first.
    uppers
        Simultaneous exact upper bound of each of ``second``.
    n_edge
        How many of ``first``, the last ones, lie at the edge to which the errors of the others rise.
    """

    first: tuple[Measured, ...]
    second: tuple[Measured, ...]
    uppers: tuple[float, ...]
    n_edge: int

    @property
    def bias(self) -> float:
        """How much the first stage's estimates exceed the second's at the same points, on average."""
        before = {item.point.number: item.estimate.estimate for item in self.first}
        return float(np.mean([before[item.point.number] - item.estimate.estimate for item in self.second]))


def search_nulls(
    design: Design,
    base: Scenario,
    box: Box,
    stages: Stages,
    *,
    progress: bool = False,
    simulate: Callable = simulate_trials,
) -> Searched:
    """Return the errors of both stages.

    Raises
    ------
    BadInput
        If both stages have the same seed.
    """
    if stages.seed == stages.second_seed:
        raise BadInput(
            f"second_seed: {stages.second_seed} is the seed of the first stage, which chose the "
            f"worst points by "
            "their trials; give another"
        )

    def measure(points: Sequence[Point], seed: int, n: int, title: str) -> list[Measured]:
        plan = Plan(seed, n, simulate=simulate)
        found = []
        for point in tqdm(points, desc=title, unit="point", file=sys.stderr, disable=not progress):
            counts = count_claims(design, null_at(base, design.endpoint, box, point), plan)
            found.append(Measured(point, counts.worst(stages.error), n))
        return found

    points = points_of(box, stages.n_points, stages.seed)
    first = measure(points, stages.seed, stages.n_first, "stage 1")
    edges = edge_points(box, first)
    first += measure(edges, stages.seed, stages.n_first, "stage 1, edge")
    second = measure(worst_points(box, first, stages.n_worst), stages.second_seed, stages.n_second, "stage 2")
    second.sort(key=lambda item: -item.count)
    share = stages.gamma / (len(second) * _comparisons(box, stages.error))
    uppers = tuple(upper_bound(item.count, item.n, share) for item in second)
    return Searched(tuple(first), tuple(second), uppers, len(edges))


def edge_points(box: Box, first: Sequence[Measured]) -> list[Point]:
    """Return points at the edge of the box to which the errors of ``first``, a full grid, rise."""
    n_patterns = len(box.patterns)
    counts = np.array([item.count for item in first], float).reshape(n_patterns, -1)
    grid = np.array([item.point.values for item in first[: counts.shape[1]]])
    pairs = product(range(n_patterns), edge_sets(box, grid, counts))
    return [Point(len(first) + number, *pair) for number, pair in enumerate(pairs)]


def worst_points(box: Box, first: Sequence[Measured], n_worst: int) -> list[Point]:
    """Return the points of the second stage: the worst of all, and the worst of what is reported by itself.

    These are the global null (the first pattern), arms without benefit beside one that has it, and points
    with a marked drift; without them a report could give only estimates of the first stage there, which are
    too large.
    """
    ordered = sorted(first, key=lambda item: -item.count)
    chosen = ordered[:n_worst]
    kinds: tuple[Callable[[Point], bool], ...] = (
        lambda point: point.pattern == 0,
        lambda point: is_beside_benefit(box, point.pattern),
        lambda point: is_marked_drift(box, point),
    )
    for belongs in kinds:
        chosen += [item for item in ordered if belongs(item.point)][:1]
    return list({item.point.number: item.point for item in chosen}.values())


def is_marked_drift(box: Box, point: Point) -> bool:
    """Return whether the point's drift lies in an outer quarter of its interval, on the log scale."""
    for factor, value in zip(box.factors, point.values, strict=True):
        if factor.kind == "drift" and factor.high > factor.low:
            below, above = marked_bounds(factor.low, factor.high)
            return value <= below or value >= above
    return False


def marked_bounds(low: float, high: float) -> tuple[float, float]:
    """Return the multipliers at or below which, and at or above which, a drift is marked."""
    return low * (high / low) ** MARKED, low * (high / low) ** (1 - MARKED)


def _comparisons(box: Box, error: str) -> int:
    """Return how many error rates a point may have."""
    return 1 if error == "any_false_claim" else max(int(pattern.sum()) for pattern in box.patterns)
