"""Losses of the method: eq. 1, eq. 2, eq. 3."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
