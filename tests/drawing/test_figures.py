from io import BytesIO

import matplotlib as mpl
import pytest
from matplotlib.text import Text
from PIL import Image

from tf_ssd.drawing.figures import new_figure, plain, png

NAMES = ["a$b$", "$", "x_$1^", "$\\frac$", "猫"]


def draw(name: str, *, dots_per_inch: int = 50) -> tuple[bytes, list[Text]]:
    """A figure with a name wherever there can be text, and all the text in it."""
    with new_figure(4, 3, dots_per_inch=dots_per_inch, layout="constrained") as figure:
        figure.suptitle(name)
        axes = figure.add_subplot(title=name, xlabel=name, ylabel=name)
        plain(axes)
        axes.plot([0, 1], [0, 1], label=name)
        axes.annotate(name, (0, 0))
        axes.set_xticks([0, 1], [name, name])
        axes.legend(title=name)
        return png(figure), figure.findobj(Text)


@pytest.mark.parametrize("name", NAMES)
def test_text_is_never_taken_for_a_formula_and_never_warns(name):
    _, texts = draw(name)
    assert sum(text.get_text() == name for text in texts) >= 8
    assert not any(text.get_parse_math() for text in texts)


def test_a_figure_has_the_size_that_was_asked_for():
    with Image.open(BytesIO(draw("a")[0])) as picture:
        assert (picture.format, picture.size) == ("PNG", (200, 150))
    with Image.open(BytesIO(draw("a", dots_per_inch=100)[0])) as picture:
        assert picture.size == (400, 300)


def test_settings_of_the_user_change_nothing_and_stay_what_they_are():
    expected, _ = draw("a")
    theirs = {"text.usetex": True, "savefig.dpi": 20, "axes.facecolor": "black", "font.size": 30}
    with mpl.rc_context(theirs):
        assert draw("a")[0] == expected
        assert {name: mpl.rcParams[name] for name in theirs} == theirs
    assert mpl.rcParams["text.parse_math"]


def test_settings_come_back_when_drawing_fails():
    with pytest.raises(ZeroDivisionError), new_figure(1, 1, dots_per_inch=10):
        raise ZeroDivisionError
    assert mpl.rcParams["text.parse_math"]
