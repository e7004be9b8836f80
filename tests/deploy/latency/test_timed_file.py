"""A row of latency.json."""

from rnascl_tf.deploy import ColdStart, Latency, TimedFile, Timing


def test_its_parts_stand_side_by_side():
    timing = Timing(Latency(2, 90, 0.145, 0.14, None, 0.16), (0.14, 0.15))
    row = TimedFile("a.tflite", timing, ColdStart(4.25, 2.5, None), (1.0, 0.9, 1.25))
    assert list(row.to_json().items()) == [
        ("file", "a.tflite"),
        ("threads", 2),
        ("runs", 90),
        ("mean_ms", 0.145),
        ("p50_ms", 0.14),
        ("p90_ms", None),
        ("p95_ms", 0.16),
        ("load_ms", 4.25),
        ("first_ms", 2.5),
        ("peak_bytes", None),
        ("ratio", (1.0, 0.9, 1.25)),
        ("round_medians_ms", (0.14, 0.15)),
    ]
