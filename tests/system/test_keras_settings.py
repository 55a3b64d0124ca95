import json

import pytest

from tf_ssd.errors import ConfigError
from tf_ssd.system.keras_settings import check_keras_settings


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path


def write(home, **settings):
    (home / "keras.json").write_text(json.dumps(settings))


def test_nothing_set_and_what_is_needed_are_fine(home, monkeypatch):
    check_keras_settings()
    write(home, floatx="float16", backend="tensorflow", image_data_format="channels_last")
    check_keras_settings()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    check_keras_settings()


@pytest.mark.parametrize(("name", "value"), [("image_data_format", "channels_first"), ("backend", "torch"), ("backend", 3)])
def test_a_setting_of_the_file_is_named(home, name, value):
    write(home, **{name: value})
    with pytest.raises(ConfigError, match=rf'keras\.json: "{name}" is {json.dumps(value)}, where tf_ssd is made for "\w+"; write'):
        check_keras_settings()


@pytest.mark.parametrize("backend", ["torch", "jax", "numpy", "openvino"])
def test_another_backend_in_the_environment_is_named(monkeypatch, backend):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    with pytest.raises(ConfigError, match=f"^KERAS_BACKEND={backend}: tf_ssd is made for the backend tensorflow; unset it"):
        check_keras_settings()


def test_the_environment_goes_before_the_file(home, monkeypatch):
    write(home, backend="jax")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    check_keras_settings()


@pytest.mark.parametrize("content", ["", "[]", "{", "\0"])
def test_a_file_that_keras_passes_over_is_passed_over(home, content):
    (home / "keras.json").write_text(content)
    check_keras_settings()


def test_without_keras_home_it_lies_in_the_home_folder(home, monkeypatch):
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(home))
    (home / ".keras").mkdir()
    write(home / ".keras", backend="jax")
    with pytest.raises(ConfigError, match=r"\.keras/keras\.json"):
        check_keras_settings()
