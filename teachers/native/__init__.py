"""Native Keras networks, to be trained adversarially here: the paper's teachers and a small one."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
