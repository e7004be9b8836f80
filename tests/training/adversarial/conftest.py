"""The linear model and images of the attacks' tests."""

from tests.robustness.conftest import (  # noqa: F401
    examples,
    linear_model,
    uncalled_linear_model,
)
