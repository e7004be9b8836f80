"""The error for what a user can mend about exported files."""


class DeployError(ValueError):
    """What was given for deployment is wrong; the message is one line with the fix."""
