"""A trained run, as the stages' tests have it."""

from tests.stages.conftest import trained_run  # noqa: F401
