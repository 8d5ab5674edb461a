# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Iterator
import json
import time
from typing import Any

from bluefin._warnings import experimental
from bluefin.storages.journal._base import BaseJournalBackend
from bluefin.storages.journal._base import BaseJournalSnapshot


@experimental("3.1.0")
class JournalRedisBackend(BaseJournalBackend, BaseJournalSnapshot):
    """A journal in Redis, under the keys that Optuna uses. Needs the package ``redis``.

    Args:
        url: E.g. ``redis://localhost:6379``.
        use_cluster: The server is a cluster, where a record and its number cannot be written together.
        prefix: Put before each key.

    Raises:
        ImportError: The package ``redis`` is not installed.
    """

    def __init__(self, url: str, use_cluster: bool = False, prefix: str = "") -> None:
        self._url = url
        self._use_cluster = use_cluster
        self._prefix = prefix
        self._connect()

    def _connect(self) -> None:
        try:
            import redis
        except ImportError as error:
            raise ImportError("JournalRedisBackend needs the package 'redis': pip install redis") from error
        self._redis = redis.Redis.from_url(self._url)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_redis"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._connect()

    def _number_key(self) -> str:
        return f"{self._prefix}:log_number"

    def _log_key(self, number: int) -> str:
        return f"{self._prefix}:log:{number}"

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        last = self._redis.get(self._number_key())
        if last is None:
            return
        for number in range(log_number_from, int(last) + 1):
            pause = 0.1
            # The number is counted up before the record is there.
            while (log := self._redis.get(self._log_key(number))) is None:
                time.sleep(pause)
                pause = min(2 * pause, 10.0)
            try:
                yield json.loads(log)
            except json.JSONDecodeError:
                if number != int(last):
                    raise

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self._redis.setnx(self._number_key(), -1)
        for log in logs:
            if self._use_cluster:
                self._redis.set(self._log_key(self._redis.incr(self._number_key(), 1)), json.dumps(log))
                continue
            script = "local i = redis.call('incr', string.format('%s:log_number', ARGV[1])) "
            script += "redis.call('set', string.format('%s:log:%d', ARGV[1], i), ARGV[2])"
            self._redis.eval(script, 0, self._prefix, json.dumps(log))

    def save_snapshot(self, snapshot: bytes) -> None:
        self._redis.set(f"{self._prefix}:snapshot", snapshot)

    def load_snapshot(self) -> bytes | None:
        return self._redis.get(f"{self._prefix}:snapshot")  # type: ignore[return-value]
