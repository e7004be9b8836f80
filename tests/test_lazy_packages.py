"""Lazy packages give what their stubs list, also where a function and its module share a name."""

import importlib
import re
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STUBS = sorted([*ROOT.glob("rnascl_tf/**/__init__.pyi"), *ROOT.glob("teachers/**/__init__.pyi")])
LISTED = re.compile(r"^from \.([\w.]*) import (\w+) as \2$", re.MULTILINE)


@pytest.mark.parametrize("stub", STUBS, ids=lambda path: str(path.relative_to(ROOT).parent))
def test_every_listed_name_is_there_and_not_shadowed_by_its_module(stub):
    name = ".".join(stub.relative_to(ROOT).parent.parts)
    if name == "teachers.pytorch.networks":
        pytest.importorskip("torch", reason="PyTorch is an optional extra: pip install '.[torch]'")
    package = importlib.import_module(name)
    listed = LISTED.findall(stub.read_text())
    assert len(listed) == stub.read_text().count("import ")
    for module, attribute in listed:
        if not module:
            continue  # a subpackage
        source = importlib.import_module(f"{name}.{module}")  # first, as a user may
        found = getattr(package, attribute)
        assert found is getattr(source, attribute)
        assert not isinstance(found, types.ModuleType), f"{name}.{attribute} is a module"
