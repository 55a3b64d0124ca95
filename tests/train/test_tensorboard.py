import pytest
from PIL import Image

from tests.metrics.errors.scene import at, detected, truth
from tests.train.board import read_board
from tf_ssd.evaluate.over_dataset import Evaluation
from tf_ssd.metrics import average_precision
from tf_ssd.train.tensorboard import NAMES, TensorBoard
from tf_ssd.train.trainer.trainer import StepResult


def test_steps_and_evaluations(tmp_path):
    board = TensorBoard(tmp_path)
    board.step(StepResult(7, 0.5, 3.0, 1.0, 2.0, 12, 36, 9.0), batch_size=4)
    found, expected = [detected((at(0), 1, 0.75), (at(0), 1, 0.5), (at(1), 2, 0.25))], [truth((at(0), 1), (at(1), 2), (at(2), 2))]
    precision = average_precision(found, expected, num_classes=3, metric="voc12")
    board.evaluation(7, Evaluation(found, tuple(expected), precision, 3, "voc12"), ["cat", "dog"], Image.new("RGB", (6, 4)))
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
        (7, "mean_average_precision"): 0.75,
        (7, "average_precision/cat"): 1.0,
        (7, "average_precision/dog"): 0.5,
        (7, "best_score_threshold"): pytest.approx(0.2, abs=0.05),
        (7, "lost_average_precision/classification"): 0.0,
        (7, "lost_average_precision/localization"): 0.0,
        (7, "lost_average_precision/both"): 0.0,
        (7, "lost_average_precision/duplicate"): 0.0,
        (7, "lost_average_precision/background"): 0.0,
        (7, "lost_average_precision/missed"): 0.25,
    }
    assert pictures == [(7, "confusion"), (7, "detections")]


def test_names_are_columns_of_a_step():
    assert set(NAMES) <= set(StepResult._fields)
