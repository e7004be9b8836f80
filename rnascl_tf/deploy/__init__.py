"""From a Keras classifier to files for devices, SavedModel and TFLite: written, compared, timed."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
