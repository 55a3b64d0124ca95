import pytest

from tf_ssd.data.class_weights import read_class_weights, weights_of
from tf_ssd.errors import DatasetError


def written(tmp_path, text):
    path = tmp_path / "weights.json"
    path.write_text(text)
    return path


def test_weights_in_the_order_of_the_labels(tmp_path):
    weights = read_class_weights(written(tmp_path, '\ufeff{"traffic light, red": 2, "cat": 0.5}'))
    assert weights_of(("cat", "dog", "traffic light, red"), weights, tmp_path) == (1.0, 0.5, 1.0, 2.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read as weights of classes"),
        *((text, "holds no weights by the names of classes; write") for text in ("3", '["cat"]', '[["cat", 2]]', "[]")),
        ("[" * 100_000, "cannot be read as weights of classes"),
        ('{"cat": 1, "dog": 1, "cat": 2}', "'cat' has 2 weights; give each class one"),
        *((f'{{"cat": {value}}}', "the weight of 'cat' is .*; write a number above 0") for value in ("0", "-1", "NaN", "1e999")),
        *((f'{{"cat": {value}}}', "the weight of 'cat' is .*; write a number above 0") for value in ("null", "true", '"2"', "[1]")),
    ],
)
def test_what_is_no_weight(tmp_path, text, message):
    with pytest.raises(DatasetError, match=rf"weights\.json: {message}"):
        read_class_weights(written(tmp_path, text))


def test_unknown_classes_are_named_with_those_that_there_are(tmp_path):
    with pytest.raises(DatasetError, match=r"w\.json: there is no class 'dgo', 'cow'; the classes are 'cat', 'dog'"):
        weights_of(("cat", "dog"), {"dgo": 2.0, "cat": 1.0, "cow": 1.0}, tmp_path / "w.json")


def test_no_file(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.json: cannot be read as weights"):
        read_class_weights(tmp_path / "gone.json")
