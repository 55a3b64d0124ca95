import pytest

from tf_ssd.evaluate.report.training import MOST_POINTS, training_curves

COLUMNS = "step,total,localization,confidence\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "loss.csv").write_text(COLUMNS + "".join(f"{step},{step}.5,1,nan\n" for step in range(1, 5001)))
    (tmp_path / "evaluations.csv").write_text("step,mean_ap\n2500,nan\n5000,0.5\n")
    return tmp_path


def test_long_runs_are_thinned_and_what_is_not_finite_is_none(folder):
    curves = training_curves(folder)
    assert len(curves["losses"]["step"]) == MOST_POINTS
    assert (curves["losses"]["step"][0], curves["losses"]["step"][-1]) == (1, 5000)
    assert curves["losses"]["confidence"][-1] is None
    assert curves["evaluations"] == {"step": [2500, 5000], "mean_ap": [None, 0.5]}


@pytest.mark.parametrize(
    "content", ["", "step\n1\n", COLUMNS + "1,2\n", COLUMNS + "1,a,b,c\n", COLUMNS + "\0\xff", COLUMNS + '"' * 200_000]
)
def test_a_table_that_someone_has_changed_is_no_reason_to_fail(folder, content):
    (folder / "loss.csv").write_text(content, encoding="latin-1")
    assert training_curves(folder) is None


def test_no_run(tmp_path):
    assert training_curves(tmp_path) is None


def test_a_run_without_steps_and_evaluations(folder):
    (folder / "loss.csv").write_text(COLUMNS)
    (folder / "evaluations.csv").write_text("step,mean_ap\n")
    curves = training_curves(folder)
    assert curves["losses"]["total"] == curves["evaluations"]["step"] == []
