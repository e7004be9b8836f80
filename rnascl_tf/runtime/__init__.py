"""The process a command runs in: TensorFlow's environment, devices, workers, signals."""
