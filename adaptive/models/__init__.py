"""Bayesian models of the log hazard ratios given an event table."""

from adaptive.models.base import AbstractModel
from adaptive.models.hazards import GammaHazards
from adaptive.models.pooling import AbstractPooling, FullPooling, NoPooling, PartialPooling

__all__ = ["AbstractModel", "AbstractPooling", "FullPooling", "GammaHazards", "NoPooling", "PartialPooling"]
