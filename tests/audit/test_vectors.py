import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tf_ssd.audit.cases.case import CoderCase
from tf_ssd.audit.cases.catalogue import BY_NAME, CASES, CATALOGUES
from tf_ssd.audit.cases.ledger import expected
from tf_ssd.audit.vectors import folder as vectors
from tf_ssd.audit.vectors.numbers import from_array
from tf_ssd.audit.vectors.operations import OperationVector
from tf_ssd.errors import AuditError

CONFORMANCE = Path(__file__).parents[2] / "examples" / "conformance" / "check.mjs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "vectors"
    vectors.export(CASES, path)
    return path


@pytest.fixture
def cases_alone(monkeypatch):
    """Exports write no operations and no networks, which take seconds."""
    monkeypatch.setattr(vectors, "operation_vectors", lambda: iter(()))
    monkeypatch.setattr(vectors, "write_networks", lambda folder: [])


@pytest.mark.usefixtures("cases_alone")
def test_vectors_say_their_kind_of_scores(tmp_path):
    vectors.export([CATALOGUES["sigmoid"]["slot-0-is-trained"], BY_NAME["one-object"]], tmp_path / "vectors")
    assert [vector.scores for vector in vectors.read(tmp_path / "vectors")] == ["sigmoid", "softmax"]


def same_bits(array, wanted):
    actual = from_array(array)
    assert actual.shape == wanted.shape
    return np.array_equal(actual.view(np.int64)[~np.isnan(wanted)], np.asarray(wanted, float).view(np.int64)[~np.isnan(wanted)])


def test_every_case_comes_back_to_the_bit(folder):
    read = [vector for vector in vectors.read(folder) if not isinstance(vector, OperationVector)]
    assert [vector.name for vector in read] == list(BY_NAME)
    for vector in read:
        case = BY_NAME[vector.name]
        assert vector.rules == case.about.numbers != ()
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


@pytest.mark.usefixtures("cases_alone")
def test_a_damaged_case_is_named(tmp_path):
    vectors.export([BY_NAME["one-object"]], tmp_path / "vectors")
    path = tmp_path / "vectors/cases/one-object.json"
    path.write_text(path.read_text().replace('"total"', '"sum"'))
    with pytest.raises(AuditError, match=r"one-object\.json: is no file of version \d+ \(Object missing required field `total`\)"):
        list(vectors.read(tmp_path / "vectors"))
    path.unlink()
    with pytest.raises(AuditError, match=r"one-object\.json: cannot be read"):
        list(vectors.read(tmp_path / "vectors"))


@pytest.mark.usefixtures("cases_alone")
def test_nothing_is_left_of_an_export_that_fails(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/file").write_text("")
    with pytest.raises(OSError, match="there"):
        vectors.export([BY_NAME["one-object"]], tmp_path / "there")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_the_index_says_what_there_is_and_by_which_licence(folder):
    index = json.loads((folder / "index.json").read_text())
    assert index["licence"] == "Apache-2.0"
    assert {path.stem for path in (folder / "operations").iterdir()} == set(index["operations"]) >= {"iou", "default-boxes-OD320"}
    for name in index["networks"]:
        assert {path.name for path in (folder / "networks" / name).iterdir()} == {
            "network.json",
            "outputs.safetensors",
            "weights.safetensors",
        }


def conformance(script, folder):
    return subprocess.run([shutil.which("node") or "node", script, folder], check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
def test_plain_javascript_passes_all_cases_and_operations(folder):
    run = conformance(CONFORMANCE, folder)
    assert (run.returncode, run.stderr) == (0, "")
    count = len(list(vectors.read(folder)))
    assert run.stdout.startswith(f"{count} of {count} vectors pass")


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("best.overlap >= threshold", "best.overlap > threshold", "iou-equal-to-the-threshold"),
        ("<= threshold)", "< threshold)", "detect-at-the-edges"),
        ("score > threshold && area(box) > 0", "score > threshold", "detect-at-the-edges"),
        ("? a - b", "? b - a", "ties-at-the-cut"),
        ("[column, row]", "[row, column]", "default-boxes-VOC300"),
    ],
)
def test_a_fault_of_the_javascript_is_found(folder, tmp_path, right, wrong, named):
    for file in CONFORMANCE.parent.iterdir():
        text = file.read_text(encoding="utf-8")
        (tmp_path / file.name).write_text(text.replace(right, wrong) if file.name == "ssd.mjs" else text, encoding="utf-8")
    run = conformance(tmp_path / CONFORMANCE.name, folder)
    assert run.returncode == 1
    assert f"fails: {named}\n" in run.stdout
