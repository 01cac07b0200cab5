"""Which engine a real analysis uses. Closed list; the design's own engine is for simulation."""

from adaptive.design.protocol import Design
from adaptive.errors import BadInput, did_you_mean
from adaptive.interim.request import Sampling
from adaptive.posterior.base import AbstractEngine
from adaptive.posterior.conjugate import ConjugateEngine
from adaptive.posterior.laplace import LaplaceEngine
from adaptive.posterior.nuts import NutsEngine

ENGINES = ("nuts", "laplace", "conjugate", "design")


def engine_for(design: Design, sampling: Sampling) -> AbstractEngine:
    """Return the engine that ``sampling`` names.

    Raises
    ------
    BadInput
        If it is unknown, or the sampler's settings cannot work.
    """
    faults = [
        f"{name}: {value!r} is not allowed; use a whole number of at least {least}"
        for name, value, least in (
            ("chains", sampling.chains, 2),
            ("warmup", sampling.warmup, 1),
            ("draws", sampling.draws, 4),
        )
        if sampling.engine == "nuts" and (not isinstance(value, int) or value < least)
    ]
    if not 0.5 <= sampling.target_accept < 1.0:
        faults.append(f"target_accept: {sampling.target_accept!r} is not allowed; use 0.5 up to 0.999")
    if sampling.engine not in ENGINES:
        faults.append(
            f"engine: {sampling.engine!r} is unknown; use one of {', '.join(ENGINES)}"
            + did_you_mean(sampling.engine, ENGINES)
        )
    if faults:
        raise BadInput(faults)
    if sampling.engine == "nuts":
        return NutsEngine(
            chains=sampling.chains,
            warmup=sampling.warmup,
            draws=sampling.draws,
            target_accept=sampling.target_accept,
        )
    return {"laplace": LaplaceEngine(), "conjugate": ConjugateEngine(), "design": design.analysis.engine}[
        sampling.engine
    ]
