"""JSON files of unknown origin: their value, or a one-line error."""

from pathlib import Path

import pytest

from rnascl_tf.files import json_reader, read_json


def test_the_value_comes_back(tmp_path):
    (tmp_path / "a.json").write_text('{"ä": [1, null]}', "utf-8")
    assert read_json(tmp_path / "a.json") == {"ä": [1, None]}


def test_size_depth_and_devices_are_bounded(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    path.write_text("[" * 200_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(path)
    monkeypatch.setattr(json_reader, "LARGEST_BYTES", 199_999)
    with pytest.raises(ValueError, match="200,000 bytes, at most 199,999 are read"):
        read_json(path)
    with pytest.raises(ValueError, match="not a regular file"):
        read_json(Path("/dev/zero"))
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json")
