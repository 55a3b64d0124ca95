import json
from pathlib import Path

import pytest

from tf_ssd.check.findings import Findings
from tf_ssd.data.readers.coco_json import Image, read_category_names, read_coco, unique
from tf_ssd.errors import DatasetError, Place


def test_names_of_categories_are_in_the_order_of_their_ids_without_spaces_around_them(tmp_path):
    file = tmp_path / "coco.json"
    file.write_text(json.dumps({"categories": [{"id": 10, "name": " dog "}, {"id": "9", "name": 7}], "images": "not read"}))
    assert read_category_names(file) == ["7", "dog"]


def test_names_that_cannot_be_read(tmp_path):
    file = tmp_path / "coco.json"
    for text in ("{", '{"categories": 7}'):
        file.write_text(text)
        with pytest.raises(DatasetError, match=r"coco\.json: cannot be used as COCO JSON \(.*\); correct the file$"):
            read_category_names(file)


def test_an_entry_of_another_form_is_named_with_its_file(tmp_path):
    file, findings = tmp_path / "coco.json", Findings("train")
    file.write_text(json.dumps({"images": [{"id": 1.5}], "categories": [{"id": 1}], "annotations": [{"image_id": 1}]}))
    assert read_coco(file, findings).categories == []
    for name, finding in zip(("images", "categories", "annotations"), findings, strict=True):
        assert finding.message.startswith(f"{file}: cannot be used as COCO JSON (")
        assert f"- at `$.{name}[0]" in finding.message


def test_of_a_repeated_id_the_first_entry_is_kept_and_the_fault_noted():
    first, other, second = entries = [Image(7, "a.png"), Image(5, "b.png"), Image("7", "c.png")]
    findings = Findings("train")
    assert unique(entries, Place(Path("images")), findings) == [first, other]
    assert [(finding.kind, "the id 7 is given 2 times" in finding.message) for finding in findings] == [("repeated ids", True)]
    assert unique([other, second], Place(Path("images")), findings) == [other, second]
