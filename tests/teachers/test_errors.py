from teachers.errors import TeacherError


def test_a_teacher_error_is_a_value_error():
    assert issubclass(TeacherError, ValueError)
