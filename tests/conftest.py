import jax
import pytest

import tests.typechecker  # noqa: F401  (named by --jaxtyping-packages in pyproject.toml)

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="module", autouse=True)
def forget_compiled_programs():
    """Programs are rarely shared between test files, and all of them together fill the memory."""
    yield
    jax.clear_caches()
