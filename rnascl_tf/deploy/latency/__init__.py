"""How long TFLite files take, on this machine or on a device, and the parts of a latency table."""
