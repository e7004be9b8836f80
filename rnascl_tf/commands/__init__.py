"""The commands of `rnascl`, one file each: flags, one call of the library, an exit code."""
