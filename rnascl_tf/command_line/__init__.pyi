from .command_flags import CommandFlags as CommandFlags
from .command_flags import FlagError as FlagError
from .device_flags import add_device_flags as add_device_flags
from .forwarding_flags import ForwardingFlags as ForwardingFlags
from .recipe_flags import RecipeFlags as RecipeFlags
from .running import CONTINUES as CONTINUES
from .running import RESUMES as RESUMES
from .running import run as run
