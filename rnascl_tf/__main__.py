"""`rnascl COMMAND`, the same as `python -m rnascl_tf COMMAND`."""

import sys

from rnascl_tf.commands.dispatch import main

if __name__ == "__main__":
    sys.exit(main())
