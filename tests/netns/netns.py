"""Private network namespaces joined by linksim, for tests of the real programs.

    with Net() as net:                            # skips the test where this cannot be done
        venue = net.space("venue")                # a namespace; its name is unique on this machine
        studio = net.space("studio")
        net.links(venue, studio,                  # one pair of TUN devices per link
                  lan="rate=20M delay=5ms queue=100ms",
                  cell="rate=8M delay=40ms queue=300ms")
        server = studio.popen(["uplinkd", "receive", ...])
        net.tell("lan for 10s outage=blackhole")

Each link gets a /30 of its own: net.address("lan", venue), net.address("lan", studio). A namespace
with several links towards another reaches it through any of them: what is sent from an address of
a link goes over that link (a policy route each), as with several modems. Without a source address
the first link is the default.

Everything is gone after the block, whatever happened in it: programs, linksim, namespaces.
"""
import atexit
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys

BUILD = os.path.abspath(os.environ.get("UPLINKD_BUILD", "build"))
BIN = os.path.join(BUILD, "bin")
PR_SET_PDEATHSIG = 1
FIRST_TABLE = 100


class Skip(Exception):
    """This machine cannot run the test."""


def die_with_parent():
    """For preexec_fn: a test that is killed leaves no program behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def ctl(space, control, *words):
    """uplinkctl, done, in a namespace; @control: the socket that it asks."""
    return space.run([os.path.join(BIN, "uplinkctl"), "--socket", control, *words])


def why_not():
    """Why namespaces cannot be used here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists("/dev/net/tun"):
        return "needs /dev/net/tun"
    if not shutil.which("ip"):
        return "needs the program ip (iproute2)"
    name = f"uplinkd-{os.getpid()}-probe"
    try:
        run("ip", "netns", "add", name)
        run("ip", "netns", "delete", name)
    except RuntimeError as error:
        return f"network namespaces do not work here ({error})"
    return None


class Space:
    """A network namespace."""

    def __init__(self, net, label):
        self.net = net
        self.label = label
        self.name = f"uplinkd-{os.getpid()}-{label}"
        self.links = []  # names, in the order of their making
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments):
        return run("ip", "-n", self.name, *arguments)

    def command(self, command):
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, command, timeout=30, **kwargs):
        """A program to its end; the CompletedProcess."""
        return subprocess.run(self.command(command), capture_output=True, text=True,
                              timeout=timeout, check=False, **kwargs)

    def popen(self, command, **kwargs):
        """A program inside; it is killed at the end of the Net at the latest."""
        process = subprocess.Popen(self.command(command), preexec_fn=die_with_parent, **kwargs)
        self.net.processes.append(process)
        return process


class Net:
    """Namespaces and the links between them."""

    def __init__(self):
        self.spaces = []
        self.processes = []
        self.sims = []
        self.subnet = {}  # link name -> (number, space a, space b)

    def __enter__(self):
        reason = why_not()
        if reason:
            raise Skip(reason)
        atexit.register(self.close)
        return self

    def __exit__(self, *_):
        self.close()
        atexit.unregister(self.close)

    def space(self, label):
        space = Space(self, label)
        self.spaces.append(space)
        return space

    def address(self, link, space):
        number, side_a, _ = self.subnet[link]
        return f"10.99.{number}.{1 if space is side_a else 2}"

    def links(self, side_a, side_b, *options, **links):
        """Joins two namespaces; up is from a to b. @options go to linksim as they are."""
        arguments = []
        for name, words in links.items():
            number = len(self.subnet)
            self.subnet[name] = (number, side_a, side_b)
            ends = " ".join(f"ns-{side}={space.name} dev-{side}={name} "
                            f"addr-{side}={self.address(name, space)}/30"
                            for side, space in (("a", side_a), ("b", side_b)))
            arguments += ["--tun", f"{name}:{ends} {words}"]
        sim = subprocess.Popen([os.path.join(BIN, "linksim"), "--exit-with-stdin", *options,
                                *arguments], text=True, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        self.sims.append(sim)
        self.event(sim, "ready")
        for name in links:
            self.route(name, side_a, side_b)
            self.route(name, side_b, side_a)
        return sim

    def route(self, name, here, there):
        """Over a link goes what comes from its address here."""
        number = self.subnet[name][0]
        table = str(FIRST_TABLE + number)
        here.ip("route", "add", "default", "via", self.address(name, there), "dev", name, "table",
                table)
        here.ip("rule", "add", "from", self.address(name, here), "lookup", table)
        here.ip("route", "add", "default", "via", self.address(name, there), "dev", name, "metric",
                str(FIRST_TABLE + number))
        here.links.append(name)

    @staticmethod
    def event(sim, *kinds):
        for line in sim.stdout:
            event = json.loads(line)
            if event["event"] in kinds:
                return event
        raise RuntimeError(f"linksim ended with status {sim.wait(10)} before {kinds}")

    def tell(self, command, sim=None):
        """A statement of a scenario, carried out when this returns."""
        sim = sim or self.sims[0]
        sim.stdin.write(command + "\n")
        sim.stdin.flush()
        event = self.event(sim, "done", "error")
        if event["event"] == "error":
            raise ValueError(event["what"])

    def stats(self, sim=None):
        """The next counters by link name; linksim must run with --stats."""
        return {row["name"]: row for row in self.event(sim or self.sims[0], "stats")["links"]}

    def close(self):
        for process in self.processes + self.sims:
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()
        for space in self.spaces:
            subprocess.run(["ip", "netns", "delete", space.name], stderr=subprocess.DEVNULL,
                           check=False)
        self.spaces, self.processes, self.sims = [], [], []


def main(*cases):
    """Runs functions as test cases; the exit status."""
    bad = 0
    for case in cases:
        name = case.__name__
        try:
            case()
            print(f"ok - {name}", flush=True)
        except Skip as reason:
            print(f"skip - {name}: {reason}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            bad += 1
            print(f"not ok - {name}: {type(error).__name__}: {error}", flush=True)
    sys.exit(1 if bad else 0)
