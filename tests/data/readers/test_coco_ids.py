from tf_ssd.data.readers.coco_ids import order


def test_numbers_come_first_in_their_order_then_texts_in_theirs():
    assert sorted(["b", 10, "1", "-3", 9, 0, "a"], key=order) == [0, "1", 9, 10, "-3", "a", "b"]
