import pytest

from tf_ssd.system.words import counted, nearest


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "picture", "1 picture"),
        (0, "picture", "0 pictures"),
        (2, "box", "2 boxes"),
        (2, "class", "2 classes"),
        (2, "more match", "2 more matches"),
        (1, "entry", "1 entry"),
        (1234567, "entry", "1,234,567 entries"),
        (2, "array", "2 arrays"),
    ],
)
def test_one_thing_or_several(count, noun, text):
    assert counted(count, noun) == text


def test_what_was_meant():
    known = ("ssd300_vgg16", "ssd512_vgg16", "VOC300")
    assert nearest("vgg16", known) == "did you mean ssd512_vgg16 or ssd300_vgg16?"
    assert nearest("voc300", known) == "did you mean VOC300?"
    assert nearest("quite another word", known) == ""
