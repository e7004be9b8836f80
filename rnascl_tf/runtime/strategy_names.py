"""The values of `--strategy`, importable without TensorFlow."""

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker")
