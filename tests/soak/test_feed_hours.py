#!/usr/bin/env python3
"""40 s of latency for 75 minutes in real time, both feeds at once, over three lossy links with two
outages of 30 s: one in the middle, one over the wrap of SRT's time stamp (71 minutes 35 seconds).
Nothing may be lost, and the latency and the memory must stay what they are.

usage: test_feed_hours.py [--minutes 75] [--latency 40] [--rate 5M] [--feed srt --feed ts]
"""
import argparse
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "e2e"), os.path.join(HERE, "..", "bench")]
import feeds  # noqa: E402
from media import check  # noqa: E402

OUTAGE = 30
WRAP = 2 ** 32 / 1e6


class Lane(feeds.Lane):
    """With what is watched over the hours."""

    def __init__(self, feed, latency):
        super().__init__(feed, latency * 1000, latency + 20)
        self.memory = {}

    def watch(self):
        """Notes the most memory that each program had."""
        for label, (_, rss) in self.usage().items():
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
    lanes = [Lane(feed, options.latency) for feed in options.feed or ("srt", "ts")]
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
                lane.outage(OUTAGE)
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
