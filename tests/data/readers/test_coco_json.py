import json
from pathlib import Path

from tf_ssd.check.findings import Findings
from tf_ssd.data.readers.coco_json import Image, read_category_names, unique
from tf_ssd.errors import Place


def test_names_of_categories_are_in_the_order_of_their_ids_without_spaces_around_them(tmp_path):
    file = tmp_path / "coco.json"
    file.write_text(json.dumps({"categories": [{"id": 10, "name": " dog "}, {"id": "9", "name": 7}], "images": "not read"}))
    assert read_category_names(file) == ["7", "dog"]


def test_of_a_repeated_id_the_first_entry_is_kept_and_the_fault_noted():
    first, other, second = entries = [Image(7, "a.png"), Image(5, "b.png"), Image("7", "c.png")]
    findings = Findings("train")
    assert unique(entries, Place(Path("images")), findings) == [first, other]
    assert [(finding.kind, "the id 7 is given 2 times" in finding.message) for finding in findings] == [("repeated ids", True)]
    assert unique([other, second], Place(Path("images")), findings) == [other, second]
