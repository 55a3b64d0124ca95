import pytest

from tf_ssd.config import ModelConfig
from tf_ssd.errors import ConfigError, WeightsError
from tf_ssd.model import ssd300
from tf_ssd.weights import save_model
from tf_ssd.weights.places import model_file, which_model
from tf_ssd.weights.trained import load_trained

EMPTY_ARCHIVE = b"PK\x05\x06" + b"\0" * 18
pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save_model(ssd300(ModelConfig(num_classes=3, width=0.0625)), folder / "model.keras")
    return folder


def test_a_folder_or_its_model_with_or_without_a_class_map(folder):
    assert load_trained(folder).class_names is None
    (folder / "classes.txt").write_text("cat\ndog\n")
    for path in (folder, folder / "model.keras"):
        run = load_trained(path)
        assert run.class_names == ("cat", "dog")
        assert run.model.config.num_classes == 3


def test_a_class_map_of_its_own_goes_before_that_of_the_folder(folder):
    (folder / "classes.txt").write_text("cat\ndog\n")
    own = folder / "model.classes.txt"
    own.write_text("horse\ncow\n")
    assert load_trained(folder).class_names == ("horse", "cow")
    own.unlink()
    assert load_trained(folder).class_names == ("cat", "dog")


def test_a_class_map_of_another_number_of_classes(folder):
    (folder / "classes.txt").write_text("cat\n")
    with pytest.raises(ConfigError, match=r"classes\.txt: 1 class, but the model has 2"):
        load_trained(folder)


def test_of_a_folder_the_best_model_is_taken_unless_the_last_is_asked_for(tmp_path):
    for name in ("model.keras", "best.keras"):
        (tmp_path / name).write_bytes(EMPTY_ARCHIVE)
    assert model_file(tmp_path) == tmp_path / "best.keras"
    assert which_model(tmp_path) == f"model: {tmp_path}/best.keras, of the best evaluation; --last takes that of the last step"
    assert model_file(tmp_path, last=True) == tmp_path / "model.keras"
    assert which_model(tmp_path, last=True) == f"model: {tmp_path}/model.keras, of the last step"
    assert which_model(tmp_path / "model.keras") == f"model: {tmp_path}/model.keras"
    with pytest.raises(WeightsError, match=r"model\.keras: --last chooses one of the models in the folder of a run, and this is a"):
        model_file(tmp_path / "model.keras", last=True)
    (tmp_path / "model.keras").unlink()  # as while the run goes on
    assert model_file(tmp_path) == tmp_path / "best.keras"
    with pytest.raises(WeightsError, match=r"the folder holds no model\.keras"):
        model_file(tmp_path, last=True)


def test_no_model(tmp_path):
    with pytest.raises(
        WeightsError,
        match=r"the folder holds no model\.keras, which a run writes at its end .*; let the run end, or give a \.keras file",
    ):
        load_trained(tmp_path)
