"""The linear model and images of the attacks' tests."""

from tests.robustness.conftest import examples, linear_model  # noqa: F401
