from .base import base_config as base_config
from .base import choose_variant as choose_variant
from .loading import RecipeError as RecipeError
from .loading import load_recipe as load_recipe
from .loading import shipped_recipes as shipped_recipes
