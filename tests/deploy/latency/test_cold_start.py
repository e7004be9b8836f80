"""What a file costs before its second inference, in processes with the interpreter alone."""

import statistics
import subprocess

import pytest

from rnascl_tf.deploy import DeployError
from rnascl_tf.deploy.latency import cold_start
from rnascl_tf.deploy.latency.cold_start import ColdStart, measure_cold_start


def test_medians_of_several_processes(tflite_files, monkeypatch):
    found = []
    real = cold_start._measured

    def watched(path, threads):
        found.append(real(path, threads))
        return found[-1]

    monkeypatch.setattr(cold_start, "_measured", watched)
    medians = measure_cold_start(tflite_files["float32"])
    assert len(found) == cold_start.PROCESSES
    for name in ("load_ms", "first_ms", "peak_bytes"):
        values = [getattr(one, name) for one in found]
        assert min(values) > 0
        assert getattr(medians, name) == statistics.median(values)
    # 10 thousand weights and the interpreter's tensors; TensorFlow would need hundreds of MiB.
    assert medians.peak_bytes < 2**26


def test_the_last_line_of_a_failed_process_is_quoted(tflite_files, monkeypatch):
    done = subprocess.CompletedProcess(
        [], 1, stdout="", stderr="INFO: a delegate\nout of memory\n\n"
    )
    monkeypatch.setattr(cold_start.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(DeployError, match=r"fails in a new process \(out of memory\)"):
        measure_cold_start(tflite_files["float32"])


def test_other_files_are_refused_before_a_process_starts(monkeypatch):
    monkeypatch.setattr(cold_start, "_measured", lambda *_: ColdStart(1.0, 1.0, 1))
    with pytest.raises(DeployError, match="not a TFLite file"):
        measure_cold_start(b"no TFLite file at all")
