"""Bayesian adaptive clinical trials with time-to-event endpoints in subgroups.

The package imports neither Hydra nor ArviZ at the top: the simulation core runs with JAX, NumPyro
and Equinox alone. It never touches the global JAX configuration; only ``adaptive.cli`` does.
"""

__version__ = "0.1.0"
