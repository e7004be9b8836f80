"""The error for what a user can mend about exported files."""

from rnascl_tf.errors import UserError


class DeployError(UserError):
    """What was given for deployment is wrong; the message is one line with the fix."""
