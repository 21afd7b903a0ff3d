#!/usr/bin/env python3
"""Prints the numbers of benches/README.md. Only Python's standard library; the demo must be running."""
import argparse
import fcntl
import json
import os
import pty
import select
import selectors
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
NUTKIN = os.environ.get("NUTKIN", os.path.join(HERE, "..", "target", "release", "nutkin"))
DEPLOYMENT = "payments-dashboard/production"


def run(*args, check=True):
    done = subprocess.run([NUTKIN, *args], capture_output=True, text=True)
    if check and done.returncode:
        sys.exit(f"nutkin {' '.join(args)}: exit {done.returncode}\n{done.stderr}")
    return done.stdout


def demo(*args, **kw):
    return run("--profile", "demo", *args, **kw)


def times(command, n=30):
    out = []
    for _ in range(n):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        out.append((time.perf_counter() - start) * 1000)
    return statistics.median(out)


def manager():
    return json.loads(demo("manager", "status", "-o", "json"))


def get():
    socket = manager()["socket"]
    curl = times(["curl", "-s", "--unix-socket", socket, f"http://nutkin/api/v1/deployments/{DEPLOYMENT}/jobs"])
    ours = times([NUTKIN, "--profile", "demo", "get", "jobs"])
    print(f"get    {ours:.1f} ms, curl {curl:.1f} ms: ratio {ours / curl:.2f} (aim ≤ 1.5)")


def cold():
    out = []
    for _ in range(5):
        state = tempfile.mkdtemp(prefix="nutkin-cold-")
        start = time.perf_counter()
        run("--state-dir", state, "get", "targets")
        out.append((time.perf_counter() - start) * 1000)
        run("--state-dir", state, "manager", "stop")
        shutil.rmtree(state, ignore_errors=True)
    print(f"cold   {statistics.median(out):.0f} ms with the manager's start (aim ≤ 150)")


def rest(url, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    req = urllib.request.Request(url + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(req, timeout=60) as answer:
        return json.load(answer)


def running(url):
    """Ids of the jobs that run with all their tasks."""
    rows = rest(url, "/jobs/overview")["jobs"]
    return {r["jid"] for r in rows if r["state"] == "RUNNING" and r["tasks"]["running"] == r["tasks"]["total"]}


def until(what, patience=120):
    end = time.monotonic() + patience
    while not (found := what()):
        if time.monotonic() > end:
            sys.exit(f"not so within {patience} s: {what}")
        time.sleep(0.02)
    return found


def moved(url, commands):
    """Runs commands one after the other; how long until a job runs that did not before, and its id."""
    def all_of_them():
        for command in commands:
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if done.returncode:
                failed.append(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr}")
                return

    failed, before = [], running(url)
    start, worker = time.perf_counter(), threading.Thread(target=all_of_them)
    worker.start()
    new = until(lambda: failed or running(url) - before)
    took = time.perf_counter() - start
    worker.join()
    if failed:
        sys.exit(failed[0])
    return took, new.pop()


def move(rounds=9):
    """Suspend a job with a savepoint and run it on with other arguments: by nutkin, and by a shell script with curl."""
    target = json.loads(demo("get", "targets", "-o", "json"))["items"][0]
    url = target["url"]
    newest = lambda: json.loads(demo("history", DEPLOYMENT, "-o", "json"))["items"][0]["spec"]
    spec = newest()
    args, ours, theirs = spec["artifact"]["args"], [], []
    with_rate = lambda n: [str(120 + n % 2) if before == "--rate" else a for before, a in zip([None] + args, args)]
    act = [NUTKIN, "--profile", "demo"]
    try:
        for n in range(1, rounds + 1):
            took, job = moved(url, [
                [*act, "suspend", DEPLOYMENT, "--yes", "--wait"],
                [*act, "upgrade", DEPLOYMENT, "--yes", "--wait", "--args", *with_rate(n)],
            ])
            ours.append(took)
        jar, script = spec["artifact"]["sha256"][:32], os.path.join(HERE, "move.sh")
        for n in range(rounds):
            body = {
                "entryClass": spec["artifact"].get("entryClass"),
                "programArgsList": with_rate(n),
                "parallelism": spec["parallelism"],
            }
            took, job = moved(url, [["sh", script, url, job, target["savepointDirectory"], jar, json.dumps(body)]])
            theirs.append(took)
        ours, theirs = statistics.median(ours), statistics.median(theirs)
        print(f"move   {ours:.2f} s, curl {theirs:.2f} s: ratio {ours / theirs:.2f} (aim ≤ 1.1)")
    finally:
        # Whatever went wrong: no job of this script stays, and the demo runs again.
        if theirs and job in running(url):
            rest(url, f"/jobs/{job}", {}, method="PATCH")
        demo("upgrade", DEPLOYMENT, "--yes", "--wait", "--confirm", DEPLOYMENT, "--args", *args, check=False)
        if newest()["artifact"]["args"] != args:
            sys.exit(f"{DEPLOYMENT} does not run as before: nutkin --profile demo describe {DEPLOYMENT}")


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        parts = f.read().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def console(*args, for_=10):
    """Bytes per second and CPU of a console that nobody touches."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(NUTKIN, [NUTKIN, *args])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))

    def drain(for_):
        total, end = 0, time.monotonic() + for_
        while (left := end - time.monotonic()) > 0:
            if select.select([fd], [], [], left)[0]:
                total += len(os.read(fd, 65536))
        return total

    drain(4)
    before, got = cpu(pid), drain(for_)
    used = (cpu(pid) - before) / for_ * 100
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    return got / for_, used


def idle():
    state = tempfile.mkdtemp(prefix="nutkin-idle-")
    for name, args in (("idle", ["--state-dir", state]), ("busy", ["--profile", "demo"])):
        written, used = console(*args)
        what = "nothing changes (aim ≤ 35 B/s, the clock)" if name == "idle" else "the demo's jobs run"
        print(f"{name}   {written:.0f} B/s, {used:.2f} % CPU while {what}")
    run("--state-dir", state, "manager", "stop")
    shutil.rmtree(state, ignore_errors=True)


IDLE = {
    "/jobs/overview": {"jobs": [
        {"jid": f"{n:032x}", "name": f"somebody's job {n}", "state": "RUNNING", "start-time": 1_700_000_000_000,
         "end-time": -1, "duration": 1, "last-modification": 1_700_000_000_000,
         "tasks": {"running": 4, "total": 4}}
        for n in range(8)
    ]},
    "/overview": {"taskmanagers": 1, "slots-total": 8, "slots-available": 0, "jobs-running": 8, "jobs-finished": 0,
                  "jobs-cancelled": 0, "jobs-failed": 0, "flink-version": "2.3.0", "flink-commit": "fake"},
    "/config": {"flink-version": "2.3.0", "features": {"web-submit": True, "web-cancel": True}},
    "/jobmanager/config": [],
}


class Fakes(threading.Thread):
    """Idle clusters, each with its own port: all of them list the same jobs, which nobody manages."""

    def __init__(self, n):
        super().__init__(daemon=True)
        self.selector = selectors.DefaultSelector()
        self.answers = {path: json.dumps(body).encode() for path, body in IDLE.items()}
        self.asked = 0
        self.urls = []
        for _ in range(n):
            listener = socket.create_server(("127.0.0.1", 0))
            self.urls.append("http://127.0.0.1:%d" % listener.getsockname()[1])
            self.selector.register(listener, selectors.EVENT_READ, self.accept)

    def accept(self, listener):
        connection, _ = listener.accept()
        self.selector.register(connection, selectors.EVENT_READ, self.answer)

    def answer(self, connection):
        """One read is one request: they are small, have no body, and the next one waits for the answer."""
        try:
            request = connection.recv(65536)
            path = request.split(b" ", 2)[1].decode() if request else None
            if path is None:
                raise ConnectionError
            body, status = self.answers.get(path, b'{"errors":["unknown"]}'), 200 if path in self.answers else 404
            head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            self.asked += 1
        except OSError:
            self.selector.unregister(connection)
            connection.close()

    def run(self):
        while True:
            for key, _ in self.selector.select():
                key.data(key.fileobj)


def watch(n=100, seconds=60):
    """CPU of a manager that watches so many idle fake clusters, each behind its own port."""
    fakes, state = Fakes(n), tempfile.mkdtemp(prefix="nutkin-watch-")
    fakes.start()
    for i, url in enumerate(fakes.urls):
        run("--state-dir", state, "target", "add", f"c{i}", url)
    pid = json.loads(run("--state-dir", state, "manager", "status", "-o", "json"))["pid"]
    time.sleep(15)
    before, asked = cpu(pid), fakes.asked
    time.sleep(seconds)
    used, asked = (cpu(pid) - before) / seconds * 100, (fakes.asked - asked) / seconds
    print(f"watch  {used:.2f} % CPU, {asked:.1f} requests/s for {n} idle clusters (aim ≤ 0.5 %)")
    run("--state-dir", state, "manager", "stop")
    shutil.rmtree(state, ignore_errors=True)


ALL = {"get": get, "cold": cold, "idle": idle, "move": move, "watch": watch}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(ALL))
    for name in parser.parse_args().only.split(","):
        ALL[name]()
