"""A folder of vectors that is not as it was written: `folder.read` and the program in JavaScript refuse it, and name the file."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tf_ssd.audit.cases.catalogue import BY_NAME
from tf_ssd.audit.vectors import folder as vectors
from tf_ssd.audit.vectors import operations
from tf_ssd.errors import AuditError

CHECK = Path(__file__).parents[2] / "examples" / "conformance" / "check.mjs"
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two cases and the operations on boxes."""
    path = tmp_path_factory.mktemp("export") / "vectors"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "operation_vectors", operations._of_boxes)
        patch.setattr(vectors, "write_networks", lambda folder: [])
        vectors.export([BY_NAME["one-object"], BY_NAME["decode-overflow"]], path)
    return path


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "vectors")


def check(*folders, program=CHECK):
    return subprocess.run([shutil.which("node"), program, *folders], check=False, capture_output=True, text=True, timeout=60)


def edit(name, **fields):
    """What writes fields of a file: `images__0__mined` is the field of the first image."""

    def damage(folder):
        content = json.loads((folder / name).read_text())
        for path, value in fields.items():
            *places, last = [int(place) if place.isdigit() else place for place in path.split("__")]
            inside = content
            for place in places:
                inside = inside[place]
            inside[last] = value
        (folder / name).write_text(json.dumps(content))

    return damage


def replace(name, old, new):
    def damage(folder):
        content = (folder / name).read_bytes()
        assert old in content
        (folder / name).write_bytes(content.replace(old, new, 1))

    return damage


INDEX, ONE, CODER, AREA = "index.json", "cases/one-object.json", "cases/decode-overflow.json", "operations/area.json"
MATCHED = "images__0__matched_row"
DAMAGES = {
    "no index": (INDEX, lambda folder: (folder / INDEX).unlink()),
    "an index that is a folder": (INDEX, lambda folder: ((folder / INDEX).unlink(), (folder / INDEX).mkdir())),
    "an index of nothing": (INDEX, edit(INDEX, cases=[], operations=[])),
    "a name twice": (INDEX, edit(INDEX, cases=["one-object", "one-object"])),
    "a name with NUL": (INDEX, edit(INDEX, cases=["one\0object"])),
    "a name of another folder": (INDEX, edit(INDEX, cases=["../cases/one-object"])),
    "names that are none": (INDEX, edit(INDEX, cases="one-object")),
    "another version": (INDEX, edit(INDEX, version=99)),
    "a version that is a string": (INDEX, edit(INDEX, version=str(vectors.VERSION))),
    "an index that is a list": (INDEX, lambda folder: (folder / INDEX).write_text("[]")),
    "no case": (ONE, lambda folder: (folder / ONE).unlink()),
    "a truncated case": (ONE, lambda folder: (folder / ONE).write_bytes((folder / ONE).read_bytes()[:500])),
    "bad UTF-8": (ONE, replace(ONE, b"An object", b"An \xff object")),
    "another case": (ONE, lambda folder: shutil.copy(folder / CODER, folder / ONE)),
    "an unknown type": (ONE, edit(ONE, type="lost")),
    "an operation among cases": ("cases/area.json", lambda folder: among_cases(folder, AREA)),
    "a case among operations": ("operations/one-object.json", lambda folder: among_operations(folder, ONE)),
    "a shape for less": (ONE, edit(ONE, default_boxes__shape=[21, 5])),
    "a shape for whatever there is": (ONE, edit(ONE, default_boxes__shape=[-1, 4])),
    "a shape of two negative sides": (ONE, edit(ONE, default_boxes__shape=[-21, -4])),
    "a number that is none": (CODER, edit(CODER, values__values__0="nan")),
    "no matched rows": (ONE, edit(ONE, **{MATCHED: []})),
    "fewer boxes mined than there are": (ONE, edit(ONE, images__0__mined=[True])),
    "labels without boxes": (ONE, edit(ONE, images__0__gt_labels=[])),
    "no images": (ONE, edit(ONE, images=[])),
    "no outputs": (AREA, edit(AREA, outputs={})),
}


def among_cases(folder, operation):
    shutil.copy(folder / operation, folder / "cases")
    edit(INDEX, cases=["area"])(folder)


def among_operations(folder, case):
    shutil.copy(folder / case, folder / "operations")
    edit(INDEX, operations=["one-object"])(folder)


@pytest.mark.parametrize("damage", DAMAGES)
def test_python_names_the_file_that_is_damaged(folder, damage):
    name, do = DAMAGES[damage]
    do(folder)
    with pytest.raises(AuditError, match=f"^{re.escape(str(folder / name))}: .*; export the cases again$"):
        list(vectors.read(folder))


@needs_node
@pytest.mark.parametrize("damage", DAMAGES)
def test_javascript_names_the_file_that_is_damaged(folder, damage):
    name, do = DAMAGES[damage]
    do(folder)
    run = check(folder)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith(f"error: {folder / name}: ")
    assert run.stderr.endswith("; export the folder again: python -m tf_ssd.audit --export FOLDER\n")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (edit(CODER, expected__shape=[4, 1]), r"`expected` has shape \[4, 1\], which must be \[1, 4\]"),
        (edit(CODER, default_boxes={"shape": [0, 4], "values": []}), r"`default_boxes` has shape \[0, 4\], which must be \[1, 4\]"),
        (edit(ONE, **{f"{MATCHED}__0": 9}), "`matched_row` names a row that `gt_boxes` does not have"),
        (edit(ONE, **{f"{MATCHED}__0": -2}), "`matched_row` names a row that `gt_boxes` does not have"),
        (edit(ONE, images__0__offsets__shape=[4, 21]), r"`offsets` has shape \[4, 21\], which must be \[21, 4\]"),
        (edit(ONE, images__0__logits__shape=[1, 63]), r"`logits` has shape \[1, 63\], which must be \[21, 3\]"),
        (edit(ONE, offsets_gradient__shape=[21, 4]), r"`offsets_gradient` has shape \[21, 4\], which must be \[1, 21, 4\]"),
        (edit(ONE, logits_gradient__shape=[63]), r"`logits_gradient` has shape \[63\], which must be \[1, 21, 3\]"),
        (edit(AREA, outputs__area__shape=[3]), r"shape \[3\] does not fit 9 values"),
    ],
)
def test_arrays_that_do_not_fit_each_other(folder, damage, message):
    damage(folder)
    with pytest.raises(AuditError, match=message):
        list(vectors.read(folder))


def test_a_version_is_refused_before_what_it_does_not_have(folder):
    (folder / INDEX).write_text('{"version": 99, "files": []}')
    with pytest.raises(AuditError, match=rf"index\.json: version 99, where {vectors.VERSION} is known"):
        list(vectors.read(folder))


def test_a_folder_may_be_a_string(folder):
    assert [vector.name for vector in vectors.read(str(folder))][:3] == ["one-object", "decode-overflow", "iou"]


def test_a_folder_that_no_disk_can_have():
    with pytest.raises(AuditError, match=r"cannot be read \(.*null byte"):
        list(vectors.read("a\0b"))


@needs_node
@pytest.mark.parametrize("arguments", [(), ("one", "two")])
def test_javascript_asks_for_one_folder(arguments):
    run = check(*arguments)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("error: name one folder of vectors: node check.mjs FOLDER")


@needs_node
@pytest.mark.parametrize(("number", "message"), [(5, "where the number"), ("text", '"text"')])
def test_javascript_says_which_version_it_met(folder, number, message):
    edit(INDEX, version=number)(folder)
    assert message in check(folder).stderr


@needs_node
@pytest.mark.parametrize(("wanted", "code"), [("Infinity", 0), ("-Infinity", 1), (0.5, 1)])
def test_an_infinity_is_equal_to_itself_alone(folder, wanted, code):
    """The area of a box without an end."""
    edit(AREA, inputs__boxes={"shape": [1, 4], "values": [0, 0, "Infinity", 1]})(folder)
    edit(AREA, outputs__area={"shape": [1], "values": [wanted]})(folder)
    run = check(folder)
    assert (run.returncode, run.stdout.startswith("fails: area\n")) == (code, code == 1)


@needs_node
@pytest.mark.parametrize("wanted", ["Infinity", "-Infinity", "NaN"])
def test_a_number_is_no_infinity(folder, wanted):
    edit(AREA, outputs__area__values__0=wanted)(folder)
    run = check(folder)
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout.startswith("fails: area\n")


@needs_node
def test_code_that_throws_fails(folder, tmp_path):
    program = shutil.copytree(CHECK.parent, tmp_path / "program")
    replace("ssd.mjs", b"export const area = (", b"export const area = ({ missing: { box } }, ")(program)
    run = check(folder, program=program / CHECK.name)
    assert (run.returncode, run.stderr) == (1, "")
    assert re.search(r"^fails: area \(TypeError: .*\)$", run.stdout, re.MULTILINE)
