"""Recipes: configs as Python files, what all of them start from, and what their values may be."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
