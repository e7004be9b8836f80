"""Times of files, as `rnascl latency` prints them."""

from rnascl_tf.deploy import ColdStart, Delegation, Latency, TimedFile, Timing
from rnascl_tf.report.timing_table import delegation_lines, timing_table


def row(file, ratio=(1.0, 0.9, 1.25), peak_bytes=3 * 2**20):
    latency = Latency(2, 90, mean_ms=0.145, p50_ms=0.1404, p90_ms=None, p95_ms=0.16)
    return TimedFile(file, Timing(latency, (0.14,)), ColdStart(4.25, 2.5, peak_bytes), ratio)


def test_one_file_is_compared_with_nothing(lines_of):
    text = lines_of(timing_table([row("a.tflite", peak_bytes=None)], "Some CPU"), width=140)
    assert text[0] == "One image at a time on Some CPU, milliseconds"
    assert "a.tflite 2 0.140 - 0.160 0.145 - 4.250 2.500 -" in text


def test_several_files_are_compared_with_the_first(lines_of):
    rows = [row("a.tflite"), row("b.tflite", ratio=(2.0, 1.8, 2.2))]
    text = lines_of(timing_table(rows, "Some CPU"), width=140)
    assert any("2.00 (1.80 to 2.20)" in line and line.endswith("3.0") for line in text)


def test_delegation_names_what_is_left_and_the_remedy():
    whole = Delegation({"CONV_2D": 9}, {}, 1)
    assert list(delegation_lines("a.tflite", 2048, whole, is_local=True)) == [
        "a.tflite: 2.0 KiB; 9 of 9 operators delegated to XNNPACK in 1 piece(s) (9 CONV_2D)"
    ]
    cut = Delegation({"CONV_2D": 9, "HARD_SWISH": 2}, {"HARD_SWISH": 2}, 3)
    first, second = delegation_lines("b.tflite", 2048, cut, is_local=False)
    assert "9 of 11 operators" in first
    assert "by the interpreter here" in first
    assert second.startswith("b.tflite: ")
