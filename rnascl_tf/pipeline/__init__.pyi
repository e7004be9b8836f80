from .branching import branch as branch
from .execution import execute as execute
from .order import STAGES as STAGES
from .order import select as select
from .preview import dry_run as dry_run
from .settings import check as check
from .settings import check_stages as check_stages
from .settings import check_values as check_values
