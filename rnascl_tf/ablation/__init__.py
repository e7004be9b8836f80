"""Runs of one recipe that differ in named settings, side by side over several seeds."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
