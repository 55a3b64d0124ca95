import pytest

from tf_ssd.train.trainer.history import History

COLUMNS = ("step", "loss")


def write(path, rows, *, step=0):
    history = History(path, COLUMNS, step=step)
    for row in rows:
        history.append(row)
    history.sync()
    history.close()
    return path.read_text().split()


def test_rows_are_in_the_file_at_once(tmp_path):
    history = History(tmp_path / "loss.csv", COLUMNS)
    history.append((1, 0.1))
    assert (tmp_path / "loss.csv").read_text().split() == ["step,loss", "1,0.1"]
    history.close()


def test_a_resumed_run_drops_what_it_makes_again(tmp_path):
    path = tmp_path / "loss.csv"
    undisturbed = write(tmp_path / "other.csv", [(step, step / 7) for step in range(1, 6)])
    write(path, [(step, step / 7) for step in range(1, 5)])
    assert write(path, [(step, step / 7) for step in range(3, 6)], step=2) == undisturbed


@pytest.mark.parametrize("torn", ["3", "3,", "3,0.4,1", "x,0.4", '3,"0.', ""])
def test_a_last_row_that_was_cut_short_is_dropped(tmp_path, torn):
    path = tmp_path / "loss.csv"
    path.write_text(f"step,loss\n1,0.1\n2,0.2\n{torn}")
    assert write(path, [(3, 0.3)], step=2) == ["step,loss", "1,0.1", "2,0.2", "3,0.3"]


@pytest.mark.parametrize("content", ["", "st", "step,loss"])
def test_a_file_that_never_got_further_than_its_first_line(tmp_path, content):
    path = tmp_path / "loss.csv"
    path.write_text(content)
    assert write(path, [(1, 0.1)]) == ["step,loss", "1,0.1"]


def test_nothing_unfinished_stays(tmp_path):
    write(tmp_path / "loss.csv", [])
    assert [path.name for path in tmp_path.iterdir()] == ["loss.csv"]
