"""What control gets in a response-adaptive allocation.

A control strategy may change control's weight and bounds, and nothing of the experimental arms.
"""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from adaptive.design.allocation_formula import Formula, numbers


class Claims(NamedTuple):
    """Weights of the arms and the bounds that their probabilities keep, each of shape ``(S, A)``."""

    weights: Float[Array, "S A"]
    lower: Float[Array, "S A"]
    upper: Float[Array, "S A"]


class AbstractControl(eqx.Module):
    """A way to set control's share."""

    @abstractmethod
    def claim(self, claims: Claims, arms: Bool[Array, "S A"]) -> Claims:
        """Return the claims with control's own; ``arms`` are those still open."""

    @abstractmethod
    def formula(self, low: str, high: str) -> Formula:
        """Return control's weight ``v[s, 0]`` and bounds; ``low`` and ``high`` are those of other arms."""


class CompetingControl(AbstractControl):
    """Control competes like any arm."""

    def claim(self, claims: Claims, arms: Bool[Array, "S A"]) -> Claims:
        """Return the claims as they are."""
        del arms
        return claims

    def formula(self, low: str, high: str) -> Formula:
        """Return control's weight and bounds: those of any arm."""
        return Formula((f"v[s, 0] = w[s, 0], L[s, 0] = {low}, U[s, 0] = {high}: control competes",))


class FixedControl(AbstractControl):
    """Control keeps ``share`` of the subgroup's patients; with 0 it competes."""

    share: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def claim(self, claims: Claims, arms: Bool[Array, "S A"]) -> Claims:
        """Return both bounds of control at the share."""
        del arms
        protected = _is_control(claims.lower) & (self.share > 0)
        lower = jnp.where(protected, self.share, claims.lower)
        return Claims(claims.weights, lower, jnp.where(protected, self.share, claims.upper))

    def formula(self, low: str, high: str) -> Formula:
        """Return control's weight, and its share as both bounds."""
        if float(self.share) <= 0:
            return CompetingControl().formula(low, high)
        share = numbers(self.share)
        return Formula((f"v[s, 0] = w[s, 0], L[s, 0] = U[s, 0] = {share}: control's share is protected",))


class MatchedControl(AbstractControl):
    """Control gets as much as the experimental arm that gets most of those that adapt."""

    def claim(self, claims: Claims, arms: Bool[Array, "S A"]) -> Claims:
        """Return the claims with control's weight at the largest of the experimental arms."""
        del arms
        best = claims.weights[:, 1:].max(axis=1, keepdims=True)
        weights = jnp.concatenate([best, claims.weights[:, 1:]], axis=1)
        return claims._replace(weights=weights)

    def formula(self, low: str, high: str) -> Formula:
        """Return control's weight and the bounds of any arm."""
        equation = f"v[s, 0] = max of w[s, b] over b in A[s], L[s, 0] = {low}, U[s, 0] = {high}"
        return Formula((f"{equation}: control is matched",))


class SquareRootControl(AbstractControl):
    """Control gets ``sqrt(b)`` for each 1 that ``b`` open experimental arms get on average.

    That is the share ``1 / (1 + sqrt(b))``, with which the ``b`` comparisons with control vary least.

    References
    ----------
    Dunnett (1955), Journal of the American Statistical Association 50, 1096-1121,
    doi:10.1080/01621459.1955.10501294.
    """

    def claim(self, claims: Claims, arms: Bool[Array, "S A"]) -> Claims:
        """Return both bounds of control at the share for the arms still open."""
        number = arms[:, 1:].sum(axis=1, keepdims=True).astype(claims.lower.dtype)
        share = 1.0 / (1.0 + jnp.sqrt(number))
        control = _is_control(claims.lower)
        lower = jnp.where(control, share, claims.lower)
        return Claims(claims.weights, lower, jnp.where(control, share, claims.upper))

    def formula(self, low: str, high: str) -> Formula:
        """Return control's weight, and the share as both bounds."""
        del low, high
        return Formula(
            ("v[s, 0] = w[s, 0], L[s, 0] = U[s, 0] = 1 / (1 + √B[s]): control's share is protected",),
            ("B[s]: number of experimental arms in O[s]",),
        )


def _is_control(like: Float[Array, "S A"]) -> Bool[Array, "S A"]:
    return jnp.broadcast_to(jnp.arange(like.shape[1])[None, :] == 0, like.shape)
