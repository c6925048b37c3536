#!/usr/bin/env python3
"""The live chain at full size: a 1080p30 stream of 8 Mb/s, made once, into uplinkd send over SRT, whose
built-in encoder follows three uplinks like those of a car, whose sum wanders between 1.5 and 9 Mb/s;
what comes out at the receiver, and whether the recording is what the encoder sent.

usage: tests/bench/live.py [--seconds 120] [--height 1080] [--control builtin|none] [--input srt|udp]
                           [--latency 980] [--seed 1]

Encoding 1080p takes most of a core; --height 360 shows the same where there is none to spare.
"""
import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import media  # noqa: E402  pylint: disable=wrong-import-position
from live import Capture, Chain, delays, make_source, percentile, radio_traces  # noqa: E402  pylint: disable=wrong-import-position
from proc import cpu_seconds, programs, rss_bytes  # noqa: E402  pylint: disable=wrong-import-position

LOOP = 20  # seconds of the source, again and again
LOW, HIGH = 1500000, 9000000
FRAME = 1 / 30
BUDGET = 1.0  # s: of the whole way, from the encoder to the output


def source_file(height):
    """The stream, made where it is not there yet."""
    path = os.path.join(media.BUILD, f"live-{height}p.ts")
    if not os.path.exists(path):
        make_source(path + ".new.ts", 8000000, width=height * 16 // 9, height=height, seconds=LOOP)
        os.rename(path + ".new.ts", path)
    return path


def tell(good, text):
    print(f"  {'ok  ' if good else 'MISS'} {text}")
    return good


def measure(directory, args):
    traces, mean = radio_traces(directory, args.seconds + 20, LOW, HIGH, args.seconds, args.seed)
    links = {name: f"up.trace={path} delay={25 + 12 * i}ms queue=500ms"
             for i, (name, path) in enumerate(traces.items())}
    before, behind = Capture(), Capture()
    chain = Chain(directory, links, "--encoder", args.control, output=behind.url,
                  scheme=args.input, latency=args.latency)
    encoder = chain.send(source_file(args.height), before.url + "?pkt_size=1316",
                         seconds=args.seconds)
    media.check(encoder.wait(args.seconds + 60) == 0, encoder.report)
    gate = chain.job("gate")
    used = {label: (cpu_seconds(pid), rss_bytes(pid))
            for label, pid in programs([chain.sender, chain.receiver]).items()}
    chain.drained()
    bond = chain.receiver.snapshot()["bond"]
    chain.stop()
    before.close()
    behind.close()
    original = chain.sent()
    # Where the source begins again, its sound has a time stamp twice; no decoder minds.
    errors = [line for line in media.decode_errors(chain.arrived()) if "to muxer" not in line]
    took = delays(before, behind)
    p50, p99, worst = (percentile(took, share) for share in (0.5, 0.99, 1))
    print(f"live.py: {args.seconds} s of {args.height}p30, "
          f"{len(original) * 8 / args.seconds / 1e6:.1f} Mb/s, control {args.control}, over {mean / 1e6:.2f} Mb/s on average (seed {args.seed})")
    print(f"  {bond['media_lost']} of {bond['media_delivered']} media packets lost; {gate['reason']}")
    print("  CPU seconds per minute of stream, MB: " + "; ".join(
        f"{label} {cpu * 60 / args.seconds:.1f}, {rss / 1e6:.0f}" for label, (cpu, rss) in used.items()))
    share = behind.bps() / mean
    good = [
        tell(behind.step_max() <= 2.5 * FRAME,
             f"longest step between pictures {behind.step_max() * 1000:.0f} ms ({len(behind.pictures)} "
             "pictures)"),
        tell(not errors, f"{len(errors)} decode errors"),
        tell(took and p99 <= BUDGET,
             f"delay from the encoder to the output: least {took[0] * 1000:.0f}, p50 {p50 * 1000:.0f}, "
             f"p99 {p99 * 1000:.0f}, worst {worst * 1000:.0f} ms of {len(took)} pictures"),
        tell(share >= 0.75, f"live {behind.bps() / 1e6:.2f} Mb/s, {share * 100:.0f} % of the capacity"),
        tell(True, f"the sender's recording is what the encoder sent, {len(original)} bytes"),
    ]
    if not all(good):
        print(*(f"  {line}" for line in errors[:5] + chain.sender.errors), sep="\n")
    return all(good)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--height", type=int, default=1080)
    parser.add_argument("--control", default="builtin")
    parser.add_argument("--input", choices=("srt", "udp"), default="srt")
    # The clocks of both ends are known to a few milliseconds, and programs share the cores.
    parser.add_argument("--latency", type=int, default=980, metavar="MS")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        sys.exit(0 if measure(directory, args) else 1)


main()
