"""A running sender and receiver, joined by two uplinks on loopback."""
import contextlib
import json
import os
import re
import secrets
import socket
import subprocess

import media
from media import BIN, Checker, Process, check, free_port, wait_for
from proc import children

# For a whole run with another feed than the default: UPLINKD_FEED=srt tests/e2e/test_pass.py
FEED = ["--feed", os.environ["UPLINKD_FEED"]] if os.environ.get("UPLINKD_FEED") else []


def write_key(directory, name="key"):
    """A fresh key file."""
    path = os.path.join(directory, name)
    with Process([os.path.join(BIN, "uplinkctl"), "genkey", path], stdout="lines") as process:
        check(process.wait(10) == 0, process.report)
    return path


class Program(Process):
    """uplinkd in one role, with its control socket."""

    def __init__(self, verb, directory, *options, **kwargs):
        self.control = os.path.join(directory, f"{verb}-{secrets.token_hex(3)}.sock")
        super().__init__([os.path.join(BIN, "uplinkd"), verb, "--control", self.control, *options],
                         name=verb, **kwargs)

    def snapshot(self):
        """What the control socket tells; {} when there is none."""
        with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
            client.settimeout(5)
            client.connect(self.control)
            client.sendall(b'{"command":"status"}\n')
            return json.loads(client.makefile("rb").readline()).get("status", {})
        return {}

    def worker(self, pattern):
        """The process id of the worker whose command line has @pattern."""
        return wait_for(lambda: next((pid for pid, line in children(self.pid).items()
                                      if re.search(pattern, line)), None),
                        10, f"a worker like {pattern!r} of {self.name}")


class Pair:
    """uplinkd send -> two uplinks on loopback -> uplinkd receive.

    outputs: URLs of the receiver, or None for a Checker of its own on UDP. input: a URL, or None
    for a free UDP port (.input_port). through: gets the receiver's port and returns the one that the
    sender calls in its place.
    """

    def __init__(self, directory, latency=1000, outputs=None, input_url=None, send=(), receive=(),
                 checker=("--idle", "2", "--wait", "40"), through=lambda port: port, **kwargs):
        self.directory, self.latency = directory, latency
        self.key = write_key(directory)
        self.port = free_port()
        self.checker = Checker(*checker) if outputs is None else None
        self.outputs = outputs or [f"udp://127.0.0.1:{self.checker.port}"]
        self.receive_options = receive
        self.receiver = self.start_receiver()
        if not input_url:
            self.input_port = free_port()
            input_url = f"udp://127.0.0.1:{self.input_port}"
        self.sender = Program("send", directory, "--input", input_url, "--to",
                              f"127.0.0.1:{through(self.port)}", "--key-file", self.key,
                              "--latency", f"{latency}ms", "--uplink", "one=127.0.0.2", "--uplink",
                              "two=127.0.0.3", *FEED, *send, **kwargs)

    def start_receiver(self, **kwargs):
        """Another receiver on the same port."""
        options = [word for url in self.outputs for word in ("--output", url)]
        self.receiver = Program("receive", self.directory, "--listen", f"127.0.0.1:{self.port}",
                                "--key-file", self.key, "--latency", f"{self.latency}ms",
                                *options, *self.receive_options, **kwargs)
        return self.receiver

    def wait_connected(self, timeout=15):
        """Until the stream runs over the bond."""
        self.sender.wait_line(r"transport: (connected|streaming)", timeout)
        return self

    def generate(self, rate="6M", seconds=3, *options, **kwargs):
        """A stream into the input; what tsgen tells of it."""
        return media.generate("--rate", rate, "--seconds", str(seconds), "--to",
                              f"udp://127.0.0.1:{self.input_port}", *options, **kwargs)

    def generator(self, rate="6M", seconds=3, *options):
        """The same as a process of its own."""
        return Process([os.path.join(media.TESTS, "tsgen"), "--rate", rate, "--seconds",
                        str(seconds), "--to", f"udp://127.0.0.1:{self.input_port}", *options],
                       name="tsgen", stdout="lines")

    def stop(self):
        """A clean end of both, the sender first."""
        check(self.sender.stop() == 0, self.sender.report)
        check(self.receiver.stop() == 0, self.receiver.report)


class Relays:
    """linksim's relays in front of a receiver's port: {name: address} in .address."""

    def __init__(self, port, **links):
        words = [word for name, settings in links.items() for word in
                 ("--link", f"{name}:listen=127.0.0.1:0 to=127.0.0.1:{port} {settings}")]
        self.process = media.Process([os.path.join(media.BIN, "linksim"), *words],
                                     stdin=subprocess.PIPE, stdout="lines")
        ready = json.loads(self.process.wait_line("ready", lines=self.process.output).string)
        self.address = {link["name"]: link["listen"] for link in ready["links"]}

    def tell(self, command):
        """A change, now."""
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()


def jobs(program, name):
    """The jobs of that name in the status."""
    return [job for job in program.snapshot().get("jobs", []) if job["name"] == name]


def sent_by(generator):
    """Waits for the end of a generator; how many packets it sent."""
    check(generator.wait(40) == 0, generator.report)
    return json.loads(generator.output[-1])["sent"]


def whole(result, sent):
    """Fails unless the checker got every packet once and unharmed."""
    wrong = {name: result[name] for name in ("lost", "duplicated", "corrupted", "foreign",
                                             "reordered") if result[name]}
    check(not wrong and result["unique"] == sent,
          lambda: f"sent {sent}, got {result['unique']}, {wrong}: {result}")


def recording(directory):
    """The bytes of all segments of a recording, in order."""
    data = b""
    for name in sorted(os.listdir(directory)):
        if name.endswith(".ts"):
            with open(os.path.join(directory, name), "rb") as file:
                data += file.read()
    return data
