import os
import signal

import pytest

from tf_ssd.system.signals import Stopped, stop_requests, until_stopped


def test_sigterm_is_noted_inside_and_handled_as_before_outside():
    before = signal.getsignal(signal.SIGTERM)
    with stop_requests() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
    assert signal.getsignal(signal.SIGTERM) is before


def test_each_run_is_asked_anew():
    with stop_requests():
        os.kill(os.getpid(), signal.SIGTERM)
    with stop_requests() as stop:
        assert not stop()


def test_items_pass_until_the_request():
    items = until_stopped(range(9), iter([False, False, True]).__next__)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(Stopped):
        next(items)
    assert list(until_stopped("abc", lambda: False)) == ["a", "b", "c"]
