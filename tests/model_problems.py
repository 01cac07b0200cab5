"""Problems of the further models with brute-force answers: the right one, and what slips amount to.

Shared by the tests of the sampler and of the fast engine.
"""

import dataclasses
import functools

import numpy as np

from tests.model_cases import EVENTS, EXNEX, EXPOSURE, HISTORY, NESTED, ROBUST, SMALL_ARM, SPLIT_ARM
from tests.model_oracle import Problem, normal, on_grid
from tests.posterior_cases import PRIOR

MARGINS = (1.0, 0.8)
VAGUE = PRIOR["mu_scale"]


def vague_log_mu(axes):
    return sum(-0.5 * (x / VAGUE) ** 2 for x in axes)


def vague_mu(rng, n):
    return VAGUE * rng.standard_normal((n, 2))


PLAIN = Problem(EVENTS, EXPOSURE, PRIOR, vague_log_mu, vague_mu)


def exnex(p=EXNEX["p_exchangeable"]):
    return dataclasses.replace(PLAIN, p=np.array(p), nex=(EXNEX["nex_mean"], EXNEX["nex_scale"]))


def robust(weight=ROBUST["informative_weight"]):
    triples = list(zip(weight, ROBUST["informative_mean"], ROBUST["informative_scale"], strict=True))

    def log_mu(axes):
        parts = [
            w * normal(x, m, s) + (1 - w) * normal(x, 0, VAGUE)
            for x, (w, m, s) in zip(axes, triples, strict=True)
        ]
        return np.log(parts[0]) + np.log(parts[1])

    def draw(rng, n):
        first = rng.uniform(size=(n, 2)) < weight
        noise, (_, m, s) = rng.standard_normal((n, 2)), np.array(triples).T
        return np.where(first, m + s * noise, VAGUE * noise)

    return dataclasses.replace(PLAIN, log_mu=log_mu, draw_mu=draw)


def nested(together=True):
    covariance = NESTED["class_scale"] ** 2 * np.eye(2) + VAGUE**2 * (
        np.ones((2, 2)) if together else np.eye(2)
    )
    precision = np.linalg.inv(covariance)

    def log_mu(axes):
        return -0.5 * sum(precision[b, c] * axes[b] * axes[c] for b in range(2) for c in range(2))

    draw = lambda rng, n: rng.standard_normal((n, 2)) @ np.linalg.cholesky(covariance).T  # noqa: E731
    data = {"events": np.ceil(EVENTS * SMALL_ARM), "exposure": EXPOSURE * SMALL_ARM}
    return dataclasses.replace(PLAIN, log_mu=log_mu, draw_mu=draw, **data)


def per_arm(shared_tau=False):
    prior = {**PRIOR, "tau_scale": 1.0}
    return dataclasses.replace(PLAIN, events=np.round(EVENTS * SPLIT_ARM), prior=prior, shared_tau=shared_tau)


def with_history(problem, discount=HISTORY["discount"], order=(0, 1)):
    added = (discount * HISTORY["events"][list(order)], discount * HISTORY["exposure"][list(order)])
    return dataclasses.replace(problem, history=added)


RIGHT = {
    "exnex": exnex(),
    "robust with history": with_history(robust()),
    "nested": nested(),
    "per_arm": per_arm(),
}
WRONG = {
    "swapped probabilities": ("exnex", exnex([0.1, 0.75])),
    "swapped weights": ("robust with history", with_history(robust([0.2, 0.7]))),
    "history of the other subgroup": ("robust with history", with_history(robust(), order=(1, 0))),
    "no history": ("robust with history", robust()),
    "a class of its own for each arm": ("nested", nested(together=False)),
    "one spread for both arms": ("per_arm", per_arm(shared_tau=True)),
}
"""What a plausible slip in a program would amount to."""


@functools.lru_cache
def exact(problem):
    return on_grid(problem, n_tau=24 if problem.shared_tau else 14)
