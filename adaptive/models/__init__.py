"""Bayesian models of the log hazard ratios given an event table."""

from adaptive.models.base import AbstractModel
from adaptive.models.drifting import Drifting
from adaptive.models.exnex import ExNex
from adaptive.models.hazards import GammaHazards
from adaptive.models.historical import HistoricalControls
from adaptive.models.nested import NestedPooling
from adaptive.models.per_arm import PerArmPooling
from adaptive.models.pooling import AbstractPooling, FullPooling, NoPooling, PartialPooling
from adaptive.models.robust import RobustPooling

__all__ = [
    "AbstractModel",
    "AbstractPooling",
    "Drifting",
    "ExNex",
    "FullPooling",
    "GammaHazards",
    "HistoricalControls",
    "NestedPooling",
    "NoPooling",
    "PartialPooling",
    "PerArmPooling",
    "RobustPooling",
]
