from .kinds import ModelFileError as ModelFileError
from .kinds import kind_of as kind_of
from .kinds import refuse_other_content as refuse_other_content
from .model_file import ModelFile as ModelFile
from .model_file import load_model_file as load_model_file
