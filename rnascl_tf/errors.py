"""The base of every error that is the user's to fix."""


class UserError(ValueError):
    """A request that cannot be carried out.

    The message is one line: what came, what was wanted, how to fix it. A command prints it alone and
    ends with exit code 2. Rooms derive their own errors from this one.
    """
