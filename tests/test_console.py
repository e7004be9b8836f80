"""Times as people say them; bars and tables are seen in `tests/commands/test_run.py`."""

import pytest

from rnascl_tf.console import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0 s"),
        (0.06, "0.1 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (89.4, "89 s"),
        (91, "2 min"),
        (89.4 * 60, "89 min"),
        (90 * 60, "1 h 30 min"),
        (26 * 3600 + 59.6 * 60, "27 h 0 min"),
    ],
)
def test_a_time_as_people_say_it(seconds, text):
    assert duration(seconds) == text
