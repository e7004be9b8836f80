"""PyTorch networks of public robust checkpoints; their state-dict keys are the checkpoints'.

Needs PyTorch, and torchvision for the ImageNet networks: import it only where a checkpoint is read.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
