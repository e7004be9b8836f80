"""RNAS-CL on TensorFlow: robust architecture search with cross-layer distillation (arXiv 2301.08092)."""
