"""The process that measures a cold start, run here."""

import json
import sys

from rnascl_tf.deploy.latency import cold_start_process


def test_one_line_of_numbers(tmp_path, tflite_files, monkeypatch, capsys):
    path = tmp_path / "a.tflite"
    path.write_bytes(tflite_files["float32"])
    monkeypatch.setattr(sys, "argv", ["", str(path), "1"])
    cold_start_process.main()
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["load_ms", "first_ms", "peak_bytes"]
    assert found["load_ms"] > 0
    assert found["first_ms"] > 0
    assert 0 <= found["peak_bytes"] < cold_start_process.peak_bytes()
