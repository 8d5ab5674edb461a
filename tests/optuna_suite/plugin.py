# SPDX-License-Identifier: MIT
"""The pytest plugin of the suite: the kind of each test, and what became of it, as JSON lines."""

import inspect
import json
import os
import re

import pytest
import stand_in
from kinds import TestFile

RESULTS = os.environ["OPTUNA_SUITE_RESULTS"]
# Failures that say: a library is not installed here.
ABSENT = re.compile(r"No module named '(boto3|cmaes|grpc|google|matplotlib|plotly|scipy|torch|sqlalchemy|alembic)")


def note(**record):
    with open(RESULTS, "a") as file:
        file.write(json.dumps(record) + "\n")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes long")


def pytest_collectreport(report):
    if report.failed:
        lines = re.findall(r"^E +(.*)", str(report.longrepr), re.M) or [str(report.longrepr)]
        note(file=report.nodeid, problem=lines[-1][:200])


def pytest_collection_modifyitems(items):
    files = {}
    for item in items:
        function = inspect.unwrap(item.function)
        path = function.__code__.co_filename
        file = files.setdefault(path, None) or TestFile(path)
        files[path] = file
        note(test=item.nodeid, kind=file.kind(function.__name__))
        # Needs a server of gRPC, which is a storage of its own.
        if "grpc" in item.name.partition("[")[2]:
            item.add_marker(pytest.mark.skip(reason="gRPC"))


def pytest_runtest_logstart(nodeid):
    stand_in.Placeholder.collecting = False
    note(started=nodeid)


def pytest_runtest_logreport(report):
    if report.when == "call" or not report.passed:
        text = str(report.longrepr or "")
        outcome = "skipped" if report.skipped or ABSENT.search(text) else report.outcome
        reason = "".join(re.findall(r"^E +(.*)", text, re.M)[:1])[:200]
        note(ended=report.nodeid, outcome=outcome, reason=reason)
