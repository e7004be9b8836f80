from .model_file import ModelFile as ModelFile
from .model_file import ModelFileError as ModelFileError
from .model_file import check_exists as check_exists
from .model_file import load_model_file as load_model_file
