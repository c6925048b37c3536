"""What the tests of uplinkd-srt share: its two ends on pipes, and a UDP relay between an SRT caller
and its listener that holds data back, loses all of it, or shifts the clock."""
import collections
import os
import random
import selectors
import shutil
import socket
import struct
import subprocess
import threading
import time

from media import Process, Skip, Worker, wait_for

PACKET = 188
MESSAGE = 7 * PACKET


def packets(count, seed=0):
    """TS packets of unknown PIDs with random content, without any table."""
    rng = random.Random(seed)
    return b"".join(b"\x47" + bytes([1 + i % 5, i % 251, 0x10 | i & 15]) +
                    rng.randbytes(PACKET - 4) for i in range(count))


class Sink:
    """Reads a pipe to its end in a thread."""

    def __init__(self, pipe):
        self.data = bytearray()
        self.arrivals = []  # (time, bytes so far)
        self._pipe = pipe
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while True:
            block = os.read(self._pipe.fileno(), 65536)
            if not block:
                return
            self.data += block
            self.arrivals.append((time.monotonic(), len(self.data)))

    def wait(self, count, timeout=20):
        """Until that many bytes came."""
        wait_for(lambda: len(self.data) >= count, timeout,
                 f"{count} bytes (have {len(self.data)})")


def receiver(*options, listen="127.0.0.1:0"):
    worker = Worker(["uplinkd-srt", "receive", "--listen", listen, *options],
                    stdout=subprocess.PIPE)
    worker.port = worker.wait_event("ready")["port"]
    worker.sink = Sink(worker.stdout)
    return worker


def sender(port, *options, wait=True):
    worker = Worker(["uplinkd-srt", "send", "--to", f"127.0.0.1:{port}", *options],
                    stdin=subprocess.PIPE)
    if wait:
        worker.wait_event("state", state="connected")
    return worker


def feed(pipe, data, rate=1_000_000, until=None):
    """Writes messages at @rate bytes a second; what was written."""
    begin, at = time.monotonic(), 0
    while at < len(data) and not (until and until()):
        pipe.write(data[at:at + MESSAGE])
        pipe.flush()
        at += min(MESSAGE, len(data) - at)
        time.sleep(max(0, begin + at / rate - time.monotonic()))
    return data[:at]


def stats(worker):
    lines = [e for _, e in worker.events if e["event"] == "stats"]
    return lines[-1] if lines else {}


def slt(source, target, **kwargs):
    if not shutil.which("srt-live-transmit"):
        raise Skip("srt-live-transmit is missing (package srt-tools)")
    return Process(["srt-live-transmit", "-chunk:1316", "-loglevel:error", source, target],
                   **kwargs)


def secret_file(directory, text):
    path = os.path.join(directory, f"secret-{len(os.listdir(directory))}")
    with open(path, "w", encoding="ascii") as file:
        file.write(text + "\n")
    return path


class Relay:
    """Relays one caller at a time; .port is where it calls. Everything is kept in order.

    shift: microseconds added to the time stamp of all that the caller sends, as if its connection
    had begun so much earlier.
    """

    def __init__(self, target_port, shift=0):
        self.target = ("127.0.0.1", target_port)
        self.shift = shift
        self.data_packets = 0
        self.retransmitted = 0
        self.held_max = 0
        self._hold_until = 0.0
        self._held = collections.deque()
        self._caller = None
        self._front = self._open()
        self._front.bind(("127.0.0.1", 0))
        self.port = self._front.getsockname()[1]
        self._back = self._open()
        self._back.bind(("127.0.0.1", 0))
        self._running = True
        self._blocked = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def _open():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.setblocking(False)
        return sock

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._running = False
        self._thread.join(2)
        self._front.close()
        self._back.close()

    def hold(self, seconds):
        """From now on, for @seconds, the caller's data waits; control passes."""
        self._hold_until = time.monotonic() + seconds

    def block(self, blocked):
        """A black hole in both directions."""
        self._blocked = blocked

    def _release(self):
        if time.monotonic() >= self._hold_until:
            # In portions, so that the kernel's buffer of the listener takes them.
            for _ in range(min(200, len(self._held))):
                self._back.sendto(self._held.popleft(), self.target)

    def _from_caller(self, packet):
        data = not packet[0] & 0x80
        if self.shift and len(packet) >= 16:
            stamp = struct.unpack_from(">I", packet, 8)[0]
            packet = packet[:8] + struct.pack(">I", (stamp + self.shift) & 0xffffffff) + packet[12:]
        if data:
            self.data_packets += 1
            self.retransmitted += bool(packet[4] & 0x04)
        if data and (self._held or time.monotonic() < self._hold_until):
            self._held.append(packet)
            self.held_max = max(self.held_max, len(self._held))
        else:
            self._back.sendto(packet, self.target)

    def _pull(self, sock):
        for _ in range(64):
            try:
                packet, address = sock.recvfrom(2048)
            except BlockingIOError:
                return
            except ConnectionError:
                continue
            if self._blocked:
                continue
            if sock is self._front:
                self._caller = address
                self._from_caller(packet)
            elif self._caller:
                self._front.sendto(packet, self._caller)

    def _run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self._front, selectors.EVENT_READ)
            selector.register(self._back, selectors.EVENT_READ)
            while self._running:
                for key, _ in selector.select(0.002 if self._held else 0.05):
                    self._pull(key.fileobj)
                self._release()
