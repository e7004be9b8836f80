"""Data sets in memory or on disk, and the batches that training and evaluation read from them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
