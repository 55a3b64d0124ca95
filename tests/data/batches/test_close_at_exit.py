import subprocess
import sys

from tf_ssd.data.batches.close_at_exit import closed_at_exit


def test_it_is_the_same_generator():
    assert list(closed_at_exit(number for number in range(3))) == [0, 1, 2]


def test_what_is_open_at_the_end_of_the_process_is_closed():
    code = (
        "from tf_ssd.data.batches.close_at_exit import closed_at_exit\n"
        "def numbers():\n    try:\n        yield 1\n        yield 2\n    finally:\n        print('closed')\n"
        "kept = [closed_at_exit(numbers()), closed_at_exit(numbers())]\n"
        "next(kept[0]); list(kept[1])\n"
        "print('end')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["closed", "end", "closed"]
