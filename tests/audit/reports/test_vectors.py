import json

import numpy as np
import pytest

from tf_ssd.audit.cases.case import CoderCase
from tf_ssd.audit.cases.catalogue import BY_NAME, CASES, CATALOGUES
from tf_ssd.audit.cases.ledger import expected
from tf_ssd.audit.reports import vectors
from tf_ssd.errors import AuditError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "vectors"
    vectors.export(CASES, path)
    return path


def test_vectors_say_their_kind_of_scores(tmp_path):
    vectors.export([CATALOGUES["sigmoid"]["slot-0-is-trained"], BY_NAME["one-object"]], tmp_path / "vectors")
    assert [vector.scores for vector in vectors.read(tmp_path / "vectors")] == ["sigmoid", "softmax"]


def same_bits(array, wanted):
    actual = vectors.from_array(array)
    assert actual.shape == wanted.shape
    return np.array_equal(actual.view(np.int64)[~np.isnan(wanted)], np.asarray(wanted, float).view(np.int64)[~np.isnan(wanted)])


def test_every_case_comes_back_to_the_bit(folder):
    read = list(vectors.read(folder))
    assert [vector.name for vector in read] == list(BY_NAME)
    for vector in read:
        case = BY_NAME[vector.name]
        assert same_bits(vector.default_boxes, case.default_boxes)
        if isinstance(case, CoderCase):
            assert same_bits(vector.values, case.values)
            assert same_bits(vector.expected, case.expected)
            continue
        right = expected(case)
        np.testing.assert_equal([float(vector.total), float(vector.confidence)], [right.total, right.confidence])
        assert same_bits(vector.logits_gradient, right.logits_gradient)
        assert same_bits(vector.offsets_gradient, right.offsets_gradient)
        for written, image in zip(vector.images, case.images, strict=True):
            assert same_bits(written.gt_boxes, image.gt_boxes)
            assert same_bits(written.logits, image.logits)
            assert same_bits(written.offsets, image.offsets)
            assert {box: row for box, row in enumerate(written.matched_row) if row >= 0} == image.matches
            assert set(np.flatnonzero(written.mined)) == set(image.mined)


def test_files_are_json_that_any_language_reads(folder):
    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    for path in folder.rglob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)
    case = json.loads((folder / "cases/nan-in-the-offsets-of-a-negative.json").read_text())
    assert case["images"][0]["offsets"]["values"][28:32] == ["NaN"] * 4


def test_the_schema_names_every_field_of_a_case(folder):
    schema = json.loads((folder / "schema.json").read_text())
    case = json.loads((folder / "cases/one-object.json").read_text())
    assert set(case) == set(schema["$defs"]["LossVector"]["properties"])


def test_another_version_is_refused(folder, tmp_path):
    index = json.loads((folder / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**index, "version": 1}))
    with pytest.raises(AuditError, match=r"index\.json: version 1, where 2 is known"):
        list(vectors.read(tmp_path))


def test_a_damaged_case_is_named(tmp_path):
    vectors.export([BY_NAME["one-object"]], tmp_path / "vectors")
    path = tmp_path / "vectors/cases/one-object.json"
    path.write_text(path.read_text().replace('"total"', '"sum"'))
    with pytest.raises(AuditError, match=r"one-object\.json: is no case of this version"):
        list(vectors.read(tmp_path / "vectors"))
    path.unlink()
    with pytest.raises(AuditError, match=r"one-object\.json: cannot be read"):
        list(vectors.read(tmp_path / "vectors"))


def test_nothing_is_left_of_an_export_that_fails(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/file").write_text("")
    with pytest.raises(OSError, match="there"):
        vectors.export([BY_NAME["one-object"]], tmp_path / "there")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
