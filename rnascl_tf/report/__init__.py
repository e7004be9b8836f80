"""What is printed and drawn from a run's record and from the search's diagnostics."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
