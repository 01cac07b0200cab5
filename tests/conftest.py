import jax

import tests.typechecker  # noqa: F401  (named by --jaxtyping-packages in pyproject.toml)

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
