"""What each command does, as a function to call from Python too: one file per job.

A job first refuses what it can refuse without TensorFlow, so that a wrong request is answered at once.
It prints its tables and returns what it found. Errors name a request's fields as the command line
does: `--out` is the field `out`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
