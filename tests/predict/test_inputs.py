from pathlib import Path

import pytest

from tf_ssd.errors import ConfigError
from tf_ssd.predict.inputs import Input, check_apart, find_inputs, listed, with_copies


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
    assert find_inputs([str(photos)]).paths == everything
    assert find_inputs([str(photos / "b.png"), str(photos)]).paths == [everything[1], everything[0], everything[2]]
    assert find_inputs([str(photos / "*.jpg")]).paths == [everything[0]]
    assert find_inputs([str(photos / "**" / "*.[jJ]*")]).paths == [everything[0], everything[2]]


def test_what_is_left_out_in_folders_is_counted_by_suffix(photos):
    for name in ("a.HEIC", "b.heic", "deeper/c.txt", "README", "d.jfif"):
        (photos / name).touch()
    found = find_inputs([str(photos), str(photos / "b.heic")])
    assert photos / "d.jfif" in found.paths
    assert photos / "b.heic" in found.paths, "it was named"
    assert found.left_out == {".heic": 1, ".txt": 2, ".mp4": 1, "": 1}
    assert found.photos_left_out == 1
    sentence = listed(found.left_out)
    assert sentence.startswith("2 .txt, ")
    for part in ("1 .heic (convert them to JPEG or PNG)", "1 .mp4 (name videos one by one, or by a pattern)", "1 without suffix"):
        assert part in sentence


def test_a_folder_without_pictures_says_what_it_holds(tmp_path):
    (tmp_path / "a.heic").touch()
    with pytest.raises(ConfigError, match=r"without any picture \(.*\); there are 1 \.heic \(convert"):
        find_inputs([str(tmp_path)])


def test_videos_are_found_by_name_and_pattern_and_not_in_folders(photos):
    assert find_inputs([str(photos / "clip.mp4")]).paths == find_inputs([str(photos / "c*")]).paths == [photos / "clip.mp4"]
    assert find_inputs(["camera:0", str(photos / "a.jpg")]).paths == [Path("camera:0"), photos / "a.jpg"]


@pytest.mark.parametrize("name", ["missing.jpg", "missing.mp4", "missing", "*.gif", "empty"])
def test_a_name_that_stands_for_nothing(photos, name):
    (photos / "empty").mkdir()
    what = "a folder without any picture" if name == "empty" else "no such picture, video or folder"
    with pytest.raises(ConfigError, match=f": {what}"):
        find_inputs([str(photos / name)])


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


def test_names_that_some_disks_take_for_one_are_numbered_too():
    assert copies("a.jpg", "x/A.JPG", "\u00e9.jpg", "e\u0301.jpg") == ["a.jpg", "A-2.jpg", "\u00e9.jpg", "e\u0301-2.jpg"]


def test_many_inputs_of_one_name_take_linear_time(monkeypatch):
    made = []
    monkeypatch.setattr(Input, "written", lambda item, *, explain: made.append(item.copy) or (item.copy,))
    names = copies(*(f"{number}/a.jpg" for number in range(500)), "a-3.jpg")
    assert len(set(names)) == 501
    assert names[-1] == "a-3-2.jpg"
    assert len(made) < 3 * 501


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
    (photos / "link").symlink_to(photos / "deeper")
    with pytest.raises(ConfigError, match="would overwrite an input"):
        check_apart([Input(photos / "deeper" / "a.JPG", "a.JPG")], photos / "link", explain=False)
    (photos / "c-explained.png").touch()
    explained = [Input(photos / "b.png", "c.png"), Input(photos / "c-explained.png", "d.png")]
    check_apart(explained, photos, explain=False)
    with pytest.raises(ConfigError, match=r"c-explained\.png would overwrite"):
        check_apart(explained, photos, explain=True)
