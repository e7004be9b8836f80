"""Which stages run, in which order, and when a run directory belongs to another config."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
