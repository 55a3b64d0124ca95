from PIL import Image

from tests.train.board import read_board
from tf_ssd.train.tensorboard import NAMES, TensorBoard
from tf_ssd.train.trainer.trainer import StepResult


def test_steps_and_evaluations(tmp_path):
    board = TensorBoard(tmp_path)
    board.step(StepResult(7, 0.5, 3.0, 1.0, 2.0, 12, 36, 9.0), batch_size=4)
    board.evaluation(7, 0.5, {"cat": 0.25, "dog": 0.75}, Image.new("RGB", (6, 4)))
    board.close()
    scalars, pictures = read_board(tmp_path)
    assert scalars == {
        (7, "training/learning_rate"): 0.5,
        (7, "loss/total"): 3.0,
        (7, "loss/localization"): 1.0,
        (7, "loss/confidence"): 2.0,
        (7, "training/gradient_norm"): 9.0,
        (7, "boxes/positives_per_image"): 3.0,
        (7, "boxes/mined_negatives_per_image"): 9.0,
        (7, "mean_average_precision"): 0.5,
        (7, "average_precision/cat"): 0.25,
        (7, "average_precision/dog"): 0.75,
    }
    assert pictures == [(7, "detections")]


def test_names_are_columns_of_a_step():
    assert set(NAMES) <= set(StepResult._fields)
