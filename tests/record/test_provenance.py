"""Where numbers come from, in a form that JSON takes."""

import json
import re

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
