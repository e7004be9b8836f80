from .base import base_config as base_config
from .base import choose_variant as choose_variant
from .leaves import config_leaves as config_leaves
from .leaves import config_value as config_value
from .loading import RecipeError as RecipeError
from .loading import load_recipe as load_recipe
from .loading import shipped_recipes as shipped_recipes
