"""The commands, one file each: flags, one library call, an exit code."""
