import numpy as np
import pytest

from tests.data.readers.examples import BOX, LABEL_MAP, example, write
from tf_ssd.check.findings import Findings
from tf_ssd.data.batches.generator import evaluation_batches
from tf_ssd.data.fingerprint import fingerprint
from tf_ssd.data.ground_truth import fit_record
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.tfrecord import TfrecordDataset
from tf_ssd.data.sources import check_there, open_dataset
from tf_ssd.data.subset import labelled
from tf_ssd.errors import DatasetError


def test_a_record_of_a_known_size_has_pixels(tmp_path):
    write(tmp_path / "train.record", example(), example(BOX, difficult=[1], is_crowd=[1]))
    check_there("tfrecord", [tmp_path], ["train"])
    dataset = open_dataset("tfrecord", [tmp_path], ["train"])
    record = dataset[1]
    assert (record.id, record.size, record.fractions, dataset.class_names) == ("train.record:2", (200, 100), False, ("dog",))
    np.testing.assert_array_equal(record.boxes_px, [[50, 50, 150, 100]])
    assert (record.labels.tolist(), record.difficult.tolist(), record.crowd.tolist()) == ([1], [True], [True])
    assert len(dataset[0].labels) == 0
    assert fingerprint(dataset)


def test_a_record_of_unknown_size_has_fractions(tmp_path):
    write(tmp_path / "train.record", example(BOX, width=None))
    record = TfrecordDataset(tmp_path, "train")[0]
    assert (record.size, record.fractions) == (None, True)
    np.testing.assert_array_equal(fit_record(record, (200, 100), Notes())[0].boxes_px, [[50, 50, 150, 100]])
    assert len(labelled(TfrecordDataset(tmp_path, "train"))) == 1


@pytest.mark.parametrize("width", [[200], None])
def test_a_batch_has_the_fractions_to_the_bit(tmp_path, width):
    box = (np.float32(1) / 3, 0.1, np.float32(2) / 3, 0.7)
    write(tmp_path / "train.record", example(box, width=width))
    [(batch, _)] = evaluation_batches(TfrecordDataset(tmp_path, "train"), batch_size=1, image_size=30)
    np.testing.assert_array_equal(batch.boxes[0, 0], np.float32(box))


def test_records_of_files_of_one_name_differ(tmp_path):
    for split in ("train", "valid"):
        write(tmp_path / split / "pets.tfrecord", example(BOX))
        assert TfrecordDataset(tmp_path, split)[0].id == f"{split}/pets.tfrecord:1"


def test_several_packed_files(tmp_path):
    for number in range(3):
        write(tmp_path / f"pets_train.record-0000{number}-of-00003.gz", *[example(BOX)] * number)
    dataset = TfrecordDataset(tmp_path, "train")
    end = ".record-0000{}-of-00003.gz:{}"
    assert [dataset[index].id for index in range(3)] == ["pets_train" + end.format(*at) for at in ((1, 1), (2, 1), (2, 2))]


def test_classes_are_those_of_a_label_map_in_its_order_or_those_found(tmp_path):
    write(tmp_path / "train.record", example(BOX), example(BOX, text=["ape"], label=[9]))
    assert TfrecordDataset(tmp_path, "train").class_names == ("ape", "dog")
    (tmp_path / "label_map.pbtxt").write_text(LABEL_MAP)
    dataset = TfrecordDataset(tmp_path, "train")
    assert (dataset.class_names, dataset[0].labels.tolist()) == (("cat", "dog"), [2])
    with pytest.raises(DatasetError, match=r"record 2 \(a\.png\), object 1 \(ape\): the class is none of cat, dog"):
        dataset[1]
    assert TfrecordDataset(tmp_path, "train", class_names=["dog", "ape"])[1].labels.tolist() == [2]
    (tmp_path / "label_map.pbtxt").write_text(LABEL_MAP.replace("dog", "cat"))
    with pytest.raises(DatasetError, match=r"label_map\.pbtxt: .*one name twice"):
        TfrecordDataset(tmp_path, "train")


def test_nothing_is_read_before_it_is_used(tmp_path):
    write(tmp_path / "train.record", example(BOX), b"\xff")
    dataset = TfrecordDataset(tmp_path, "train", class_names=["dog"])
    assert dataset[0].labels.tolist() == [1]
    with pytest.raises(DatasetError, match=r"train\.record: record 2: is no tf\.train\.Example"):
        dataset[1]
    with pytest.raises(DatasetError, match="record 2"):
        TfrecordDataset(tmp_path, "train")


def test_files_without_records_are_refused(tmp_path):
    write(tmp_path / "train.record")
    with pytest.raises(DatasetError, match=r"train\.record: there are no records; is this the split\?"):
        TfrecordDataset(tmp_path, "train")


def test_every_fault_is_listed(tmp_path):
    write(tmp_path / "train.record", example(BOX), b"\xff", example(BOX, xmin=None))
    findings = Findings("train")
    dataset = TfrecordDataset(tmp_path, "train", notes=findings)
    assert dataset.class_names == ("dog",)
    assert [finding.kind for finding in findings] == ["broken annotations"] * 2
