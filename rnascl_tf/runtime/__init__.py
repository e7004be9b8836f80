"""The process that a command runs in: TensorFlow's environment, devices, workers, POSIX signals."""
