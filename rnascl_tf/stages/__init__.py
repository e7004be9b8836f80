"""The stages of the main job: one file each, which holds its facts and its work.

Listing the stages does not import TensorFlow: their files import rooms, not names from rooms.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
