"""Where numbers come from, in a form that JSON takes."""

import datetime
import json
import re
import time

from rnascl_tf.record import describe_environment, provenance


def test_versions_commit_and_hardware_are_described():
    found = json.loads(json.dumps(describe_environment()))
    assert found.keys() == {"versions", "git_commit", "hardware"}
    assert found["versions"]["python"].startswith("3.")
    assert found["hardware"]["devices"]


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(provenance, "_PACKAGES", ("numpy", "surely-not-installed"))
    versions = provenance.versions()
    assert re.match(r"\d+\.", versions["numpy"])
    assert versions["surely-not-installed"] is None


def test_outside_a_checkout_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "a" / "b" / "provenance.py"))
    assert provenance.git_commit() is None


def test_times_are_of_utc_to_the_second(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        found = datetime.datetime.fromisoformat(provenance.timestamp())
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found.isoformat().endswith("+00:00")
    assert found.microsecond == 0
    assert abs(found.timestamp() - time.time()) < 60
