"""Keeps triton out of a process that runs TensorFlow: this module is imported before PyTorch is used.

PyTorch's CUDA wheels bring triton, which torchvision and parts of PyTorch import in passing. Its LLVM
and TensorFlow's register the same options, and the second of them to be loaded aborts the process
(measured: TensorFlow 2.21, triton 3.9). Nothing here needs it; PyTorch does without where it is absent.
"""

import sys

# Python's own mark for a module that cannot be imported.
sys.modules.setdefault("triton", None)
