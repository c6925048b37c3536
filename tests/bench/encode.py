#!/usr/bin/env python3
"""What the live encoder adds and costs: the time from the last byte of a picture in to its last byte
out, processor time for a minute of stream, and how soon it follows the advice; 1080p30 and 720p30,
pictures with noise like a camera's. Passing: the same input, sent as it came in.

usage: tests/bench/encode.py [--preset superfast] [--seconds 15] [--encoder x264]
"""
import argparse
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import media  # noqa: E402  pylint: disable=wrong-import-position
from avlive import Live, NOISE  # noqa: E402  pylint: disable=wrong-import-position

SIZES = ((1920, 1080, 6000000), (1280, 720, 3000000))


def percentile(values, share):
    """Of sorted values."""
    return values[min(int(len(values) * share), len(values) - 1)]


def report(title, live, seconds):
    """Latency and cost of a finished run."""
    delays = live.latencies()
    usage = live.worker.usage
    changes = sum(1 for _, line in live.worker.events if line["event"] == "rate")
    dropped = live.stats()[-1]["dropped"]
    print(f"  {title:<22} {percentile(delays, 0.5) * 1e3:6.0f} {percentile(delays, 0.99) * 1e3:6.0f} "
          f"{delays[-1] * 1e3:6.0f} ms {(usage.ru_utime + usage.ru_stime) * 60 / seconds:8.1f} s"
          f" {usage.ru_maxrss / 1024:6.0f} MB  {len(delays)} pictures, {dropped} left out, "
          f"{changes} changes of rate", flush=True)


def settled(live, begin, target, window=0.5):
    """Seconds from @begin to the start of the first window at 90 % of @target."""
    at = begin
    while at < begin + 10:
        if live.bps(at, at + window) >= 0.9 * target:
            return at - begin
        at += 0.05
    return float("inf")


def settled_below(live, begin, target, window=0.5):
    """Seconds from @begin to the end of the last window of the next 2.5 s that is 5 % above
    @target."""
    starts = [i / 50 for i in range(101)]
    return max((at + window for at in starts
                if live.bps(begin + at, begin + at + window) > 1.05 * target), default=0)


def rates(live, begin, width, count):
    """Mb/s of @count windows after @begin."""
    return " ".join(f"{live.bps(begin + i * width, begin + (i + 1) * width) / 1e6:.2f}"
                    for i in range(count))


def encode(path, bitrate, seconds, options):
    """Encoding at @bitrate, half of it, and @bitrate again."""
    live = Live(os.path.dirname(path), *options, "--rate-start", str(bitrate), "--no-pass")
    moments = {}

    def advise(bps):
        def give():
            moments[bps] = time.monotonic()
            live.worker.command("bitrate", bps=bps, reason="bench")
        return give
    live.feed(path, [(seconds / 3, advise(bitrate // 2)), (seconds * 2 / 3, advise(bitrate))])
    media.check(live.finish(60) == 0, live.worker.report)
    taken = {line["advice_bps"]: at for at, line in live.worker.events if line["event"] == "rate"}
    report("encoding", live, seconds)
    down, up = moments[bitrate // 2], moments[bitrate]
    print(f"    {bitrate / 1e6:g} -> {bitrate / 2e6:g} Mb/s: {rates(live, down, 1, 3)} in the 1st, "
          f"2nd, 3rd second ({rates(live, down, 0.25, 8)} in quarters), half a second 5 % above it "
          f"until {settled_below(live, down, bitrate / 2):.2f} s; back: {rates(live, up, 1, 3)}, "
          f"90 % after {settled(live, up, bitrate):.2f} s; the advice was taken within "
          f"{max(taken[b] - moments[b] for b in moments) * 1e3:.1f} ms", flush=True)


def passing(path, bitrate, seconds, options):
    """The same input with room to pass."""
    live = Live(os.path.dirname(path), *options, "--rate-start", str(bitrate * 3), "--rate-max",
                str(bitrate * 3))
    live.feed(path)
    media.check(live.finish(60) == 0, live.worker.report)
    stats = live.stats()
    report(f"passing for {sum(1 for line in stats if line['passing'])} s", live, seconds)


def step_while_passing(path, bitrate, options):
    """Input that passes, and then is too much: how soon the encoder takes over."""
    live = Live(os.path.dirname(path), *options, "--rate-start", str(bitrate * 3), "--rate-max",
                str(bitrate * 3))
    at = []

    def advise():
        at.append(time.monotonic())
        live.worker.command("bitrate", bps=bitrate // 2, reason="bench")
    live.feed(path, [(9, advise)])
    media.check(live.finish(60) == 0, live.worker.report)
    encoding = [moment for moment, line in live.worker.events if line["event"] == "state" and
                line["reason"].startswith("encoding") and moment > at[0]]
    print(f"    passing {live.bps(at[0] - 2, at[0]) / 1e6:.2f} Mb/s, then {bitrate / 2e6:g}: "
          f"{rates(live, at[0], 1, 3)} in the 1st, 2nd, 3rd second "
          f"({rates(live, at[0], 0.25, 8)} in quarters), the encoder took over after "
          f"{(encoding[0] - at[0]) * 1e3:.0f} ms", flush=True)


def export(path, seconds):
    """The file to MP4."""
    worker = media.Worker(["uplinkd-av", "export", "--output", path + ".mp4", path])
    media.check(worker.wait(60) == 0, worker.report)
    usage = worker.usage
    print(f"  {'export to MP4':<22} {'':23} {(usage.ru_utime + usage.ru_stime) * 60 / seconds:8.1f} s"
          f" {usage.ru_maxrss / 1024:6.0f} MB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--preset", default="superfast")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--encoder", default="x264")
    settings = parser.parse_args()
    options = ("--preset", settings.preset, "--encoder", settings.encoder)
    if settings.encoder == "x265":
        options += ("--codec", "h265")
    with tempfile.TemporaryDirectory() as directory:
        for width, height, bitrate in SIZES:
            path = media.make_content(os.path.join(directory, f"{height}.ts"), width=width,
                                      height=height, seconds=settings.seconds, bitrate=bitrate,
                                      extra_filter=NOISE)
            print(f"{height}p30, {' '.join(options)}: latency p50, p99, max; CPU a minute; memory")
            encode(path, bitrate, settings.seconds, options)
            passing(path, bitrate, settings.seconds, options)
            step_while_passing(path, bitrate, options)
            export(path, settings.seconds)


if __name__ == "__main__":
    main()
