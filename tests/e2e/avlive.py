"""A live encoder (uplinkd-av encode) fed from files in real time, and what it gives."""
import os
import subprocess
import threading
import time

import media
from media import check

PACKET = 188
WRAP = 2 ** 33 / 90000  # seconds
NOISE = "noise=alls=24:allf=t"  # like a camera's: the picture takes whatever rate it is given


def ts_packets(path):
    with open(path, "rb") as file:
        data = file.read()
    return [data[i:i + PACKET] for i in range(0, len(data), PACKET)]


def pid_of(packet):
    return (packet[1] & 0x1f) << 8 | packet[2]


def dts_of(packet):
    """(pts, dts) of a packet that begins a PES with time stamps, in seconds; else None."""
    if not packet[1] & 0x40:
        return None
    at = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    if packet[at:at + 3] != b"\0\0\1" or not packet[at + 7] & 0x80:
        return None

    def stamp(b):
        return ((b[0] >> 1 & 7) << 30 | b[1] << 22 | (b[2] >> 1) << 15 | b[3] << 7 |
                b[4] >> 1) / 90000
    pts = stamp(packet[at + 9:at + 14])
    return (pts, stamp(packet[at + 14:at + 19]) if packet[at + 7] & 0x40 else pts)


def is_video(packet):
    at = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    return bool(packet[1] & 0x40) and packet[at:at + 3] == b"\0\0\1" and \
        0xe0 <= packet[at + 3] <= 0xef


class Live:
    """An encode worker fed in real time from files, one after the other; keeps what it gives."""

    def __init__(self, directory, *options, speed=1.0, damage=None):
        self.path = os.path.join(directory, f"live-{id(self)}-{time.monotonic_ns()}.ts")
        self.worker = media.Worker(["uplinkd-av", "encode", *options], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        self.speed, self.damage = speed, damage
        # pts -> time of the last byte in, first and last byte out
        self.fed, self.given, self.done = {}, {}, {}
        self.chunks = []               # (time, bytes)
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        rest, pid, pts = b"", None, None
        with open(self.path, "wb") as file:
            while True:
                data = os.read(self.worker.stdout.fileno(), 65536)
                if not data:
                    break
                now = time.monotonic()
                file.write(data)
                self.chunks.append((now, len(data)))
                data = rest + data
                rest = data[len(data) // PACKET * PACKET:]
                for i in range(0, len(data) - PACKET + 1, PACKET):
                    packet = data[i:i + PACKET]
                    if is_video(packet):
                        pid, pts = pid_of(packet), round(dts_of(packet)[0], 3)
                        self.given.setdefault(pts, now)
                    if pid_of(packet) == pid:
                        self.done[pts] = now
        self.ended.set()

    def feed(self, path, events=()):
        """Writes a file at its own pace. events: (seconds of stream, function)."""
        packets = ts_packets(path)
        events = list(events)
        begin, first, batch, pts = time.monotonic(), None, [], None
        for packet in packets:
            stamps = dts_of(packet) if is_video(packet) else None
            if stamps:
                self._write(batch, pts)
                batch, pts = [], stamps[0]
                first = stamps[1] if first is None else first
                at = (stamps[1] - first) % WRAP
                while events and at >= events[0][0]:
                    events.pop(0)[1]()
                wait = begin + at / self.speed - time.monotonic()
                if wait > 0:
                    time.sleep(wait)
            batch.append(packet)
        self._write(batch, pts)

    def _write(self, batch, pts):
        data = b"".join(batch)
        if self.damage:
            data = self.damage(data)
        if data:
            self.worker.stdin.write(data)
            self.worker.stdin.flush()
        if pts is not None:
            self.fed[round(pts, 3)] = time.monotonic()

    def finish(self, timeout=20):
        """Ends the input; the exit status."""
        self.worker.stdin.close()
        check(self.ended.wait(timeout), "its output does not end")
        return self.worker.wait(timeout)

    def bps(self, begin, end):
        """Bits per second of the output between two moments."""
        return sum(n for t, n in self.chunks if begin <= t < end) * 8 / (end - begin)

    def latencies(self):
        """Seconds from the last byte of a picture in to its last byte out, sorted."""
        return sorted(self.done[p] - t for p, t in self.fed.items() if p in self.done)

    def stats(self):
        return [line for _, line in self.worker.events if line.get("event") == "stats"]
