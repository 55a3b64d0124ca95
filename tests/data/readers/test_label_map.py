import pytest

from tf_ssd.data.readers.label_map import Item, read_label_map
from tf_ssd.errors import DatasetError


@pytest.fixture
def read(tmp_path):
    """Write a label map and read it."""

    def read(text: str | bytes):
        (tmp_path / "label_map.pbtxt").write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_label_map(tmp_path / "label_map.pbtxt")

    return read


FORMS = {
    "as the tutorials write it": "item {\n  id: 2\n  name: 'dog'\n}\nitem {\n  id: 1\n  name: 'cat'\n}\n",
    "as Roboflow writes it": 'item {\n    name: "cat",\n    id: 1,\n    display_name: "cat"\n}\nitem { name: "dog", id: 2 }',
    "with a colon, semicolons and comments": "# pets\nitem: { id: 1; name: 'cat' }  item: < id: 2; name: 'dog' >",
    "with other fields": "item { id: 1 name: 'cat' frequency: COMMON keypoints { id: 3 } }\nitem { id: 2 name: 'dog' }",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS.keys())
def test_forms(read, text):
    assert list(read(text).items()) == [(1, Item("cat", "cat")), (2, Item("dog", "dog"))]


def test_a_display_name_is_what_a_class_is_called(read):
    assert read("item { id: 1 name: '/m/01g317' display_name: 'person' }") == {1: Item("person", "/m/01g317")}


BAD = {
    "no text of a protobuf": ("cat\ndog\n", r"label_map\.pbtxt: cannot be used as a label map \(.*\); write item \{ id: 1"),
    "an open bracket": ("item { id: 1", "cannot be used as a label map"),
    "no number": ("item { id: 'one' name: 'cat' }", "cannot be used as a label map"),
    "not UTF-8": (b"item { id: 1 name: '\xff' }", "cannot be used as a label map"),
    "empty": ("", "there are no items; write item"),
    "no id": ("item { name: 'cat' }", r"item 1 \(cat\): the id must be at least 1, as 0 is background"),
    "an id twice": ("item { id: 1 name: 'cat' }\nitem { id: 1 name: 'dog' }", r"item 2 \(dog\): the id 1 is given twice"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_bad_files_are_named(read, text, message):
    with pytest.raises(DatasetError, match=message):
        read(text)
