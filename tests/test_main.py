from tf_ssd.__main__ import commands, main


def test_all_commands_are_listed(capsys):
    assert set(commands()) == {"audit", "check", "evaluate", "export", "predict", "train", "weights"}
    assert all(summary.endswith(".") for summary in commands().values())
    for arguments in ([], ["--help"]):
        assert main(arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[4].split() == ["python", "-m", "tf_ssd.predict", "Detect", "in", "pictures", "and", "videos."]


def test_a_command_written_apart_is_told_how_it_is_written(capsys):
    assert main(["predict", "a.jpg"]) == 2
    assert "error: write python -m tf_ssd.predict a.jpg;" in capsys.readouterr().err
    assert main(["detect"]) == 2
    assert "write python -m tf_ssd.COMMAND; commands are audit, check," in capsys.readouterr().err
