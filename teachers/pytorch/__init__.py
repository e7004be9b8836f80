"""From PyTorch checkpoints to ONNX files; everything here but the zoo's table needs PyTorch."""

from teachers.pytorch import environment

environment.keep_triton_out()
