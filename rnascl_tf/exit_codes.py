"""Exit codes of every command: 0 done, 1 anything else than these."""

EXIT_USER_ERROR = 2
EXIT_STRICT = 3
EXIT_INTERRUPTED = 130
