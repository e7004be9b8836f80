"""The error of everything in this package, for a teacher that cannot be used."""

from rnascl_tf.errors import UserError


class TeacherError(UserError):
    """A teacher was refused; the message is one line: what came, what was wanted, the fix."""


def first_line(error: BaseException, limit: int = 300) -> str:
    """Returns the first non-empty line of an error's message, at most `limit` characters long.

    Libraries answer with paragraphs, but a user gets one line.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:limit]
