import numpy as np
import pytest

from tests.data.test_subset import Things
from tf_ssd.data.balance import balance_of, repeat_factors


def test_factors_by_hand():
    """Four images: class 1 in all, class 2 in one, class 3 in none. sqrt(0.5 / 0.25) = sqrt(2)."""
    labels = [np.array(image) for image in ([1, 1, 1], [1], [1, 2], [1])]
    balance = repeat_factors(labels, 3, 0.5)
    assert balance.shares.tolist() == [1, 0.25, 0]
    assert balance.classes.tolist() == pytest.approx([1, 2**0.5, 1])
    assert balance.images.tolist() == pytest.approx([1, 1, 2**0.5, 1])


def test_the_rarest_class_of_an_image_decides_and_images_without_labels_come_once():
    labels = [np.array(image, int) for image in ([1, 2], [1], [], [])]
    balance = repeat_factors(labels, 2, 1.0)
    assert balance.images.tolist() == pytest.approx([2, 2**0.5, 1, 1])
    assert repeat_factors([], 2, 0.5).images.tolist() == []


def test_crowds_do_not_count_and_difficult_objects_as_they_are_trained_on():
    dataset = Things([1, 1, 1, 0], crowds=[1, 0, 0, 0], difficult=[0, 1, 0, 0])
    assert balance_of(dataset, 1.0).images.tolist() == pytest.approx([1, 2**0.5, 2**0.5, 1])
    ignoring = balance_of(dataset, 1.0, difficult="ignore")
    assert ignoring.images.tolist() == pytest.approx([1, 1, 2, 1])
    assert ignoring.shares.tolist() == [0.25, 0, 0]
