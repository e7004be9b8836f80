"""One resumable training: `fit`, its checkpoints, logs and guards."""
