#!/usr/bin/env python3
"""40 s of latency for 75 minutes in real time, both feeds at once, over three lossy links with two
outages of 30 s: one in the middle, one over the wrap of SRT's time stamp (71 minutes 35 seconds).
Nothing may be lost, and the latency and the memory must stay what they are.

usage: test_feed_hours.py [--minutes 75] [--latency 40] [--rate 5M] [--feed srt --feed ts]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "bench")]
import media  # noqa: E402
from chain import programs, usage_of  # noqa: E402
from media import Checker, check  # noqa: E402
from pair import Pair, Program, write_key  # noqa: E402

LINKS = {"a": "rate=8M delay=20ms queue=500ms loss=0.5%",
         "b": "rate=8M delay=40ms queue=500ms loss=0.5%",
         "c": "rate=8M delay=60ms queue=500ms loss=1%"}
OUTAGE = 30
WRAP = 2 ** 32 / 1e6


class Lane(Pair):
    """A pair whose uplinks go through linksim, with one feed."""

    def __init__(self, feed, options):  # pylint: disable=super-init-not-called
        self.feed = feed
        self.directory = tempfile.mkdtemp(prefix=f"uplinkd-soak-{feed}-")
        self.latency = options.latency * 1000
        self.key, self.port = write_key(self.directory), media.free_port()
        self.checker = Checker("--idle", str(options.latency + 20), "--wait",
                               str(options.latency + 60))
        self.outputs = [f"udp://127.0.0.1:{self.checker.port}"]
        self.receive_options = ()
        self.start_receiver()
        words = [word for name, settings in LINKS.items() for word in
                 ("--link", f"{name}:listen=127.0.0.1:0 to=127.0.0.1:{self.port} {settings}")]
        self.links = media.Process([os.path.join(media.BIN, "linksim"), *words],
                                   stdin=subprocess.PIPE, stdout="lines")
        ready = json.loads(self.links.wait_line("ready", lines=self.links.output).string)
        self.input_port = media.free_port()
        uplinks = []
        for number, link in enumerate(ready["links"]):
            uplinks += ["--uplink", f"{link['name']}=127.0.0.{number + 2},to={link['listen']}"]
        self.sender = Program("send", self.directory, "--input",
                              f"udp://127.0.0.1:{self.input_port}", "--to",
                              f"127.0.0.1:{self.port}", "--key-file", self.key, "--latency",
                              f"{self.latency}ms", "--feed", feed, *uplinks)
        self.wait_connected()
        self.memory = {}

    def outage(self):
        """All links swallow everything."""
        self.links.stdin.write(f"* for {OUTAGE}s outage=blackhole\n".encode())
        self.links.stdin.flush()

    def watch(self):
        """Notes how much memory each program has; (by program, most so far)."""
        for label, pid in programs([self.sender, self.receiver]).items():
            rss = usage_of(pid)[1]
            self.memory[label] = max(self.memory.get(label, 0), rss)

    def tell(self, sent):
        """Prints what came of it; False: not as it must be."""
        result = self.checker.result(self.latency / 1000 + 60)
        wrong = result["corrupted"] or result["unique"] != sent
        median = result["latency_ms"]["p50"]
        print(f"# feed {self.feed}: sent {sent}, lost {sent - result['unique']}, latency "
              f"{result['latency_ms']}, jitter {result['jitter_ms']}, longest gap "
              f"{result['gap_max_ms']} ms")
        for label, rss in self.memory.items():
            print(f"#   {label}: at most {rss / 1e6:.1f} MB")
        for program in (self.sender, self.receiver):
            bond = program.snapshot().get("bond", {})
            print(f"#   {program.name}: " + ", ".join(f"{key} {bond.get(key)}" for key in (
                "feed", "sessions", "media_submitted", "media_delivered", "media_lost",
                "media_late")))
        return not wrong and abs(median - self.latency) < 100


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--latency", type=int, default=40)
    parser.add_argument("--rate", default="5M")
    parser.add_argument("--feed", action="append")
    options = parser.parse_args()
    begin = time.monotonic()
    lanes = [Lane(feed, options) for feed in options.feed or ("srt", "ts")]
    generators = [lane.generator(options.rate, options.minutes * 60) for lane in lanes]
    outages = [options.minutes * 60 / 2]
    if options.minutes * 60 > WRAP + OUTAGE:
        outages.append(WRAP - OUTAGE / 2)
    minute = 0
    while any(generator.alive() for generator in generators):
        now = time.monotonic() - begin
        if outages and now > outages[0]:
            outages.pop(0)
            for lane in lanes:
                lane.outage()
        if now > minute * 60:
            minute += 1
            for lane in lanes:
                check(lane.sender.alive() and lane.receiver.alive(), "a program ended")
                lane.watch()
        time.sleep(0.5)
    for generator in generators:
        check(generator.wait(10) == 0, generator.report)
    sent = [json.loads(generator.output[-1])["sent"] for generator in generators]
    good = [lane.tell(count) for lane, count in zip(lanes, sent)]
    print(f"{'ok' if all(good) else 'not ok'} - both feeds carry {options.latency} s of latency "
          f"for {options.minutes:g} minutes")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
