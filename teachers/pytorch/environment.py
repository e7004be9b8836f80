"""Keeps triton out of a process that runs TensorFlow; called before PyTorch is imported.

PyTorch's CUDA wheels bring triton, and torchvision and parts of PyTorch import it on the way. Its LLVM
and TensorFlow's register the same options, so the second of them to be loaded aborts the process
(measured: TensorFlow 2.21, triton 3.9). Nothing here needs it, and PyTorch works without it.
"""

import sys
from types import ModuleType
from typing import cast


def keep_triton_out() -> None:
    """Makes the import of triton fail, unless it is loaded already."""
    # None is Python's own mark for a module that cannot be imported.
    sys.modules.setdefault("triton", cast(ModuleType, None))
