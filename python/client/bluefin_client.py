# SPDX-License-Identifier: MIT
"""One trial of ``bluefin run``, in any Python from 3.7 on: this file and the standard library are all it takes.

``bluefin run --python train.py:objective`` starts an interpreter with this file for each trial. A program of its own
may carry a copy of it::

    import bluefin_client

    if __name__ == "__main__":
        bluefin_client.run(objective)  # bluefin run ... -- python train.py

The protocol is described in docs/protocol.md. Only ``trial.study`` is missing from what an objective has elsewhere: the
study lives in the process that started this one.
"""

# What a trial does not need is imported where it is used: an interpreter starts once for each.
import importlib
import importlib.util
import json
import os
import socket
import sys
import threading

__version__ = "1"

_VERSION = 1  # of the protocol
_MAX_REASON = 8192  # characters of a traceback that are kept with the trial
_THIS_FILE = (lambda: 0).__code__.co_filename


class TrialPruned(Exception):
    """Ends a trial as pruned. ``bluefin.TrialPruned`` and ``optuna.TrialPruned`` do as well."""


class SupervisorGone(Exception):
    """Nobody waits for this trial any more: the process should end."""


class Trial:
    """What an objective asks and says, with the names and meanings of Optuna's trials."""

    def __init__(self, descriptor):
        self._lock = threading.Lock()  # some objectives report from a thread of their own
        self._socket = socket.socket(fileno=descriptor)
        self._read = self._read_hello
        hello = self._call("hello", version=_VERSION, client="bluefin_client.py " + __version__, prestart=True)
        self._read = self._socket.makefile("r", encoding="utf-8", newline="\n").readline
        os.environ.update(hello.get("environment", {}))
        os.environ.pop("BLUEFIN_PRESTARTED", None)
        if hello["version"] != _VERSION:
            raise SupervisorGone("the supervisor speaks version {} of the protocol".format(hello["version"]))
        self.number = hello["number"]
        self.study_name = hello.get("study", "")
        self.directions = hello["directions"]
        self._params = dict(hello["params"])
        self._user_attrs = {}
        self._prune = None  # answered with the last report
        seed = os.environ.get("BLUEFIN_SEED", "")
        self.seed = int(seed) if seed else None
        uuids = os.environ.get("BLUEFIN_DEVICE_UUID", "")
        self.devices = list(range(len(uuids.split(",")))) if uuids else []

    def suggest_float(self, name, low, high, *, step=None, log=False):
        """A number from ``low`` to ``high``, both included. The same name again gives the same value."""
        distribution = {"type": "float", "low": float(low), "high": float(high), "log": bool(log)}
        if step is not None:
            distribution["step"] = float(step)
        return float(self._suggest(name, distribution)["value"])

    def suggest_int(self, name, low, high, *, step=1, log=False):
        """An integer from ``low`` to ``high``, both included."""
        distribution = {"type": "int", "low": int(low), "high": int(high), "log": bool(log)}
        if step != 1:
            distribution["step"] = int(step)
        return int(self._suggest(name, distribution)["value"])

    def suggest_categorical(self, name, choices):
        """One of the choices, each None or a bool, int, float or str."""
        choices = list(choices)
        return choices[self._suggest(name, {"type": "categorical", "choices": choices})["index"]]

    def report(self, value, step):
        """An intermediate value, which pruners look at. A second report of a step is ignored."""
        self._prune = self._call("report", step=int(step), value=float(value))["prune"]

    def should_prune(self):
        """Whether the study's pruner would stop the trial now: then tidy up and raise `TrialPruned`."""
        return self._call("should_prune")["prune"] if self._prune is None else self._prune

    def set_user_attr(self, key, value):
        """Keeps a value that JSON can hold with the trial."""
        self._call("set_user_attr", key=key, value=value)
        self._user_attrs[key] = value

    def set_constraint(self, key, value):
        """A constraint is satisfied when its value is <= 0."""
        self._call("set_constraint", key=key, value=float(value))

    def set_resource_hint(self, name, params):
        """Says that memory grows with the product of these parameters; one that stands twice is squared."""
        self._call("set_resource_hint", name=name, params=list(params))

    @property
    def params(self):
        """The parameters that the trial has so far, by name."""
        return dict(self._params)

    @property
    def user_attrs(self):
        """The attributes that were set here."""
        return dict(self._user_attrs)

    @property
    def device(self):
        """The number of the trial's GPU, always 0 since the process sees no other; None without a GPU."""
        return self.devices[0] if self.devices else None

    @property
    def study(self):
        raise AttributeError("trial.study: the study lives in the process that runs the trials; see trial.study_name")

    def tell(self, values):
        """Ends the trial with one value, or a list with one for each objective. Done by `run` and `main`."""
        self._call("tell", values=values)

    def tell_pruned(self):
        self._call("tell", state="pruned")

    def tell_failed(self, reason, fail_class=None):
        """``fail_class``: exception, oom-device or oom-host; None: what the reason says in known words."""
        known = {} if fail_class is None else {"class": fail_class}
        self._call("tell", state="fail", reason=reason, **known)

    def _suggest(self, name, distribution):
        reply = self._call("suggest", name=name, distribution=distribution)
        self._params.setdefault(name, reply["value"])
        return reply

    def _call(self, op, **members):
        """The reply to a request. Raises ValueError for what the supervisor refuses."""
        line = json.dumps(dict(members, op=op)) + "\n"
        try:
            with self._lock:
                self._socket.sendall(line.encode())
                line = self._read()
        except OSError as error:
            raise SupervisorGone("the supervisor of this trial is gone") from error
        if not line.endswith("\n"):
            raise SupervisorGone("the supervisor of this trial is gone")
        reply = json.loads(line)
        if not reply["ok"]:
            raise ValueError(reply["error"]["message"])
        return reply


    def _read_hello(self):
        """The first reply. With it come the locks of the slot of a process that was started ahead, and stay open."""
        line = b""
        while not line.endswith(b"\n"):
            part = self._socket.recvmsg(65536, socket.CMSG_SPACE(256))[0]
            if not part:
                break
            line += part
        return line.decode()


def is_attached():
    """Whether this process was started to run one trial, or to be forked for trials."""
    return bool(os.environ.get("BLUEFIN_FD") or os.environ.get("BLUEFIN_ZYGOTE"))


def attached_trial():
    """The trial that this process was started for. Programs that it starts do not inherit it."""
    return Trial(_descriptor())


def _descriptor(variable="BLUEFIN_FD"):
    if not os.environ.get(variable):
        raise ValueError("${} is not set: this process was not started by `bluefin run`".format(variable))
    descriptor = int(os.environ.pop(variable))
    os.set_inheritable(descriptor, False)
    return descriptor


def run(objective):
    """Runs the objective on this process's trial and ends the process."""
    sys.exit(_run(lambda: objective))


def main(arguments=None):
    """``--python``'s program: TARGET ARGS..., or --check TARGET. Returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["--check"]:
        import signal

        signal.alarm(90)  # should the command be gone that waits for this
        problem = check(arguments[1])
        if problem:
            print(problem, file=sys.stderr)
        return 2 if problem else 0
    target, sys.argv[:] = arguments[0], [_split(arguments[0])[0]] + arguments[1:]
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)  # what was printed is not lost when the process is killed
    return _run(lambda: load(target))


def load(target):
    """The function FILE.py:NAME or MODULE:NAME. Its file is imported, so ``__name__`` is not "__main__"."""
    place, name = _split(target)
    value = _import(place)
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _run(load_objective):
    try:
        if os.environ.get("BLUEFIN_ZYGOTE"):
            control = _descriptor("BLUEFIN_ZYGOTE")
            objective, problem = load_objective(), None
            _become_forked_trial(control)
            descriptor = _descriptor()
        else:
            descriptor = _descriptor()
            # Before the trial is asked for: a process that was started ahead does it while the trial before still runs.
            objective, problem = _loaded(load_objective)
        trial = Trial(descriptor)
        try:
            if problem is not None:
                raise problem
            values = objective(trial)
            values = list(map(float, values)) if isinstance(values, (list, tuple)) else [float(values)]
        except SupervisorGone:
            raise
        except Exception as error:
            if isinstance(error, _pruned_classes()):
                trial.tell_pruned()
                return 0
            text = _traceback(error)
            print(text, file=sys.stderr)
            trial.tell_failed(text[-_MAX_REASON:], _fail_class(error))
            return 0
        try:
            trial.tell(values)
        except ValueError as error:  # nan, or a wrong number of values
            trial.tell_failed(str(error))
    except SupervisorGone:
        return 1
    return 0


def _loaded(load_objective):
    """The objective, or what is to be told as the trial's failure."""
    try:
        return load_objective(), None
    except BaseException as error:
        if os.environ.get("BLUEFIN_PRESTARTED"):
            raise  # costs no trial: the next one starts a process of its own, and fails there if it has to
        return None, error


def _pruned_classes():
    classes = [TrialPruned]
    for name in ("bluefin", "optuna"):  # those that the objective knows are loaded by now
        found = getattr(sys.modules.get(name), "TrialPruned", None)
        if isinstance(found, type):
            classes.append(found)
    return tuple(classes)


def _fail_class(error):
    """What the type alone says; the supervisor knows the words of libraries."""
    if isinstance(error, MemoryError):
        return "oom-host"
    return "oom-device" if type(error).__name__ == "OutOfMemoryError" else None  # PyTorch, CuPy


def _traceback(error):
    """As Python shows it, without the frames of this file. Its last line is the message."""
    import traceback

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith((_THIS_FILE, "<frozen importlib")):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


# --- a process that is forked for each trial ---------------------------------------------------------------------------

_GPU_FILES = ("/dev/nvidia", "/dev/nvhost", "/dev/nvmap", "/dev/nvgpu", "/dev/dxg", "/dev/kfd")


def _become_forked_trial(control):
    """Waits for trials. Returns in the process of each; the one that has loaded the objective ends here."""
    import gc

    _practise_fork()
    _flush_c()
    # What is there stays: a collection in a trial's process would copy the pages of all these objects.
    gc.collect()
    if hasattr(gc, "freeze"):
        gc.freeze()
    ready = {"op": "zygote", "version": _VERSION, "client": "bluefin_client.py " + __version__}
    problem = _why_no_fork()
    if problem:
        ready["problem"] = problem
    connection = socket.socket(fileno=control)
    try:
        while True:
            connection.sendall((json.dumps(ready) + "\n").encode())
            request, descriptors = _receive_request(connection)
            problem, pid = _why_no_fork(), None
            if not problem:
                pid, problem = _fork_twice(request["environment"]["BLUEFIN_MARK"])
            if pid == 0:
                connection.close()
                return _take_over(request["environment"], descriptors)
            for descriptor in descriptors:
                os.close(descriptor)  # a slot's lock is its trial's
            ready = {"ok": False, "error": {"code": "unavailable", "message": problem}} if problem else {"ok": True, "pid": pid}
    except (OSError, EOFError):  # nobody is there to answer to
        os._exit(0)


def _receive_request(connection):
    line, descriptors = b"", []
    while not line.endswith(b"\n"):
        part, ancillary, _, _ = connection.recvmsg(65536, socket.CMSG_SPACE(4 * 67))
        if not part:
            raise EOFError
        line += part
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors += memoryview(data[: len(data) // 4 * 4]).cast("i").tolist()
    return json.loads(line.decode()), descriptors


def _why_no_fork(process="/proc/self"):
    """A copy of a process has one thread only, and a driver's state of a GPU does not survive a copy. None: it may be
    forked; else what it has, as the end of a sentence."""
    import time

    for _ in range(20):  # a thread that was joined is there for a moment longer
        threads = len(os.listdir(process + "/task"))
        if threads == 1:
            break
        time.sleep(0.001)
    else:
        return "it has {} threads".format(threads)
    for name in os.listdir(process + "/fd"):
        try:
            target = os.readlink("{}/fd/{}".format(process, name))
        except OSError:  # that of the folder itself
            continue
        if target.startswith(_GPU_FILES):
            return "it has opened " + target
    return None


def _practise_fork():
    """Forks for nothing when there are several threads: libraries that are made for forks end theirs before one, and
    start them again when they are needed. OpenBLAS, which NumPy brings, starts its own at the import."""
    import signal
    import time
    import warnings

    if len(os.listdir("/proc/self/task")) == 1:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's own about forks with threads
        pid = os.fork()
        if pid == 0:
            os._exit(0)
    try:
        for _ in range(1000):
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                return
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except ChildProcessError:  # somebody else has collected it
        pass


def _fork_twice(mark):
    """The pid of a process whose parent is the supervisor, which adopts orphans, and why there is none; 0 in it."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    ours, theirs = os.pipe()
    between = os.fork()
    if between == 0:
        os.close(ours)
        pid, problem = None, None
        try:
            _overwrite_mark(mark)
            pid = os.fork()
        except Exception as error:
            problem = "it cannot be forked: {}".format(error)
        if pid == 0:
            os.close(theirs)
            os.setpgid(0, 0)
            return 0, None
        if pid:
            try:
                os.setpgid(pid, pid)  # before anybody hears of it
            except OSError:
                pass  # it has ended already
        os.write(theirs, json.dumps([pid, problem]).encode())
        os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as pipe:
        told = pipe.read()
    try:
        os.waitpid(between, 0)  # from here on its child is the supervisor's
    except ChildProcessError:
        pass
    return json.loads(told.decode()) if told else (None, "it cannot be forked")


def _overwrite_mark(mark):
    """By which the supervisor knows, in /proc, whose a process is: $BLUEFIN_MARK in the environment that it was started
    with, which os.environ does not change."""
    with open("/proc/self/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    begin, end = int(fields[47]), int(fields[48])  # env_start, env_end
    with open("/proc/self/mem", "r+b", 0) as memory:
        memory.seek(begin)
        text = b"\0" + memory.read(end - begin)
        at = text.index(b"\0BLUEFIN_MARK=") + len("BLUEFIN_MARK=")
        if text.index(b"\0", at + 1) - at - 1 != len(mark):
            raise ValueError("its copies cannot be given a $BLUEFIN_MARK of their own")
        memory.seek(begin + at)
        memory.write(mark.encode())


def _take_over(environment, descriptors):
    """What a process that was started for this trial would have found."""
    import fcntl

    # Not one of the three that every process has, should this one have closed any of these.
    descriptors = [fd if fd > 2 else fcntl.fcntl(fd, fcntl.F_DUPFD, 3) for fd in descriptors]
    for standard in (1, 2):
        os.dup2(descriptors[standard], standard)
        os.close(descriptors[standard])
    os.environ.update(environment)
    os.environ["BLUEFIN_FD"] = str(descriptors[0])
    # Each process would have seeded these by itself.
    for name in ("random", "numpy.random"):
        if name in sys.modules:
            sys.modules[name].seed()


def _flush_c():
    """What extension modules have printed and C has not written yet would be printed by each trial."""
    try:
        import ctypes

        ctypes.CDLL(None).fflush(None)
    except Exception:
        pass  # a Python without ctypes


# --- where the objective is -------------------------------------------------------------------------------------------


def _split(target):
    place, colon, name = target.rpartition(":")
    return (place, name) if colon and place and name else (target, "")


def _is_file(place):
    return place.endswith(".py") or os.sep in place or place.startswith(".")


def _import(place):
    if not _is_file(place):
        sys.path.insert(0, os.getcwd())  # as `python -m` does
        return importlib.import_module(place)
    folder, file = os.path.split(os.path.abspath(place))
    sys.path.insert(0, folder)  # as `python FILE` does
    name = os.path.splitext(file)[0]
    if name in sys.modules or not name.isidentifier():
        name = "bluefin_objective"  # json.py must not become json
    spec = importlib.util.spec_from_file_location(name, os.path.join(folder, file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def check(target):
    """A sentence that says why there is no such objective, or None. Runs nothing of it but the packages above."""
    import ast
    import difflib

    place, name = _split(target)
    if not name:
        return "'{}': write FILE.py:FUNCTION or MODULE:FUNCTION".format(target)
    try:
        source = _source(place)
        tree = None if source is None else ast.parse(source, place)
    except SyntaxError as error:
        return "{}{}: {}".format(place, ", line {}".format(error.lineno) if error.lineno else "", error.msg)
    except (OSError, ValueError) as error:
        return "{}: {}".format(place, getattr(error, "strerror", None) or error)
    except Exception as error:  # of a package above the module
        return "{}: {}: {}".format(place, type(error).__name__, " ".join(str(error).split()))
    if tree is None:
        return None  # compiled: only its import shows what is in it
    names, is_open = {}, [False]
    _collect(tree.body, names, is_open)
    first = name.split(".")[0]
    if first not in names:
        if is_open[0]:
            return None
        near = difflib.get_close_matches(first, names, 1) or [n for n in names if n == "objective"]
        return "{} has no function '{}'{}".format(place, first, "; did you mean {}?".format(near[0]) if near else "")
    if isinstance(names[first], ast.AsyncFunctionDef):
        return "{}: '{}' is a coroutine, must be a function of a trial".format(place, name)
    if first == name and isinstance(names[name], ast.FunctionDef) and not names[name].decorator_list:
        arguments = names[name].args
        given = len(getattr(arguments, "posonlyargs", [])) + len(arguments.args)
        needed = given - len(arguments.defaults)
        keywords = sum(default is None for default in arguments.kw_defaults)
        if (given == 0 and not arguments.vararg) or needed > 1 or keywords:
            return "{}: '{}' must be a function of one argument, the trial".format(place, name)
    return None


def _source(place):
    """The bytes of a module's source; None where it has none. Raises OSError and ValueError where there is no module."""
    if _is_file(place):
        with open(place, "rb") as file:
            return file.read()
    sys.path.insert(0, os.getcwd())
    spec = importlib.util.find_spec(place)
    if spec is None:
        raise ValueError("there is no such module in {} or in {}".format(os.getcwd(), sys.executable))
    get_source = getattr(spec.loader, "get_source", None)
    return get_source(place) if get_source else None


def _collect(body, names, is_open):
    """The names that statements bind. ``is_open``: others may come, by means that cannot be seen here."""
    import ast

    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names[node.name] = node
            is_open[0] = is_open[0] or node.name == "__getattr__"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = node
                is_open[0] = is_open[0] or alias.name == "*"
        else:
            for part in ast.walk(node):
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                    names[part.id] = node
                elif isinstance(part, ast.Name) and part.id in ("exec", "globals", "vars", "setattr"):
                    is_open[0] = True
            for field in ("body", "orelse", "finalbody"):
                _collect(getattr(node, field, []), names, is_open)
            for handler in getattr(node, "handlers", []):
                _collect(handler.body, names, is_open)


if __name__ == "__main__":
    sys.exit(main())
