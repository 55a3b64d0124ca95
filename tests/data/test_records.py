import numpy as np

from tf_ssd.data.records import Record


def test_crowd_and_size_may_be_left_out():
    boxes = np.zeros((2, 4))
    plain = Record("seven", b"", boxes, np.ones(2, np.int32), np.zeros(2, bool))
    assert plain.crowd.tolist() == [False, False]
    assert plain.size is None
    given = Record("seven", b"", boxes, np.ones(2, np.int32), np.zeros(2, bool), np.ones(2, bool), (30, 20))
    assert given.crowd.all()
    assert given.size == (30, 20)
