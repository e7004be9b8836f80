import importlib.util
import sys

import pytest

from teachers.pytorch.environment import keep_triton_out


def test_triton_cannot_be_imported_afterwards(monkeypatch):
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    keep_triton_out()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("triton")


def test_a_loaded_triton_stays(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", sys)
    keep_triton_out()
    assert sys.modules["triton"] is sys


def test_the_package_does_it_before_anything_of_it_is_imported():
    assert importlib.util.find_spec("teachers.pytorch.zoo")
    assert sys.modules["triton"] is None
