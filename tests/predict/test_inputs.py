from pathlib import Path

import pytest

from tf_ssd.errors import ConfigError
from tf_ssd.predict.inputs import Input, check_apart, find_inputs, with_copies


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name in ("a.jpg", "b.png", "deeper/a.JPG", "clip.mp4", "notes.txt"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def copies(*names: str, explain: bool = False) -> list[str]:
    return [item.copy for item in with_copies([Path(name) for name in names], explain=explain)]


def test_finding_pictures(photos):
    everything = [photos / "a.jpg", photos / "b.png", photos / "deeper" / "a.JPG"]
    assert find_inputs([str(photos)]) == everything
    assert find_inputs([str(photos / "b.png"), str(photos)]) == [everything[1], everything[0], everything[2]]
    assert find_inputs([str(photos / "*.jpg")]) == [everything[0]]
    assert find_inputs([str(photos / "**" / "*.[jJ]*")]) == [everything[0], everything[2]]


def test_videos_are_found_by_name_and_pattern_and_not_in_folders(photos):
    assert find_inputs([str(photos / "clip.mp4")]) == find_inputs([str(photos / "c*")]) == [photos / "clip.mp4"]
    assert find_inputs(["camera:0", str(photos / "a.jpg")]) == [Path("camera:0"), photos / "a.jpg"]


@pytest.mark.parametrize("name", ["missing.jpg", "missing.mp4", "*.gif", ""])
def test_a_name_that_stands_for_nothing(photos, name):
    (photos / "empty").mkdir()
    with pytest.raises(ConfigError, match="no such picture or video, or a folder without any picture"):
        find_inputs([str(photos / (name or "empty"))])


def test_copies_are_called_as_their_originals():
    assert copies("x/a.jpg", "b.PNG", "c.tiff", "clip.mkv", "camera:0", "/dev/null") == [
        "a.jpg",
        "b.png",
        "c.jpg",
        "clip.mp4",
        "camera-0.mp4",
        "null.mp4",
    ]


def test_copies_of_one_name_are_numbered():
    assert copies("a.jpg", "x/a.jpg", "y/a.jpg", "a.png", "a.mov", "a.mp4") == [
        "a.jpg",
        "a-2.jpg",
        "a-3.jpg",
        "a.png",
        "a.mp4",
        "a-2.mp4",
    ]


def test_explanations_have_names_of_their_own():
    assert Input(Path("x/a.jpg"), "a-2.jpg").explained == "a-2-explained.png"
    assert copies("a.jpg", "a.png", "a-explained.png", explain=True) == ["a.jpg", "a-2.png", "a-explained-2.png"]


def test_copies_do_not_overwrite_originals(photos, monkeypatch):
    originals = list(with_copies([photos / "a.jpg", photos / "deeper" / "a.JPG"], explain=False))
    check_apart(originals, photos / "out", explain=False)
    monkeypatch.chdir(photos.parent)
    for folder in (photos, Path("photos/deeper/..")):
        with pytest.raises(ConfigError, match=r"a\.jpg would overwrite an input"):
            check_apart(originals, folder, explain=False)
    explained = [Input(photos / "b.png", "c.png"), Input(photos / "c-explained.png", "d.png")]
    check_apart(explained, photos, explain=False)
    with pytest.raises(ConfigError, match=r"c-explained\.png would overwrite"):
        check_apart(explained, photos, explain=True)
