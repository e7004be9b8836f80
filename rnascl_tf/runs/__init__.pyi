from .run import Run as Run
from .stage_files import load_student as load_student
from .stage_files import stage_file as stage_file
