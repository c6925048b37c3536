#!/usr/bin/env python3
"""What the whole chain of programs costs: tsgen -> uplinkd send -> uplinks on loopback -> uplinkd
receive -> tscheck, CPU seconds per gigabyte of stream and resident memory of each program, beside
Debian's srt-live-transmit doing the same way without bonding, in the same run.

usage: tests/bench/chain.py [--rate 10M] [--seconds 20] [--uplinks 3] [--latency 1000] [--feed auto]
"""
import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import media  # noqa: E402  pylint: disable=wrong-import-position
from proc import cpu_seconds, programs, rss_bytes  # noqa: E402  pylint: disable=wrong-import-position


def measure(title, processes, checker, generate_args):
    """Runs the generator through a running chain and prints the table."""
    labels = programs(processes)
    before = {label: cpu_seconds(pid) for label, pid in labels.items()}
    sent = media.generate(*generate_args)
    after = {label: (cpu_seconds(pid), rss_bytes(pid)) for label, pid in labels.items()}
    result = checker.result(60)
    gigabytes = sent["sent"] * 188 / 1e9
    print(f"\n{title}: sent {sent['sent']} packets, lost {result.get('lost')}, latency "
          f"p50 {result['latency_ms']['p50']} ms, max {result['latency_ms']['max']} ms")
    print(f"  {'program':<44} {'CPU s/GB':>9} {'memory MB':>10}")
    total = 0.0
    for label in labels:
        seconds = after[label][0] - before[label]
        total += seconds
        print(f"  {label:<44} {seconds / gigabytes:9.2f} {after[label][1] / 1e6:10.1f}")
    print(f"  {'all':<44} {total / gigabytes:9.2f}")
    return total / gigabytes


def bonded(options, directory):
    """Our chain."""
    key = os.path.join(directory, "key")
    media.run([os.path.join(media.BIN, "uplinkctl"), "genkey", key])
    checker = media.Checker("--json", "--idle", "3")
    port, source = media.free_port(), media.free_port()
    receive = media.Process(
        [os.path.join(media.BIN, "uplinkd"), "receive", "--listen", f"127.0.0.1:{port}",
         "--key-file", key, "--latency", f"{options.latency}ms", "--rate-max", "400M", "--control",
         os.path.join(directory, "receive.sock"), "--output", f"udp://127.0.0.1:{checker.port}"],
        name="uplinkd receive")
    uplinks = []
    for number in range(options.uplinks):
        uplinks += ["--uplink", f"u{number}=127.0.0.{2 + number}"]
    send = media.Process(
        [os.path.join(media.BIN, "uplinkd"), "send", "--input", f"udp://127.0.0.1:{source}",
         "--to", f"127.0.0.1:{port}", "--key-file", key, "--latency", f"{options.latency}ms",
         "--rate-max", "400M", "--feed", options.feed, "--control",
         os.path.join(directory, "send.sock"), *uplinks], name="uplinkd send")
    media.generate("--rate", "1M", "--seconds", "4", "--to", f"udp://127.0.0.1:{source}")
    checker.kill()
    checker = media.Checker("--json", "--idle", "3", port=checker.port)
    measure("uplinkd", [send, receive], checker,
            ["--rate", options.rate, "--seconds", options.seconds, "--to",
             f"udp://127.0.0.1:{source}"])
    for process in (send, receive):
        process.stop()


def plain(options):
    """srt-live-transmit to srt-live-transmit."""
    checker = media.Checker("--json", "--idle", "3")
    port, source = media.free_port(), media.free_port()
    receive = media.Process(["srt-live-transmit", "-loglevel:fatal", "-q",
                             f"srt://127.0.0.1:{port}?mode=listener&latency={options.latency}",
                             f"udp://127.0.0.1:{checker.port}"], name="srt-live-transmit receive")
    send = media.Process(["srt-live-transmit", "-loglevel:fatal", "-q",
                          f"udp://127.0.0.1:{source}",
                          f"srt://127.0.0.1:{port}?mode=caller&latency={options.latency}"],
                         name="srt-live-transmit send")
    media.generate("--rate", "1M", "--seconds", "3", "--to", f"udp://127.0.0.1:{source}")
    checker.kill()
    checker = media.Checker("--json", "--idle", "3", port=checker.port)
    measure("srt-live-transmit (one link, no bonding, no encryption)", [send, receive], checker,
            ["--rate", options.rate, "--seconds", options.seconds, "--to",
             f"udp://127.0.0.1:{source}"])
    for process in (send, receive):
        process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rate", default="10M")
    parser.add_argument("--seconds", default="20")
    parser.add_argument("--uplinks", type=int, default=3)
    parser.add_argument("--latency", type=int, default=1000)
    parser.add_argument("--feed", default="auto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        bonded(options, directory)
    plain(options)


if __name__ == "__main__":
    main()
