"""Convergence diagnostics of sampled posteriors, the gates they must pass, and their NetCDF file.

The only module that imports ArviZ; it runs with ArviZ 0.23 and 1.x. It judges a sampler, never a trial.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from adaptive.codes import HealthCode

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    import arviz as az


@dataclass(frozen=True)
class Gates:
    """Limits that every fit behind a decision must meet.

    References
    ----------
    Vehtari et al. (2021), Bayesian Analysis 16, 667-718, doi:10.1214/20-BA1221 (R-hat and effective sample
    size); Betancourt (2016), arXiv:1604.00695 (energy).
    """

    max_rhat: float = 1.01
    min_ess: float = 400.0
    max_divergences: int = 0
    min_ebfmi: float = 0.3


@dataclass(frozen=True)
class Diagnostics:
    """Diagnostics of one fit.

    Attributes
    ----------
    parameters
        Per scalar parameter: ``name``, ``rhat``, ``ess_bulk``, ``ess_tail``.
    divergences
        Number of divergent transitions after warm-up.
    ebfmi
        Energy fraction of missing information per chain; smallest of them in ``gates``.
    gates
        Per gate: ``name``, ``value``, ``limit``, ``passed``, ``where`` (the worst parameter or chain).
    code
        ``HealthCode`` of the first gate that failed, or ``OK``.
    """

    parameters: tuple[dict[str, Any], ...]
    divergences: int
    ebfmi: tuple[float, ...]
    gates: tuple[dict[str, Any], ...]
    code: HealthCode

    @property
    def failures(self) -> tuple[str, ...]:
        """Return the failed gates in words."""
        return tuple(
            f"{gate['name']} {gate['value']:.4g} {'>' if gate['is_maximum'] else '<'} {gate['limit']:g}"
            f" ({gate['where']})"
            for gate in self.gates
            if not gate["passed"]
        )


def energy_fraction(energy: np.ndarray) -> np.ndarray:
    """Return E-BFMI per chain: mean squared energy step over the energy's variance; shape ``(chains,)``."""
    return np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1, ddof=1)


def scalar_names(name: str, shape: Sequence[int], labels: Sequence[Sequence[str]]) -> list[str]:
    """Return ``name[label, ...]`` per element, in C order."""
    if not shape:
        return [name]
    return [f"{name}[{', '.join(labels[i][k] for i, k in enumerate(at))}]" for at in np.ndindex(*shape)]


def diagnose(
    sites: Mapping[str, np.ndarray],
    diverging: np.ndarray,
    energy: np.ndarray,
    labels: Mapping[str, Sequence[Sequence[str]]],
    gates: Gates | None = None,
) -> Diagnostics:
    """Diagnose a sampled posterior.

    Parameters
    ----------
    sites
        Draws per parameter, each of shape ``(chains, draws, ...)``.
    diverging, energy
        Per transition, shape ``(chains, draws)``.
    labels
        Per parameter, the labels along each of its own axes.
    gates
        Limits; the defaults if not given.
    """
    gates = gates or Gates()
    rows = [
        row for name, draws in sites.items() for row in _per_scalar(name, np.asarray(draws), labels[name])
    ]
    n_divergent = int(np.asarray(diverging).sum())
    ebfmi = energy_fraction(np.asarray(energy, float))
    chain = int(np.argmin(ebfmi))
    checked = (
        _gate("R-hat", rows, "rhat", gates.max_rhat, is_maximum=True),
        _gate("bulk ESS", rows, "ess_bulk", gates.min_ess, is_maximum=False),
        _gate("tail ESS", rows, "ess_tail", gates.min_ess, is_maximum=False),
        _row("divergences", float(n_divergent), float(gates.max_divergences), "all chains", is_maximum=True),
        _row("E-BFMI", float(ebfmi[chain]), gates.min_ebfmi, f"chain {chain + 1}", is_maximum=False),
    )
    return Diagnostics(tuple(rows), n_divergent, tuple(map(float, ebfmi)), checked, _code(checked))


def _per_scalar(name: str, draws: np.ndarray, labels: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    flat = draws.reshape((*draws.shape[:2], -1)).astype(float)
    return [
        {
            "name": label,
            "rhat": float(az.rhat(flat[:, :, i])),
            "ess_bulk": float(az.ess(flat[:, :, i], method="bulk")),
            "ess_tail": float(az.ess(flat[:, :, i], method="tail", prob=(0.05, 0.95))),
        }
        for i, label in enumerate(scalar_names(name, draws.shape[2:], labels))
    ]


def _gate(title: str, rows: list[dict[str, Any]], key: str, limit: float, *, is_maximum: bool) -> dict:
    """Check the worst parameter; a value that is not a number is the worst of all."""
    values = np.array([row[key] for row in rows])
    order = values if is_maximum else -values
    worst = int(np.argmax(np.where(np.isnan(values), np.inf, order)))
    return _row(title, float(values[worst]), limit, rows[worst]["name"], is_maximum=is_maximum)


def _row(title: str, value: float, limit: float, where: str, *, is_maximum: bool) -> dict[str, Any]:
    passed = bool(value <= limit if is_maximum else value >= limit)
    return {
        "name": title,
        "value": value,
        "limit": limit,
        "where": where,
        "is_maximum": is_maximum,
        "passed": passed,
    }


def _code(gates: Sequence[dict[str, Any]]) -> HealthCode:
    codes = {
        "R-hat": HealthCode.NOT_CONVERGED,
        "bulk ESS": HealthCode.LOW_ESS,
        "tail ESS": HealthCode.LOW_ESS,
        "divergences": HealthCode.DIVERGENT,
        "E-BFMI": HealthCode.LOW_ENERGY,
    }
    return next((codes[gate["name"]] for gate in gates if not gate["passed"]), HealthCode.OK)


def probability_errors(happened: np.ndarray) -> np.ndarray:
    """Return the Monte Carlo standard error of each share of draws in which something happened.

    ``sqrt(p (1 - p) / ESS)`` with the effective sample size of the indicator; the share is shrunk by half a
    draw, so that 0 and 1 have an error too.

    Parameters
    ----------
    happened
        Indicators of shape ``(chains, draws, ...)``.

    Returns
    -------
    Standard errors of the trailing shape.
    """
    flat = happened.reshape((*happened.shape[:2], -1)).astype(float)
    errors = []
    for i in range(flat.shape[2]):
        share = flat[:, :, i].mean()
        moves = 0.0 < share < 1.0
        size = float(az.ess(flat[:, :, i], method="mean")) if moves else flat[:, :, i].size / 10.0
        smooth = (share * size + 0.5) / (size + 1.0)
        errors.append(np.sqrt(smooth * (1.0 - smooth) / size))
    return np.array(errors).reshape(happened.shape[2:])


def write_netcdf(
    path: Path,
    sites: Mapping[str, np.ndarray],
    diverging: np.ndarray,
    energy: np.ndarray,
    dims: Mapping[str, Sequence[str]],
    coords: Mapping[str, Sequence[str]],
    attributes: Mapping[str, str],
) -> None:
    """Write draws and sampler statistics as ArviZ NetCDF with labelled axes.

    Parameters
    ----------
    path
        File to write.
    sites, diverging, energy
        As in ``diagnose``.
    dims
        Names of each parameter's own axes.
    coords
        Labels of each named axis.
    attributes
        Text stored with the posterior group.
    """
    posterior = {name: np.asarray(draws) for name, draws in sites.items()}
    stats = {"diverging": np.asarray(diverging), "energy": np.asarray(energy)}
    named = {
        "coords": {key: list(value) for key, value in coords.items()},
        "dims": {name: list(axes) for name, axes in dims.items()},
    }
    if hasattr(az, "InferenceData"):
        data = az.from_dict(posterior=posterior, sample_stats=stats, **named)
    else:
        data = az.from_dict({"posterior": posterior, "sample_stats": stats}, **named)
    data["posterior"].attrs.update(attributes)
    data.to_netcdf(str(path), engine="h5netcdf")
