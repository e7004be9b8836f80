"""Finding and loading a recipe: `--config=FILE[:variant]`, or a shipped recipe by name."""

import contextlib
import re
import sys
import traceback
import types
from collections.abc import Iterator
from pathlib import Path

from ml_collections import ConfigDict

from rnascl_tf.errors import UserError
from rnascl_tf.recipes.base import base_config
from rnascl_tf.recipes.leaves import config_leaves
from rnascl_tf.spelling import did_you_mean

_INSTALLED = Path(__file__).parent / "shipped"
# In a checkout they are at its top; an installed package has them as data.
_SHIPPED = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[2] / "configs"

# What recipes imported before base_config was part of the package; a project may have `configs` too.
_OLD_BASE = re.compile(
    r"^\s*(from configs\.base import|import configs\.base|from configs import .*\bbase\b)",
    re.MULTILINE,
)


class RecipeError(UserError):
    """The recipe cannot be loaded; the message says why, in one line."""


def shipped_recipes() -> list[str]:
    """Returns the names of the recipes that come with the package."""
    return sorted(path.stem for path in _SHIPPED.glob("*.py"))


def load_recipe(reference: str) -> ConfigDict:
    """Returns the locked config that a reference names.

    Args:
        reference: "PATH.py", "PATH.py:variant", "NAME" or "NAME:variant"; a name is looked up among
            the shipped recipes, from any folder.

    Raises:
        RecipeError: the file or name does not exist, the file raises, or it gives no config.
    """
    location, _, variant = reference.partition(":")
    module = _module(location)
    if not callable(getattr(module, "get_config", None)):
        raise RecipeError(f"{location} has no function get_config(variant): see configs/digits.py.")
    try:
        with _neighbours_importable(Path(module.__file__ or location)):
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


def _refuse_other_keys(location: str, config: ConfigDict) -> None:
    """A recipe may not leave out or invent keys: every stage reads its own section."""
    wanted, found = ({key for key, _ in config_leaves(each)} for each in (base_config(), config))
    for difference, what in ((found - wanted, "unknown key"), (wanted - found, "no key")):
        if difference:
            raise RecipeError(
                f"config {location} has {what} {min(difference)}: start from "
                "rnascl_tf.recipes' base_config() and change its values."
            )


def _module(location: str) -> types.ModuleType:
    """Returns the executed recipe file; a recipe is a file, and never imported by name."""
    path = _path(location)
    try:
        return _execute(path)
    except ImportError as error:
        if _OLD_BASE.search(path.read_text(errors="replace")):
            raise RecipeError(
                f"config {location} imports configs.base, which is gone: write "
                "`from rnascl_tf.recipes import base_config, apply_variants`."
            ) from error
        if isinstance(error, ModuleNotFoundError):
            raise RecipeError(
                f"config {location} imports {error.name}, which Python does not find: install it, or "
                "put the folder that holds it on PYTHONPATH."
            ) from error
        raise RecipeError(_reason(location, error)) from error
    except Exception as error:
        raise RecipeError(_reason(location, error)) from error


def _path(location: str) -> Path:
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
        return path
    if location not in shipped_recipes():
        raise RecipeError(
            f"no recipe is called {location!r}{did_you_mean(location, shipped_recipes())}: give a "
            f".py file or one of {', '.join(shipped_recipes())}."
        )
    return _SHIPPED / f"{location}.py"


def _execute(path: Path) -> types.ModuleType:
    # Not imported: that would leave a __pycache__ beside the user's file, run it instead of a recipe
    # that was changed within the same second, and need a name among the modules.
    module = types.ModuleType("rnascl_recipe")
    module.__file__ = str(path)
    with _neighbours_importable(path):
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    return module


@contextlib.contextmanager
def _neighbours_importable(path: Path) -> Iterator[None]:
    """Lets a user's recipe import what lies beside it or in the current folder, as a script may."""
    folders = [str(path.resolve().parent), str(Path.cwd())] if path.parent != _SHIPPED else []
    before = list(sys.path)
    sys.path[:0] = folders
    try:
        yield
    finally:
        sys.path[:] = before


def _reason(location: str, error: Exception) -> str:
    text = " ".join(_message(error).split())
    # ml_collections prints the whole config between the unknown key and its suggestion.
    text = re.sub(r" Other fields present:.*?(?=Did you mean|$)", " ", text).rstrip()
    if isinstance(error, ValueError):
        return f"config {location}: {text}"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == location.partition(":")[0]
    ]
    where = f" in line {lines[-1]}" if lines else ""
    return f"config {location} raised {type(error).__name__}{where}: {text}"


def _message(error: Exception) -> str:
    # ml_collections raises AttributeError(KeyError(message)), and str of a KeyError is the repr of what
    # is in it: right for a key, but a message would come in quotes and with its line ends as "\n".
    inner = error.args[0] if error.args and isinstance(error.args[0], KeyError) else error
    if isinstance(inner, KeyError) and inner.args and not str(inner.args[0]).isidentifier():
        return str(inner.args[0])
    return str(inner)
