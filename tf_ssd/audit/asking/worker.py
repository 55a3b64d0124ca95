"""The process in which one implementation runs: cases come in on stdin, answers go out on stdout.

A case is a line of the kind of scores and its name, an answer a line of JSON. The parent kills the process when a case takes too
long, and starts another; nothing that the code under audit prints, breaks or overwrites reaches the parent.
"""

import json
import os
import sys

from tf_ssd.audit.asking.implementation import load
from tf_ssd.audit.cases.answer import to_json
from tf_ssd.audit.cases.catalogue import CATALOGUES
from tf_ssd.errors import AuditError


def main(name: str, framework: str, dtype: str) -> None:
    """Answer until stdin ends. The first line says whether the implementation could be loaded: {"error": ...} or {}."""
    answers, requests = os.fdopen(os.dup(1), "w", encoding="utf-8"), os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(2, 1)  # what the code under audit prints goes to stderr, which is a file
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def send(message: dict) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        implementation = load(name, framework=framework, dtype=dtype)
    except AuditError as error:
        send({"error": str(error)})
        return
    send({})
    for line in requests:
        scores, name = line.split()
        send(to_json(implementation.answer(CATALOGUES[scores][name])))


if __name__ == "__main__":
    main(*sys.argv[1:])
