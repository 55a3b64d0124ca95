import itertools
import resource
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_ssd.errors import TrainingError
from tf_ssd.system.tensors import read_tensors, write_tensors
from tf_ssd.train.trainer.checkpoints import Checkpoint, Checkpoints

STATE = {
    "model/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "optimizer/0": np.array(7, np.int64),
    "average/0": np.array([np.nan, -0.0, np.inf]),
}
DIGEST_OF_0_2 = "0ae6b309e6d0d23ba780c6c913329f98d34141d1825808e93b4675338dbb16c3"  # of step 2 and STATE


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def saved(folder, steps, **options):
    checkpoints = Checkpoints(folder, **options)
    for step in steps:
        checkpoints.save(Checkpoint(step, STATE))
    return checkpoints


def newest(folder):
    """The step of the newest checkpoint that is whole, and the warnings on the way to it."""
    warnings = []
    checkpoint = Checkpoints(folder).newest(warnings.append)
    return checkpoint and checkpoint.step, warnings


ADVICE = r"step-00000003\S+: cannot be written.*; the checkpoints before it are whole: make room and give the same command again$"


@contextmanager
def files_limited_to(size):
    """A disk that is full, as far as this process can tell."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


def test_what_is_read_is_what_was_written(tmp_path):
    checkpoint = saved(tmp_path / "new" / "folder", [12]).newest(pytest.fail)
    assert checkpoint.step == 12
    assert checkpoint.tensors.keys() == STATE.keys()
    for name, value in STATE.items():
        assert checkpoint.tensors[name].dtype == value.dtype
        assert checkpoint.tensors[name].tobytes() == value.tobytes()


def test_the_seconds_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(Checkpoint(1, STATE, seconds=12.5))
    assert checkpoints.newest(pytest.fail).seconds == 12.5
    assert Checkpoint(1, STATE).seconds == 0


@pytest.mark.parametrize("seconds", [{}, {"seconds": 1.5}], ids=["0.1.0", "0.2.0"])
def test_checkpoints_of_older_versions_are_read(tmp_path, seconds):
    """Their digest is of step and tensors."""
    about = {"step": 2, **seconds, "digest": DIGEST_OF_0_2}
    write_tensors(tmp_path / "step-00000002.safetensors", STATE, about)
    checkpoint = Checkpoints(tmp_path).newest(pytest.fail)
    assert (checkpoint.step, checkpoint.seconds) == (2, seconds.get("seconds", 0))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"model/kernel": np.arange(6, dtype=np.float32).reshape(3, 2)}, id="shape"),
        pytest.param({"model/kernel": np.arange(6, dtype=np.float32).reshape(2, 3).view(np.int32)}, id="dtype"),
        pytest.param({"model/kernel": STATE["model/kernel"] + 1}, id="value"),
        pytest.param({"model/other": np.zeros(0)}, id="one more"),
    ],
)
def test_other_tensors_do_not_fit_the_digest(tmp_path, changed):
    saved(tmp_path, [1])
    path = tmp_path / names(tmp_path)[0]
    _, about = read_tensors(path)
    write_tensors(path, STATE | changed, about)
    assert newest(tmp_path) == (None, [f"{path}: damaged, and left out (its contents have changed since they were written)"])


def test_the_last_few_stay(tmp_path):
    saved(tmp_path, [1, 2, 10, 9, 100_000_000], keep=3)
    assert names(tmp_path) == ["step-00000009.safetensors", "step-00000010.safetensors", "step-100000000.safetensors"]
    saved(tmp_path / "default", [1, 2, 3, 4])
    assert names(tmp_path / "default") == [f"step-0000000{step}.safetensors" for step in (2, 3, 4)]
    assert newest(tmp_path) == (100_000_000, [])


def test_equal_states_are_equal_files(tmp_path):
    saved(tmp_path / "a", [1])
    shuffled = {name: np.array(STATE[name], order="F") for name in reversed(STATE)}
    Checkpoints(tmp_path / "b").save(Checkpoint(1, shuffled))
    contents = {path.read_bytes() for path in tmp_path.rglob("*.safetensors")}
    assert len(contents) == 1


def test_no_checkpoints(tmp_path):
    assert newest(tmp_path / "nowhere") == (None, [])


def test_a_worker_that_is_not_the_first_writes_nothing(tmp_path):
    saved(tmp_path, [1], writes=False)
    assert names(tmp_path) == []


def test_a_half_written_file_is_no_checkpoint(tmp_path):
    saved(tmp_path, [1])
    (tmp_path / "unfinished-7.safetensors").write_bytes((tmp_path / "step-00000001.safetensors").read_bytes()[:100])
    assert newest(tmp_path) == (1, [])


def test_any_flipped_bit_is_noticed(tmp_path):
    saved(tmp_path, [1, 2])
    path = tmp_path / "step-00000002.safetensors"
    content = path.read_bytes()
    for position, bit in itertools.product(range(len(content)), range(8)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1 << bit]) + content[position + 1 :])
        step, warnings = newest(tmp_path)
        assert step == 1, (position, bit)
        assert len(warnings) == 1
        assert "step-00000002.safetensors: damaged, and left out (" in warnings[0]


@given(share=st.floats(0, 1, exclude_max=True))
def test_any_truncation_is_noticed(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("checkpoints")
    saved(folder, [1, 2])
    path = folder / "step-00000002.safetensors"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert newest(folder)[0] == 1


@pytest.mark.parametrize("about", [None, 7, "digest", ["digest", "step"], {"digest": "", "step": 2}], ids=str)
def test_a_file_of_something_else_is_no_checkpoint(tmp_path, about):
    write_tensors(tmp_path / "step-00000002.safetensors", STATE, about)
    step, [warning] = newest(tmp_path)
    assert step is None
    assert "step-00000002.safetensors: damaged, and left out (" in warning


def test_all_damaged(tmp_path):
    saved(tmp_path, [1, 2, 3])
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    step, warnings = newest(tmp_path)
    assert step is None
    assert [warning.rpartition("/")[2][:13] for warning in warnings] == ["step-00000003", "step-00000002", "step-00000001"]


def test_a_full_disk_leaves_the_checkpoints_before(tmp_path):
    checkpoints = saved(tmp_path, [1, 2])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    large = Checkpoint(3, {"model/kernel": np.zeros(100_000)})
    with files_limited_to(4096), pytest.raises(TrainingError, match=ADVICE):
        checkpoints.save(large)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    checkpoints.save(large)
    assert newest(tmp_path) == (3, [])
