"""Posterior answers by tensor quadrature in plain NumPy and SciPy, sharing no code with the package.

Given ``mu`` and ``tau`` the subgroups are independent, so a subgroup's likelihood smoothed by Normal(0, tau)
is all that the others need of it. Every integral over log hazard ratios, ``mu`` and ``tau`` is a sum over a
tensor grid, whose box is placed by two-arm fits. For smooth integrands such sums, and integrals up to a limit
by sinc interpolation, converge faster than any power of the step. The answer is computed on two grids and two
boxes; its error is the difference between them. It must not import the package or JAX.
"""

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from scipy.optimize import brentq
from scipy.special import sici

MARGINS = (1.0, 0.8)
LEVELS = (0.025, 0.975)
MAX_POINTS = {1: 1600, 2: 420, 3: 180, 4: 44}
POINTS_PER_SD = {1: 6.0, 2: 4.0, 3: 2.6, 4: 2.1}
FLOOR = 1e-6
"""Smallest error that is stated."""


@dataclass(frozen=True)
class Box:
    """Grids of the log hazard ratios of each arm, and the rule for ``tau`` (nodes, weights)."""

    grids: tuple
    taus: tuple


@dataclass(frozen=True)
class Problem:
    """One table with its model: events and person-months (S, A, J), prior numbers, kind of pooling."""

    events: np.ndarray
    exposure: np.ndarray
    prior: dict
    model: str

    def one_arm(self, b: int) -> "Problem":
        """Control and experimental arm ``b`` alone."""
        return replace(self, events=self.events[:, [0, b + 1]], exposure=self.exposure[:, [0, b + 1]])

    def log_likelihood(self, s: int, grids) -> np.ndarray:
        """Log likelihood of subgroup ``s`` on the tensor grid, largest value 0."""
        axes = np.meshgrid(*grids, indexing="ij", sparse=True)
        events, exposure = self.events[s], self.exposure[s]
        value = sum(events[b + 1].sum() * axis for b, axis in enumerate(axes))
        for j in range(events.shape[1]):
            total = self.prior["baseline_rate"] + exposure[0, j]
            total = total + sum(np.exp(axis) * exposure[b + 1, j] for b, axis in enumerate(axes))
            value = value - (self.prior["baseline_shape"] + events[:, j].sum()) * np.log(total)
        return value - value.max()


def solve(problem: Problem) -> dict:
    """Return value and error of every answer, and how it was made.

    Returns
    -------
    dict
        ``{"answers": {name: (value, error)}, "made": {...}}`` with names ``p_below`` (G, S, B), ``p_best``
        (S, A), ``mean``, ``sd`` (S, B) and ``quantile`` (Q, S, B).
    """
    fine, coarse = place(problem, 1.0, 0.08), place(problem, 0.75, 0.0)
    better, worse = answers(problem, fine), answers(problem, coarse)
    pairs = {name: (better[name], np.abs(better[name] - worse[name]) + FLOOR) for name in better}
    points = [len(grid) for grid in fine.grids]
    steps = [round(float(grid[1] - grid[0]), 5) for grid in fine.grids]
    return {"answers": pairs, "made": {"points": points, "step": steps, "tau_nodes": len(fine.taus[0])}}


def place(problem: Problem, density: float, margin: float) -> Box:
    """Return grids that cover the posterior and a margin; ``density`` scales the number of points."""
    n_exp = problem.events.shape[1] - 1
    upper = 6.5 * problem.prior["tau_scale"]
    first = np.linspace(-9.0, 7.0, 1601)
    grids, top = [], 0.0
    for b in range(n_exp):
        arm = problem.one_arm(b)
        rough = Box((first,), tau_rule(upper, 24))
        joint, mu, tau_mass = densities(arm, rough)
        marginals = [*joint, mu] if _between(arm) else joint
        ends = np.array([_reach(m, first) for m in marginals])
        sd = min(_narrowest(m, first) for m in marginals)
        low, high = ends[:, 0].min(), ends[:, 1].max()
        low, high = low - margin * (high - low), high + margin * (high - low)
        step = max(sd / POINTS_PER_SD[n_exp], (high - low) / MAX_POINTS[n_exp])
        grids.append(np.linspace(low, high, int(density * (high - low) / step) + 2))
        top = max(top, _last(tau_mass, rough.taus[0], upper))
    return Box(tuple(grids), tau_rule(top, int(density * (40 if n_exp < 3 else 26))))


def tau_rule(upper: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre rule on (0, upper), denser towards 0: tau = upper u^1.5."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    u = 0.5 * (nodes + 1.0)
    return upper * u**1.5, upper * 0.75 * weights * u**0.5


def answers(problem: Problem, box: Box) -> dict:
    """Every answer on one grid."""
    joint = densities(problem, box)[0]
    cells = [[Marginal(x, box.grids, b) for b in range(x.ndim)] for x in joint]
    gather = lambda f: np.array([[f(m) for m in row] for row in cells])  # noqa: E731
    best = {id(x): best_arm(x, box.grids) for x in joint}
    return {
        "p_below": np.array([gather(lambda m, g=g: m.below(np.log(g))) for g in MARGINS]),
        "p_best": np.array([best[id(x)] for x in joint]),
        "mean": gather(lambda m: m.mean),
        "sd": gather(lambda m: m.sd),
        "quantile": np.array([gather(lambda m, q=q: m.quantile(q)) for q in LEVELS]),
    }


def densities(problem: Problem, box: Box):
    """Return each subgroup's joint density, the density of ``mu``, and the mass at each node of ``tau``."""
    n = problem.events.shape[0]
    logs = [problem.log_likelihood(s, box.grids) for s in range(n)]
    if _between(problem):
        return _with_heterogeneity(problem, box, [np.exp(x) for x in logs])
    flat = np.ones(len(box.taus[0]))
    if problem.model == "partial_pooling":
        return [np.exp(logs[0]) * _one_subgroup_prior(problem, box)], None, flat
    prior = _normal(problem.prior["mu_scale"], box.grids)
    if problem.model == "full_pooling":
        total = sum(logs)
        return [np.exp(total - total.max()) * prior] * n, None, flat
    return [np.exp(x) * prior for x in logs], None, flat


def _with_heterogeneity(problem: Problem, box: Box, lik: list):
    """Return the same for partial pooling of two subgroups or more."""
    prior = _normal(problem.prior["mu_scale"], box.grids)
    joint, mu, tau_mass = [np.zeros_like(x) for x in lik], np.zeros_like(lik[0]), []
    for tau, weight in zip(*box.taus, strict=True):
        kernels = [kernel(tau, grid) for grid in box.grids]
        smooth = [convolve(kernels, x) for x in lik]
        mass = weight * np.exp(-0.5 * (tau / problem.prior["tau_scale"]) ** 2) * prior
        for s, others in enumerate(_all_but_one(smooth)):
            joint[s] += lik[s] * convolve([k.T for k in kernels], mass * others)
        full = mass * reduce(np.multiply, smooth)
        mu += full
        tau_mass.append(full.sum())
    return joint, mu, np.array(tau_mass)


def _all_but_one(factors: list):
    """Products of all factors but one."""
    after = [np.ones_like(factors[0])]
    for x in factors[:0:-1]:
        after.append(after[-1] * x)
    before = np.ones_like(factors[0])
    for x, rest in zip(factors, reversed(after), strict=True):
        yield before * rest
        before = before * x


def kernel(tau: float, grid: np.ndarray) -> np.ndarray:
    """Return Normal(row's point, tau) at the columns' points, in steps; for small ``tau`` three points.

    The three have the same variance. Rows are not scaled to sum to 1: mass outside the box is lost, which
    conditions the posterior on the box. Scaling would favour large ``tau`` instead.
    """
    step = grid[1] - grid[0]
    if tau < 0.7 * step:
        side, n = 0.5 * (tau / step) ** 2, len(grid)
        return (1.0 - 2.0 * side) * np.eye(n) + side * (np.eye(n, k=1) + np.eye(n, k=-1))
    scaled = (grid[:, None] - grid[None, :]) / tau
    return np.exp(-0.5 * scaled**2) * (step / (tau * np.sqrt(2.0 * np.pi)))


def convolve(kernels: list, values: np.ndarray) -> np.ndarray:
    """Apply a matrix along every axis."""
    for axis, matrix in enumerate(kernels):
        values = np.moveaxis(np.tensordot(matrix, values, axes=([1], [axis])), 0, axis)
    return np.ascontiguousarray(values)


def _between(problem: Problem) -> bool:
    """Whether ``mu`` and ``tau`` are to be integrated on the grid; one subgroup needs only ``tau``."""
    return problem.model == "partial_pooling" and problem.events.shape[0] > 1


def _normal(scale: float, grids) -> np.ndarray:
    """Product of Normal(0, scale) densities over the tensor grid."""
    parts = [np.exp(-0.5 * (grid / scale) ** 2) / scale for grid in grids]
    return reduce(np.multiply.outer, parts)


def _one_subgroup_prior(problem: Problem, box: Box) -> np.ndarray:
    """Prior of one subgroup: ``mu`` adds its variance to that of ``tau``."""
    mu, scale = problem.prior["mu_scale"], problem.prior["tau_scale"]
    pairs = zip(*box.taus, strict=True)
    return sum(w * np.exp(-0.5 * (t / scale) ** 2) * _normal(np.hypot(mu, t), box.grids) for t, w in pairs)


class Marginal:
    """One marginal of a tensor density, integrated up to any limit by sinc interpolation."""

    def __init__(self, density: np.ndarray, grids, axis: int):
        values = density.sum(axis=tuple(c for c in range(density.ndim) if c != axis))
        self.grid, self.mass = grids[axis], values / values.sum()
        self.mean = float(self.mass @ self.grid)
        self.sd = float(np.sqrt(self.mass @ (self.grid - self.mean) ** 2))

    def below(self, limit: float) -> float:
        """Probability below ``limit``."""
        return float(self.mass @ (1.0 - share_above(np.array([limit]), self.grid)[0]))

    def quantile(self, level: float) -> float:
        """Return the value with probability ``level`` below it."""
        return float(brentq(lambda x: self.below(x) - level, self.grid[0], self.grid[-1], xtol=1e-9))


def share_above(limits: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Integral of each grid point's sinc function above each limit, in steps: (limits, points)."""
    step = grid[1] - grid[0]
    return 0.5 + sici(np.pi * (grid[None, :] - limits[:, None]) / step)[0] / np.pi


def best_arm(density: np.ndarray, grids) -> np.ndarray:
    """Probability that each arm, control first, has the lowest log hazard ratio."""
    zero = np.array([0.0])
    above = [share_above(zero, grid)[0] for grid in grids]
    control = reduce(lambda x, w: np.tensordot(x, w, axes=([0], [0])), above, density)
    shares = [float(control)]
    for b, grid in enumerate(grids):
        moved = np.moveaxis(density, b, 0)
        for other in [g for c, g in enumerate(grids) if c != b][::-1]:
            moved = np.einsum("i...k,ik->i...", moved, share_above(grid, other))
        shares.append(float((1.0 - above[b]) @ moved))
    return np.array(shares) / density.sum()


def _reach(marginal: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Where all but 1e-6 of the mass lies."""
    share = np.cumsum(marginal) / marginal.sum()
    first, last = np.searchsorted(share, 1e-6) - 1, np.searchsorted(share, 1 - 1e-6) + 1
    return grid[[max(first, 0), min(last, grid.size - 1)]]


def _narrowest(marginal: np.ndarray, grid: np.ndarray) -> float:
    """Return the standard deviation as the quartiles show it."""
    share = np.cumsum(marginal) / marginal.sum()
    return float(np.diff(grid[np.searchsorted(share, [0.25, 0.75])])[0] / 1.349)


def _last(mass: np.ndarray, taus: np.ndarray, upper: float) -> float:
    """Return a value of ``tau`` above which there is next to nothing."""
    seen = np.flatnonzero(mass[::-1].cumsum()[::-1] > 1e-7 * mass.sum())
    return float(taus[min(seen[-1] + 1, len(taus) - 1)]) if seen[-1] + 1 < len(taus) else upper
