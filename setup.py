"""The part that pyproject.toml cannot express: configs/ is installed inside rnascl_tf, as data.

A module named `configs` in site-packages would shadow a user's own.
"""

from setuptools import find_packages, setup

SHIPPED = "rnascl_tf.recipes.shipped"

setup(
    packages=[*find_packages(include=["rnascl_tf*", "teachers*"]), SHIPPED],
    package_dir={SHIPPED: "configs"},
)
