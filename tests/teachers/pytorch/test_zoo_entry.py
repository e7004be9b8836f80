from teachers.pytorch.zoo_entry import InputNormalization


def test_a_normalization_reads_as_the_flags_that_give_it():
    normalization = InputNormalization((0.4914, 0.5, 0.44651), (0.2, 0.25, 1.0))
    assert str(normalization) == "mean 0.4914,0.5,0.4465 and std 0.2,0.25,1"
    assert not normalization.clamps
