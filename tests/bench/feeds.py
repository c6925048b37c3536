#!/usr/bin/env python3
"""The two feeds of the bond side by side, on real sockets and at the same time: tsgen -> uplinkd send
-> three links of linksim (loss, delay, jitter) -> uplinkd receive -> tscheck. Loss, latency and
jitter, CPU and memory, outages of all links, restarts of either end.

usage: tests/bench/feeds.py [--rate 8M] [steady] [outage-3] [outage-10] [outage-30] [receiver-stop]
                            [receiver-kill] [sender-stop] [sender-kill]
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import media  # noqa: E402  pylint: disable=wrong-import-position
from media import Checker  # noqa: E402  pylint: disable=wrong-import-position
from pair import Pair, Program, write_key  # noqa: E402  pylint: disable=wrong-import-position
from proc import cpu_seconds, programs, rss_bytes  # noqa: E402  pylint: disable=wrong-import-position

FEEDS = ("srt", "ts")
LINKS = {"a": "rate=8M delay=10ms jitter=2ms queue=300ms loss=0.2%",
         "b": "rate=6M delay=40ms jitter=5ms queue=500ms loss=0.5%",
         "c": "rate=8M delay=25ms jitter=5ms queue=300ms loss=1%"}


class Lane(Pair):
    """A pair with one feed whose uplinks go through linksim."""

    def __init__(self, feed, latency_ms, idle):  # pylint: disable=super-init-not-called
        self.feed, self.latency = feed, latency_ms
        self.directory = tempfile.mkdtemp(prefix=f"uplinkd-feed-{feed}-")
        self.key, self.port = write_key(self.directory), media.free_port()
        self.input_port = media.free_port()
        self.idle, self.checker = idle, None
        self.check_anew()
        self.outputs = [f"udp://127.0.0.1:{self.checker.port}"]
        self.receive_options = ()
        self.start_receiver()
        words = [word for name, settings in LINKS.items() for word in
                 ("--link", f"{name}:listen=127.0.0.1:0 to=127.0.0.1:{self.port} {settings}")]
        self.links = media.Process([os.path.join(media.BIN, "linksim"), *words], name="linksim",
                                   stdin=subprocess.PIPE, stdout="lines")
        ready = json.loads(self.links.wait_line("ready", lines=self.links.output).string)
        self.uplinks = []
        for number, link in enumerate(ready["links"]):
            self.uplinks += ["--uplink",
                             f"{link['name']}=127.0.0.{number + 2},to={link['listen']}"]
        self.start_sender()
        self.wait_connected(30)

    def check_anew(self):
        """A checker that counts from now on, on the same port."""
        port = self.checker.port if self.checker else 0
        if self.checker:
            self.checker.kill()
        self.checker = Checker("--idle", str(self.idle), "--wait", str(self.idle + 60), port=port)

    def start_sender(self):
        """Another sender on the same input."""
        self.sender = Program("send", self.directory, "--input",
                              f"udp://127.0.0.1:{self.input_port}", "--to",
                              f"127.0.0.1:{self.port}", "--key-file", self.key, "--latency",
                              f"{self.latency}ms", "--feed", self.feed, *self.uplinks)

    def outage(self, seconds):
        """All links swallow everything."""
        self.links.stdin.write(f"* for {seconds}s outage=blackhole\n".encode())
        self.links.stdin.flush()

    def usage(self):
        """{program: (CPU seconds, resident bytes)}"""
        return {label: (cpu_seconds(pid), rss_bytes(pid))
                for label, pid in programs([self.sender, self.receiver]).items()}

    def close(self):
        """Ends everything."""
        for process in (self.sender, self.receiver, self.links, self.checker):
            process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class Run:
    """Both feeds with the same stream at the same time."""

    def __init__(self, rate, latency_ms, idle):
        self.rate = rate
        self.lanes = [Lane(feed, latency_ms, idle) for feed in FEEDS]
        # Estimates and buffers are those of a stream that runs.
        for generator in [lane.generator(rate, 3) for lane in self.lanes]:
            generator.wait(30)
        time.sleep(latency_ms / 1e3 + 1)
        for lane in self.lanes:
            lane.check_anew()
        self.before = {lane.feed: lane.usage() for lane in self.lanes}

    def stream(self, seconds, event=None, after=4):
        """Streams for @seconds; event(lane) happens @after seconds. [(lane, sent, result)]"""
        generators = [lane.generator(self.rate, seconds) for lane in self.lanes]
        if event:
            time.sleep(after)
            for lane in self.lanes:
                event(lane)
        found = []
        for lane, generator in zip(self.lanes, generators):
            generator.wait(seconds + 30)
            sent = json.loads(generator.output[-1])["sent"]
            lane.after = lane.usage() if lane.sender.alive() else {}
            found.append((lane, sent, lane.checker.result(seconds + 120)))
        for lane in self.lanes:
            lane.close()
        return found


def tell(title, found):
    """One line per feed."""
    print(f"\n{title}")
    print(f"  {'feed':<5}{'lost':>12}{'added latency ms: p50':>23}{'p99':>8}{'max':>9}"
          f"{'jitter ms: p99':>16}{'max':>8}{'longest gap ms':>16}")
    for lane, sent, result in found:
        latency, jitter = result["latency_ms"], result["jitter_ms"]
        lost = f"{sent - result['unique']} of {sent}"
        print(f"  {lane.feed:<5}{lost:>12}{latency['p50'] - lane.latency:>19.2f}"
              f"{latency['p99'] - lane.latency:>10.2f}{latency['max'] - lane.latency:>9.2f}"
              f"{jitter['p99']:>16.2f}{jitter['max']:>8.2f}{result['gap_max_ms']:>16.1f}",
              flush=True)


def steady(rate):
    """A stream without events: also what it costs."""
    run = Run(rate, 1000, 3)
    found = run.stream(25)
    tell(f"steady, {rate}b/s, latency 1 s", found)
    print(f"\n  {'CPU s/GB and memory MB':<40}{'CPU':>8}{'memory':>9}")
    for lane, sent, _ in found:
        total, memory = 0.0, 0.0
        for label, (seconds, rss) in lane.after.items():
            cost = (seconds - run.before[lane.feed].get(label, (0, 0))[0]) / (sent * 188 / 1e9)
            total, memory = total + cost, memory + rss / 1e6
            print(f"  {lane.feed + ': ' + label:<40}{cost:>8.2f}{rss / 1e6:>9.1f}")
        print(f"  {lane.feed + ': all':<40}{total:>8.2f}{memory:>9.1f}", flush=True)


def outage(rate, seconds, latency):
    """All links dead for a while."""
    run = Run(rate, latency * 1000, latency + 3)
    memory = {}

    def cut(lane):
        lane.outage(seconds)

    found = run.stream(seconds + latency + 8, cut)
    tell(f"outage of {seconds} s, {rate}b/s, latency {latency} s", found)
    for lane, _, _ in found:
        memory[lane.feed] = sum(rss for _, rss in lane.after.values()) / 1e6
        print(f"  {lane.feed}: memory of all programs at the end {memory[lane.feed]:.1f} MB",
              flush=True)


def restart(rate, who, how, latency=4):
    """One end is started anew at once."""
    run = Run(rate, latency * 1000, latency + 8)

    def again(lane):
        program = getattr(lane, who)
        program.send_signal(signal.SIGTERM if how == "stop" else signal.SIGKILL)
        program.wait(10)
        if who == "receiver":
            lane.start_receiver()
        else:
            lane.start_sender()

    # While the output runs, so that its pause is seen.
    found = run.stream(2 * latency + 10, again, latency + 4)
    tell(f"{who} restarted ({'SIGTERM' if how == 'stop' else 'SIGKILL'}), {rate}b/s, latency "
         f"{latency} s", found)


PARTS = {
    "steady": steady,
    "outage-3": lambda rate: outage(rate, 3, 8),
    "outage-10": lambda rate: outage(rate, 10, 15),
    "outage-30": lambda rate: outage(rate, 30, 45),
    "receiver-stop": lambda rate: restart(rate, "receiver", "stop"),
    "receiver-kill": lambda rate: restart(rate, "receiver", "kill"),
    "sender-stop": lambda rate: restart(rate, "sender", "stop"),
    "sender-kill": lambda rate: restart(rate, "sender", "kill"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rate", default="8M")
    parser.add_argument("part", nargs="*")
    options = parser.parse_args()
    for part in options.part or PARTS:
        PARTS[part](options.rate)


if __name__ == "__main__":
    main()
