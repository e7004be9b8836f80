"""How long TFLite files take, here or on a device, and the parts that a latency table times."""
