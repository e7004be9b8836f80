"""From PyTorch checkpoints to ONNX files; everything here needs PyTorch but the zoo's table."""
