"""The error of everything in this package, for a teacher that cannot be used."""

from rnascl_tf.errors import UserError


class TeacherError(UserError):
    """A teacher was refused; the message is one line: what came, what was wanted, the fix."""
