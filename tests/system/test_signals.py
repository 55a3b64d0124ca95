import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tf_ssd.system.signals import Stopped, stop_requests, until_stopped


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_noted_inside_and_handled_as_before_outside(number):
    before = signal.getsignal(number)
    with stop_requests(number) as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
    assert signal.getsignal(number) is before


def test_one_signal_is_not_taken_for_another():
    with stop_requests(signal.SIGTERM) as terminated, stop_requests(signal.SIGINT) as interrupted:
        os.kill(os.getpid(), signal.SIGINT)
        assert (terminated(), interrupted()) == (False, True)


def test_any_of_several_signals_is_noted():
    for number in (signal.SIGTERM, signal.SIGINT):
        with stop_requests(signal.SIGTERM, signal.SIGINT) as stop:
            os.kill(os.getpid(), number)
            assert stop()


def test_a_second_ctrl_c_ends_the_process_at_once():
    before = signal.getsignal(signal.SIGINT)
    with stop_requests(signal.SIGTERM, signal.SIGINT) as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGINT) is signal.getsignal(signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_is_answered_and_sigterm_is_not(capfd):
    with stop_requests(signal.SIGTERM, signal.SIGINT, answer="stopping"):
        os.kill(os.getpid(), signal.SIGTERM)
        assert capfd.readouterr() == ("", "")
        os.kill(os.getpid(), signal.SIGINT)
    assert capfd.readouterr() == ("", "\nstopping\n")


def test_the_handler_comes_back_when_something_fails():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), stop_requests(signal.SIGTERM):
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) is before


def test_each_run_is_asked_anew():
    with stop_requests(signal.SIGTERM):
        os.kill(os.getpid(), signal.SIGTERM)
    with stop_requests(signal.SIGTERM) as stop:
        assert not stop()


def test_another_thread_goes_on_without_handlers():
    def handler_inside():
        with stop_requests(signal.SIGTERM) as stop:
            return signal.getsignal(signal.SIGTERM), stop()

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(handler_inside).result() == (signal.getsignal(signal.SIGTERM), False)


def test_items_pass_until_the_request():
    items = until_stopped(range(9), iter([False, False, True]).__next__)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(Stopped):
        next(items)
    assert list(until_stopped("abc", lambda: False)) == ["a", "b", "c"]
