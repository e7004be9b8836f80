"""Functions inside a data set's graph that are traced as they are written."""

import tensorflow as tf

as_written = tf.autograph.experimental.do_not_convert
"""For a function without Python's `if` and `for` over tensors. AutoGraph would read its source, parse
it and write it anew, which takes seconds at the start of a run and changes nothing."""
