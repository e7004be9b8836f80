"""What a user can fix about exported files and devices."""

from rnascl_tf.errors import UserError


class DeployError(UserError):
    """A wrong file, device or setting for deployment; the message is one line with the fix."""
