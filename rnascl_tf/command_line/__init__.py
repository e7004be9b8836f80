"""What every command shares: flags, recipes on a command line, logs, exit codes, last words."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
