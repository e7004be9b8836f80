"""A py_test that runs its file with pytest."""

load("@pypi//:requirements.bzl", "requirement")
load("@rules_python//python:defs.bzl", "py_test")

def pytest_test(name, srcs, deps = [], data = [], **options):
    """Runs one test file under pytest.

    Args:
      name: the target's name.
      srcs: a list with the test file.
      deps: as for py_test.
      data: as for py_test.
      **options: as for py_test.
    """
    py_test(
        name = name,
        size = "large",
        srcs = srcs + ["//bazel:run_pytest.py"],
        main = "//bazel:run_pytest.py",
        args = ["$(location {})".format(srcs[0])],
        # pytest's options, the same as for make test.
        data = data + ["//:pyproject.toml"],
        deps = deps + [
            "//bazel:run_pytest",
            requirement("pytest-timeout"),
        ],
        **options
    )
