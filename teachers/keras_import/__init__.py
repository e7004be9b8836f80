"""From a Keras model, in a file or in memory, to a `Teacher`."""
