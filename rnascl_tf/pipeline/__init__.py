"""Which stages run, in which order, with which values, and when a folder belongs to another config."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
