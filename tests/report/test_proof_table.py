"""The proof of a converted teacher: an error per tapped layer, the too large ones marked."""

import types

import numpy as np

from rnascl_tf.report import proof_table
from teachers import Verification


def test_errors_shapes_and_marks(lines_of):
    taps = {"conv_1": np.zeros((1, 16, 11, 5)), "conv_2": np.zeros((1, 8, 6, 7))}
    teacher = types.SimpleNamespace(
        name="mine",
        num_classes=7,
        tap_names=tuple(taps),
        model=types.SimpleNamespace(output={"taps": taps}),
    )
    errors = {"conv_1": 1.23e-6, "conv_2": 4.5e-3, "logits": 2e-5}
    verification = Verification(errors=errors, images=16, tolerance=1e-3, reference="onnxruntime")
    text = lines_of(proof_table(teacher, verification, "random"))
    title = "mine in Keras against onnxruntime, 16 images (random)"
    assert " ".join(text).startswith(title)
    assert "conv_1 16x11x5 1.2e-06" in text
    assert "conv_2 8x6x7 4.5e-03 too large" in text
    assert "logits 7 2.0e-05" in text
    assert text[-1] == "2 tapped convolutions (n_t)"
