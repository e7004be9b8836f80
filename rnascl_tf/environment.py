"""Settings that TensorFlow and Keras read once, at import: this module is imported before them."""

import os

# Keras would otherwise obey a user-wide setting for another project.
os.environ["KERAS_BACKEND"] = "tensorflow"
# TensorFlow's C++ start-up messages (which instructions it was built with, that no GPU driver was
# found) come before any line of ours; the device in use is said once by the command itself.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
