"""The base of every error that is the user's to fix."""


class UserError(ValueError):
    """A request that cannot be carried out.

    The message is one line: what came, what was wanted, how to fix it. A command prints it alone and
    ends with exit code 2. Rooms derive their own errors from this one.
    """


def first_line(error: BaseException, limit: int = 300) -> str:
    """Returns the first non-empty line of an error's message, at most `limit` characters long.

    Libraries answer with paragraphs, but a user gets one line.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:limit]
