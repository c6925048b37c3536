#!/usr/bin/env python3
"""The 32-bit time stamp of SRT wraps 71 minutes 35 seconds after the connect; with more than 30 s of
latency and libsrt's drift tracer, delivery then stops for ever. The inner leg must pass it.

usage: test_srt_wrap.py             the wrap is brought close by a relay that shifts time stamps
       test_srt_wrap.py real        75 minutes in real time, nothing shifted
       test_srt_wrap.py control     shows that the relay provokes the defect: srt-live-transmit with
                                    its defaults must stall (not part of the suite)
"""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from media import check, free_port, wait_for  # noqa: E402
from srtlab import MESSAGE, PACKET, Relay, Sink, packets, receiver, sender, slt, stats  # noqa: E402

LATENCY = 40
WRAP = 2 ** 32 / 1e6
RATE = 60_000  # bytes a second


class Feeder(threading.Thread):
    """Numbered messages at a constant rate, for ever."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe, self.count, self.running = pipe, 0, True
        self.sent = {}

    @staticmethod
    def message(number):
        head = b"\x47\x01\x23\x10" + number.to_bytes(8, "big")
        return head + bytes(PACKET - len(head)) + packets(1, 1) * 6

    def run(self):
        begin = time.monotonic()
        while self.running:
            self.sent[self.count] = time.monotonic()
            self.pipe.write(self.message(self.count))
            self.pipe.flush()
            self.count += 1
            time.sleep(max(0, begin + self.count * MESSAGE / RATE - time.monotonic()))


def watch(sink, feeder, seconds):
    """Follows what arrives; returns (messages, worst delay beyond the latency, longest gap)."""
    end = time.monotonic() + seconds
    number, at, late, gap, last = 0, 0, 0.0, 0.0, None
    while time.monotonic() < end:
        while len(sink.data) - at >= MESSAGE:
            block = bytes(sink.data[at:at + MESSAGE])
            check(block == Feeder.message(number), f"message {number} is damaged or missing")
            now = time.monotonic()
            late = max(late, now - feeder.sent.pop(number) - LATENCY)
            gap = max(gap, now - last) if last else 0.0
            last = now
            number += 1
            at += MESSAGE
        if at > 1 << 20:
            del sink.data[:at]  # the only reader; the thread appends at the other end
            at = 0
        silent = time.monotonic() - (last or feeder.sent[0])
        check(silent < LATENCY + 15 if last is None else silent < 15,
              f"stalled after {number} messages")
        time.sleep(0.01)
    return number, late, gap


def inner(shift, seconds):
    rx = receiver("--inner")
    with Relay(rx.port, shift=shift) as relay:
        tx = sender(relay.port, "--inner", "--latency", str(LATENCY * 1000))
        feeder = Feeder(tx.stdin)
        feeder.start()
        number, late, gap = watch(rx.sink, feeder, seconds)
        feeder.running = False
        check(tx.alive() and rx.alive(), "a worker ended")
        check(stats(rx)["sessions"] == 1, "it connected again")
        print(f"# {number} messages of {feeder.count}, worst delay beyond {LATENCY} s: "
              f"{late * 1e3:.0f} ms, longest gap {gap * 1e3:.0f} ms")
        check(feeder.count - number < (LATENCY + 2) * RATE / MESSAGE, "the end is missing")
        check(late < 0.5 and gap < 0.5, "late or with a gap")
        tx.kill()
    rx.kill()


def control(shift, seconds):
    port = free_port()
    peer = slt(f"srt://127.0.0.1:{port}?mode=listener&latency={LATENCY * 1000}&rcvbuf=80000000"
               "&fc=60000", "file://con", stdout=subprocess.PIPE)
    sink = Sink(peer.stdout)
    with Relay(port, shift=shift) as relay:
        tx = sender(relay.port, "--inner", "--latency", str(LATENCY * 1000))
        feeder = Feeder(tx.stdin)
        feeder.start()
        wait_for(lambda: sink.data, LATENCY + 20, "the first message")
        try:
            wait_for(lambda: time.monotonic() - sink.arrivals[-1][0] > 15, seconds, "a stall")
        finally:
            feeder.running = False
            print(f"# {len(sink.data) // MESSAGE} messages of {feeder.count} delivered")
        tx.kill()
    peer.kill()


def main():
    mode = sys.argv[1] if len(sys.argv) > 1 else "shifted"
    # The wrap comes 50 s after the connect, 10 s after the first message was played; from 90 s on,
    # packets from behind the wrap are played.
    shift = int((WRAP - 50) * 1e6)
    name, function, arguments = {
        "shifted": ("the inner leg passes the wrap of the time stamp", inner, (shift, 180)),
        "real": ("the inner leg passes the wrap in real time", inner, (0, 75 * 60)),
        "control": ("libsrt's defaults stall at the wrap", control, (shift, 150)),
    }[mode]
    try:
        function(*arguments)
    except AssertionError as error:
        print(f"not ok - {name}: {error}")
        sys.exit(1)
    print(f"ok - {name}")


if __name__ == "__main__":
    main()
