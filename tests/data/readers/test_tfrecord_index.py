import errno
import gc
import gzip
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from tests.data.readers.examples import write
from tf_ssd.check.findings import Findings
from tf_ssd.data.notes import Notes
from tf_ssd.data.readers import tfrecord_index
from tf_ssd.data.readers.tfrecord_index import Records
from tf_ssd.errors import DatasetError

RECORDS = [b"", b"a", b"b" * 1000, bytes(range(256)) * 300]
SIZES = [16 + len(record) for record in RECORDS]


def read_all(records: Records) -> list[bytes]:
    return [records.read(index) for index in range(len(records))]


def test_what_tensorflow_writes_is_read_from_any_file_in_any_order(tmp_path):
    names = ("a.record", "b.record.gz", "c.record", "d.gz")
    records = Records([write(tmp_path / name, *RECORDS[:count]) for name, count in zip(names, (4, 3, 0, 4), strict=True)], Notes())
    expected = [*RECORDS, *RECORDS[:3], *RECORDS]
    assert read_all(records) == expected
    with ThreadPoolExecutor(4) as pool:
        order = [*range(len(expected))] * 20
        assert list(pool.map(records.read, order)) == [expected[index] for index in order]
    assert [records.position(index)[:2] for index in (0, 3, 4, 10)] == [(0, 1), (0, 4), (1, 1), (3, 4)]


def damaged(path: Path, content: bytes, where: int) -> Path:
    path.write_bytes(content[:where] + bytes([content[where] ^ 1]) + content[where + 1 :])
    return path


@pytest.fixture
def content(tmp_path) -> bytes:
    return write(tmp_path / "whole.record", *RECORDS).read_bytes()


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (sum(SIZES[:2]) + 5, r"record 3: is cut off: 5 of the 12 bytes of its header are there; copy or make the file again"),
        (sum(SIZES[:2]) + 12, "record 3: is cut off: 0 of its 1004 bytes are there"),
        (sum(SIZES[:3]) - 1, "record 3: is cut off: 1003 of its 1004 bytes are there"),
        (1, "record 1: is cut off: 1 of the 12 bytes of its header"),
    ],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_file_that_is_cut_off_names_the_record(tmp_path, content, kept, message, is_packed):
    path = tmp_path / "cut.record"
    path.write_bytes(gzip.compress(content[:kept]) if is_packed else content[:kept])
    with pytest.raises(DatasetError, match=rf"cut\.record: {message}"):
        Records([path], Notes())


@pytest.mark.parametrize(("end", "reason"), [(-20, "ended before the end-of-stream"), (-8, "end-of-stream|CRC")])
def test_a_packed_file_that_is_cut_off_names_the_record(tmp_path, content, end, reason):
    path = tmp_path / "cut.record.gz"
    path.write_bytes(gzip.compress(content, compresslevel=0)[:end])
    with pytest.raises(DatasetError, match=rf"cut\.record\.gz: record [45]: is cut off: .*{reason}"):
        Records([path], Notes())


def test_records_before_the_fault_and_other_files_are_kept_where_all_faults_are_listed(tmp_path, content):
    (tmp_path / "cut.record").write_bytes(content[:-1])
    findings = Findings("train")
    records = Records([tmp_path / "cut.record", tmp_path / "whole.record", tmp_path / "gone.record"], findings)
    assert read_all(records) == [*RECORDS[:3], *RECORDS]
    messages = [finding.message for finding in findings]
    assert "cut.record: record 4: is cut off" in messages[0]
    assert "gone.record: cannot be read" in messages[1]
    assert len(messages) == 2


def test_damage_is_found_by_checksums(tmp_path, content):
    with pytest.raises(DatasetError, match=r"record 1: is damaged: the checksum of its length is wrong; is this a TFRecord file\?"):
        Records([damaged(tmp_path / "a", content, 0)], Notes())
    with pytest.raises(DatasetError, match="record 2: is damaged: the checksum of its length is wrong; make the file again"):
        Records([damaged(tmp_path / "a", content, SIZES[0] + 7)], Notes())
    records = Records([damaged(tmp_path / "a", content, SIZES[0] + SIZES[1] + 500)], Notes())
    assert records.read(1) == b"a"
    with pytest.raises(DatasetError, match="a: record 3: is damaged: its checksum is wrong; make the file again"):
        records.read(2)


def test_a_file_that_changes_later_is_noticed(tmp_path, content):
    path = write(tmp_path / "a", *RECORDS)
    records = Records([path], Notes())
    path.write_bytes(content[: sum(SIZES[:2])])
    with pytest.raises(DatasetError, match="record 3: is gone: the file has become shorter"):
        records.read(2)
    path.unlink()
    with pytest.raises(DatasetError, match="record 1: cannot be read"):
        records.read(0)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        Records([tmp_path], Notes())


def test_a_packed_file_for_which_there_is_no_room_is_named_with_what_to_do(tmp_path, monkeypatch):
    class Full(BytesIO):
        def write(self, _content: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tfrecord_index, "TemporaryFile", lambda **_: Full())
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(write(tmp_path / "a", *RECORDS).read_bytes()))
    message = r"a\.gz: cannot be unpacked \(No space left on device\); unpack it with gunzip, or let TMPDIR name a folder with"
    with pytest.raises(DatasetError, match=message):
        Records([path], Notes())


def test_a_record_costs_few_bytes(tmp_path):
    path = write(tmp_path / "a", *[b"x"] * 5000)
    tracemalloc.start()
    records = Records([path], Notes())
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / len(records) < 50
