"""Builds a model's time trend from configuration values. Must not know engines."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from adaptive.config.checks import Faults, shown
from adaptive.config.read import read_kind
from adaptive.config.schema_design import DesignValues
from adaptive.config.schema_models import DRIFTS
from adaptive.models import AbstractModel, Drifting

_STRATIFIED = "stratified"


class DriftValues(NamedTuple):
    """A drift that was asked for: its kind, the share of information kept (None of strata), the periods."""

    kind: str
    omega: float | None
    n_periods: int


def read_drift(data: Any, design: DesignValues | None, faults: Faults) -> DriftValues | None:
    """Return what ``model.drift`` asks for; ``None`` if it is null, or after writing down every fault.

    Parameters
    ----------
    data
        The model's values.
    design
        The protocol, whose ``periods`` the drift needs.
    faults
        Where faults are written.
    """
    given = data.get("drift") if isinstance(data, Mapping) else None
    if not given:
        return None
    before = len(faults)
    values = read_kind(DRIFTS, given, "model.drift", faults)
    if data.get("historical"):
        faults.append(
            "model.drift: it does not go with model.historical, whose controls belong to no period; give "
            "model.drift=null or model.historical=null"
        )
    if design is None or not design.periods:
        faults.append(
            f"model.drift: {shown(given)} needs periods of entry; give design.periods, the months at which "
            "they start, such as [0, 6, 12, 18], or model.drift=null"
        )
    if len(faults) > before:
        return None
    return DriftValues(values.kind, getattr(values, "omega", None), len(design.periods))


def with_drift(model: AbstractModel, drift: DriftValues | None) -> AbstractModel:
    """Return the model with its drift; strata are the model itself, given a table with periods."""
    if drift is None or drift.kind == _STRATIFIED:
        return model
    return Drifting(model, omega=drift.omega, n_periods=drift.n_periods)
