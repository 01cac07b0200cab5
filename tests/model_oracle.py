"""Brute-force posteriors of the further models in plain NumPy, sharing nothing with the package.

Twice: a dense tensor grid over log hazard ratios and their means with a rule over ``tau``, and draws from the
prior weighted by the likelihood. Both are written from the formulas of ``docs/models.md``.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np

from tests.posterior_oracle import _kernel, _summaries, tau_rule


@dataclass(frozen=True, eq=False)
class Problem:
    """Data of shape S x A x J, and the prior; ``log_mu`` and ``draw_mu`` are that of the arms' means."""

    events: np.ndarray
    exposure: np.ndarray
    prior: dict
    log_mu: object
    draw_mu: object
    shared_tau: bool = True
    p: np.ndarray = field(default_factory=lambda: np.ones(1))
    nex: tuple = (0.0, 1.0)
    history: tuple = (0.0, 0.0)

    @property
    def gamma(self):
        """Shape and rate of every baseline, S x J: the prior plus discounted history."""
        like = np.zeros((self.events.shape[0], self.events.shape[2]))
        return (
            like + self.prior["baseline_shape"] + self.history[0],
            like + self.prior["baseline_rate"] + self.history[1],
        )


def log_likelihood(problem, s, theta):
    """Log likelihood of subgroup ``s`` at ``theta``: B arrays of one shape."""
    (shape, rate), events, exposure = problem.gamma, problem.events[s], problem.exposure[s]
    value = sum(events[b + 1].sum() * t for b, t in enumerate(theta))
    for j in range(events.shape[1]):
        total = rate[s, j] + exposure[0, j] + sum(np.exp(t) * exposure[b + 1, j] for b, t in enumerate(theta))
        value = value - (shape[s, j] + events[:, j].sum()) * np.log(total)
    return value


def normal(x, mean, sd):
    """Normal density."""
    return np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))


def _along(values, kernels):
    for axis, kernel in enumerate(kernels):
        values = np.moveaxis(np.tensordot(kernel, values, axes=([1], [axis])), 0, axis)
    return values


def _tau_nodes(problem, n_experimental, n):
    """Every tau per arm with its weight times the half-normal density, up to a constant."""
    nodes, weights = tau_rule(5.0 * problem.prior["tau_scale"], n)
    mass = weights * np.exp(-0.5 * (nodes / problem.prior["tau_scale"]) ** 2)
    if problem.shared_tau:
        return [((t,) * n_experimental, w) for t, w in zip(nodes, mass, strict=True)]
    pairs = itertools.product(zip(nodes, mass, strict=True), repeat=n_experimental)
    return [(tuple(t for t, _ in pair), np.prod([w for _, w in pair])) for pair in pairs]


def on_grid(problem, *, n_grid=97, reach=6.0, n_tau=24, margins=(1.0, 0.8)):
    """Exact posterior: a ``Truth``, P(exchangeable) per subgroup, and the mean of tau per arm."""
    n_subgroups, n_arms, _ = problem.events.shape
    n_exp, grid = n_arms - 1, np.linspace(-reach, reach, n_grid)
    h = grid[1] - grid[0]
    axes = np.meshgrid(*[grid] * n_exp, indexing="ij")
    logs = [log_likelihood(problem, s, axes) for s in range(n_subgroups)]
    lik = [np.exp(x - x.max()) for x in logs]
    p = np.broadcast_to(problem.p, n_subgroups)
    # Mass of a cell of the grid, as the kernels' rows are.
    own = np.prod([normal(x, *problem.nex) * h for x in axes], axis=0)
    mu_prior = np.exp(problem.log_mu(axes))
    joint, mu_density = [np.zeros_like(x) for x in lik], np.zeros_like(lik[0])
    shared_mass, nodes = np.zeros(n_subgroups), _tau_nodes(problem, n_exp, n_tau)
    tau_mass = []
    for taus, mass in nodes:
        kernels = [_kernel(float(t), tuple(grid)) for t in taus]
        shared = [p[s] * _along(x, kernels) for s, x in enumerate(lik)]
        either = [shared[s] + (1 - p[s]) * (own * x).sum() for s, x in enumerate(lik)]
        full = mass * mu_prior * np.prod(either, axis=0)
        mu_density += full
        tau_mass.append(full.sum())
        for s in range(n_subgroups):
            others = mass * mu_prior * np.prod([x for r, x in enumerate(either) if r != s], axis=0)
            back = _along(others, [k.T for k in kernels])
            joint[s] += lik[s] * (p[s] * back + (1 - p[s]) * own * others.sum())
            shared_mass[s] += (shared[s] * others).sum()
    tau_mass = np.array(tau_mass)
    per_arm = np.array([[t[b] for t, _ in nodes] for b in range(n_exp)])
    truth = _summaries(joint, grid, margins, (0.025, 0.975), mu_density, tau_mass, per_arm[0])
    return truth, shared_mass / tau_mass.sum(), (per_arm * tau_mass).sum(axis=1) / tau_mass.sum()


def by_prior_draws(problem, n, seed=0):
    """Posterior means of log hazard ratios, of their signs, and of exchangeability, with standard errors."""
    rng = np.random.default_rng(seed)
    n_subgroups, n_arms, _ = problem.events.shape
    n_exp = n_arms - 1
    mu = problem.draw_mu(rng, n)
    tau = np.abs(rng.standard_normal((n, 1 if problem.shared_tau else n_exp))) * problem.prior["tau_scale"]
    shared = rng.uniform(size=(n, n_subgroups)) < np.broadcast_to(problem.p, n_subgroups)
    noise = rng.standard_normal((n, n_subgroups, n_exp))
    theta = np.where(
        shared[:, :, None], mu[:, None] + tau[:, None] * noise, problem.nex[0] + problem.nex[1] * noise
    )
    logs = sum(log_likelihood(problem, s, list(theta[:, s].T)) for s in range(n_subgroups))
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()
    parts = [theta.reshape(n, -1), theta.reshape(n, -1) < 0.0, shared]
    values = np.concatenate(parts, axis=1).astype(float)
    mean = weight @ values
    return mean, np.sqrt(weight**2 @ (values - mean) ** 2)
