"""Asking an implementation that may crash or hang: in a process of its own, with a limit of time for each case."""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Event, Timer
from types import TracebackType
from typing import Any, Self

from tf_ssd.audit.cases.answer import Answer, from_json
from tf_ssd.audit.cases.case import Case, LossCase
from tf_ssd.errors import AuditError

START_LIMIT = 180.0  # seconds to import a framework on a busy machine
GOODBYE = 3.0  # seconds to exit


class Process:
    """One implementation in a process of its own, which is started for the first case, and again after it died or was killed.

    Args:
        name: "package.module:function", or one of `implementation.BUILT_IN`.
        framework: "tensorflow", "torch", "jax", "numpy" or "auto".
        dtype: of predictions and annotation, "float32" or "float64".
        time_limit: seconds for a case.
    """

    def __init__(self, name: str, *, framework: str = "auto", dtype: str = "float32", time_limit: float = 20.0) -> None:
        self._command = [sys.executable, "-m", "tf_ssd.audit.asking.worker", name, framework, dtype]
        self._name, self._time_limit = name, time_limit
        self._child: subprocess.Popen[str] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as this object

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._stop()
        self._log.close()

    def ask(self, case: Case) -> Answer:
        """The implementation's answer; if none comes, one whose status is "timeout" or "died".

        Raises:
            AuditError: the implementation cannot be loaded.
        """
        child = self._child or self._start()
        scores = case.scores if isinstance(case, LossCase) else "softmax"  # coders are in every catalogue
        reply, late = self._exchange(child, f"{scores} {case.about.name}\n", self._time_limit)
        if reply is not None:
            return from_json(reply)
        code = self._stop()
        if late:
            return Answer("timeout", f"no answer within {self._time_limit:g} s")
        return Answer("died", f"its process ended with {_reason(code)}{self._last_words()}")

    def _start(self) -> "subprocess.Popen[str]":
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._log}
        child = self._child = subprocess.Popen(self._command, **pipes, text=True, encoding="utf-8", env=environment)
        reply, late = self._exchange(child, "", START_LIMIT)
        if reply is None:
            code = self._stop()
            what = f"took longer than {START_LIMIT:g} s" if late else f"ended its process with {_reason(code)}{self._last_words()}"
            raise AuditError(f"--impl {self._name}: importing it {what}")
        if "error" in reply:
            self._stop()
            raise AuditError(reply["error"])
        return child

    def _exchange(self, child: "subprocess.Popen[str]", line: str, limit: float) -> tuple[dict[str, Any] | None, bool]:
        """Send a line and wait for a reply. Returns it, None if the process ended, and whether the time limit ended the process."""
        assert child.stdin is not None
        assert child.stdout is not None
        expired = Event()

        def stop() -> None:
            expired.set()
            child.kill()

        timer = Timer(limit, stop)
        timer.start()
        try:
            child.stdin.write(line)
            child.stdin.flush()
            reply = child.stdout.readline()
        except OSError:  # it died between two cases
            reply = ""
        finally:
            timer.cancel()
        return (json.loads(reply) if reply.endswith("\n") else None), expired.is_set()

    def _stop(self) -> int:
        """Let the process end, or kill it; returns its exit code."""
        child, self._child = self._child, None
        if child is None:
            return 0
        assert child.stdin is not None
        assert child.stdout is not None
        with suppress(OSError):
            child.stdin.close()  # a worker that waits for a case ends then
        try:
            code = child.wait(timeout=GOODBYE)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        child.stdout.close()
        return code

    def _last_words(self) -> str:
        """The last line that the process wrote."""
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1][:200]}" if lines else ""


def _reason(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
