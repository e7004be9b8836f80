"""Finding and loading a recipe: `--config=FILE[:variant]`, or a shipped recipe by name."""

import difflib
import importlib
import importlib.util
import re
import sys
from pathlib import Path

from ml_collections import ConfigDict

_SHIPPED = Path(__file__).resolve().parent.parent / "configs"


class RecipeError(ValueError):
    """The recipe cannot be had; the message says why, in one line."""


def shipped_recipes():
    """Returns the names of the recipes that come with the package."""
    return sorted(
        path.stem for path in _SHIPPED.glob("*.py") if path.stem not in ("__init__", "base")
    )


def load_recipe(reference):
    """Returns the locked config that a reference names.

    Args:
        reference: "PATH.py", "PATH.py:variant", "NAME" or "NAME:variant"; a name is looked up among
            the shipped recipes, from any folder.

    Raises:
        RecipeError: no such file or name, the file raises, or it gives no config.
    """
    location, _, variant = reference.partition(":")
    module = _module(location)
    if not callable(getattr(module, "get_config", None)):
        raise RecipeError(f"{location} has no function get_config(variant): see configs/digits.py.")
    try:
        config = module.get_config(variant) if variant else module.get_config()
    except Exception as error:  # the user's own code may raise anything
        raise RecipeError(_reason(reference, error)) from error
    if not isinstance(config, ConfigDict):
        raise RecipeError(
            f"get_config of {location} returned {type(config).__name__}; it should return an "
            "ml_collections.ConfigDict."
        )
    _refuse_other_keys(location, config)
    return config.lock()


def default_config():
    """Returns the config that every recipe starts from, `configs/base.py`."""
    _load_shipped_package()
    return importlib.import_module("configs.base").base_config()


def _refuse_other_keys(location, config):
    """A recipe may leave out or invent nothing: every stage reads its own section."""
    wanted, found = _keys(default_config()), _keys(config)
    for difference, what in ((found - wanted, "unknown key"), (wanted - found, "no key")):
        if difference:
            raise RecipeError(
                f"config {location} has {what} {min(difference)}: start from configs.base's "
                "base_config() and change its values."
            )


def _keys(config, prefix=""):
    keys = set()
    for name, value in config.items():
        keys.add(f"{prefix}{name}")
        if isinstance(value, ConfigDict):
            keys |= _keys(value, f"{prefix}{name}.")
    return keys


def _load_shipped_package():
    # A recipe may import `configs.base`; a folder of that name in the user's place must not shadow it.
    if "configs" not in sys.modules:
        _execute("configs", _SHIPPED / "__init__.py", search=[str(_SHIPPED)])


def _module(location):
    _load_shipped_package()
    try:
        if location.endswith(".py"):
            path = Path(location)
            # A shipped recipe's path works from any folder too: configs/digits.py.
            if not path.is_file() and path.parent.name == "configs":
                path = _SHIPPED / path.name
            if not path.is_file():
                raise RecipeError(
                    f"config file {location} does not exist; shipped recipes are found by name: "
                    f"{', '.join(shipped_recipes())}."
                )
            if path.resolve().parent == _SHIPPED:
                return importlib.import_module(f"configs.{path.stem}")
            return _execute("rnascl_recipe", path)
        if location not in shipped_recipes():
            near = difflib.get_close_matches(location, shipped_recipes(), 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise RecipeError(
                f"no recipe is called {location!r}{hint}: give a .py file or one of "
                f"{', '.join(shipped_recipes())}."
            )
        return importlib.import_module(f"configs.{location}")
    except RecipeError:
        raise
    except Exception as error:
        raise RecipeError(_reason(location, error)) from error


def _execute(name, path, search=None):
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=search)
    module = importlib.util.module_from_spec(spec)
    if search:
        sys.modules[name] = module
    # Not exec_module: it would leave a __pycache__ beside the user's file, and take that for a recipe
    # that was changed within the same second.
    code = spec.loader.source_to_code(spec.loader.get_data(str(path)), str(path))
    exec(code, module.__dict__)
    return module


def _reason(location, error):
    text = " ".join(str(error).split())
    # ml_collections prints the whole config between the unknown key and its suggestion.
    text = re.sub(r" Other fields present:.*?(?=Did you mean|$)", " ", text.replace("\\n", " "))
    if isinstance(error, ValueError):
        return f"config {location}: {text}"
    return f"config {location} raised {type(error).__name__}: {text}"
