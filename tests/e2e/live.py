"""The whole chain, from a real encoder over bad uplinks to what comes out at the receiver, and what
it was worth: delay, gaps, decode errors, bitrate."""
import math
import os
import random
import signal
import socket
import threading
import time

import media
from media import check
from pair import Pair, Program, Relays, jobs, recording, write_key


class Capture:
    """A UDP port that notes when each picture of MPEG-TS begins: .pictures is {PTS: time}."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.url = f"udp://127.0.0.1:{self.socket.getsockname()[1]}"
        self.pictures, self.bytes, self.first, self.last = {}, 0, None, None
        self.ending = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending:
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                continue
            now = time.monotonic()
            self.first, self.last = self.first or now, now
            self.bytes += len(data)
            for at in range(0, len(data), 188):
                if data[at + 1] & 0x40:
                    self.picture(data[at:at + 188], now)

    def picture(self, packet, now):
        """Notes a packet where a PES packet of video begins."""
        at = 5 + packet[4] if packet[3] & 0x20 else 4
        if packet[at:at + 3] == b"\0\0\1" and packet[at + 3] & 0xf0 == 0xe0 and packet[at + 7] & 0x80:
            p = packet[at + 9:at + 14]
            pts = (p[0] >> 1 & 7) << 30 | p[1] << 22 | (p[2] >> 1) << 15 | p[3] << 7 | p[4] >> 1
            self.pictures.setdefault(pts, now)

    def close(self):
        """The end of it."""
        self.ending = True
        self.thread.join()
        self.socket.close()

    def step_max(self):
        """The longest time from one picture to the next, by their time stamps, seconds."""
        times = sorted(self.pictures)
        return max(b - a for a, b in zip(times, times[1:])) / 90000

    def bps(self):
        """Over all the time in which something came."""
        return self.bytes * 8 / max(self.last - self.first, 0.001)


class Chain(Pair):
    """Pair with uplinks through linksim and recordings on both sides."""

    def __init__(self, directory, links, *options, output=None, scheme="srt", latency=1000):  # pylint: disable=super-init-not-called
        self.directory, self.latency, self.checker = directory, latency, None
        self.key, self.port = write_key(directory), media.free_port()
        self.outputs = [output] if output else []
        self.records = {side: os.path.join(directory, side) for side in ("send", "receive")}
        for path in self.records.values():
            os.makedirs(path)
        self.receive_options = ("--record", self.records["receive"])
        self.start_receiver()
        self.relays = Relays(self.port, **links)
        self.input_port, self.scheme = media.free_port(), scheme
        uplinks = [word for name, address in self.relays.address.items()
                   for word in ("--uplink", f"{name}=127.0.0.1,to={address}")]
        self.sender = Program("send", directory, "--input", f"{scheme}://:{self.input_port}", "--to",
                              f"127.0.0.1:{self.port}", "--key-file", self.key, "--latency",
                              f"{latency}ms", "--record", self.records["send"], *uplinks, *options)
        self.wait_connected()

    def send(self, source, *more, seconds=None):
        """A file in real time into the chain and to further URLs, the same bytes into sent.ts, again and
        again for @seconds; the process."""
        again = ["-stream_loop", "-1"] if seconds else []
        limit = ["-t", str(seconds)] if seconds else []
        outputs = [os.path.join(self.directory, "sent.ts"),
                   f"{self.scheme}://127.0.0.1:{self.input_port}?pkt_size=1316"
                   + ("&linger=5" if self.scheme == "srt" else ""), *more]
        return media.Process(["ffmpeg", "-nostdin", "-v", "error", "-re", *again, "-i", source,
                              *limit, "-map", "0:v", "-map", "0:a", "-c", "copy", "-f", "tee",
                              "|".join(f"[f=mpegts:max_delay=20000]{url}" for url in outputs)],
                             name="ffmpeg")

    def advice(self):
        """What the encoder should use now."""
        return self.sender.snapshot().get("bond", {}).get("advice_bps", 0)

    def job(self, name):
        """A job of the sender's, {} when there is none."""
        return next((job for job in self.sender.snapshot().get("jobs", []) if job["name"] == name),
                    {})

    def drained(self):
        """Waits until nothing more comes out."""
        media.wait_for(lambda: sum(job["rate_bps"] for job in self.receiver.snapshot()["jobs"]) == 0,
                       20, "the end of the stream at the receiver")

    def sent(self):
        """What the encoder sent; fails when the sender's recording is something else."""
        with open(os.path.join(self.directory, "sent.ts"), "rb") as file:
            original = file.read()
        check(recording(self.records["send"]) == original,
              "the sender's recording is not what the encoder sent")
        return original

    def arrived(self):
        """The receiver's recording, as one file."""
        path = os.path.join(self.directory, "arrived.ts")
        with open(path, "wb") as file:
            file.write(recording(self.records["receive"]))
        return path


class LimitedPair(Pair):
    """Pair whose receiver's output takes pictures of a bitrate that can be changed: takes(kbps)."""

    def __init__(self, directory, kbps, input_url, *send):
        self.config = os.path.join(directory, "receive.conf")
        self.url = f"udp://127.0.0.1:{media.free_port()}"
        self.write(kbps)
        super().__init__(directory, 500, outputs=[self.url], input_url=input_url,
                         send=("--advice-start", "5M", *send), receive=("--config", self.config))
        media.wait_for(lambda: self.sender.snapshot().get("bond", {}).get("session_up"), 15,
                       "a session")

    def start_receiver(self, **kwargs):
        self.outputs = []  # they stand in the file
        return super().start_receiver(**kwargs)

    def write(self, kbps):
        with open(self.config, "w", encoding="ascii") as file:
            file.write(f"[receiver]\n[output one]\nurl = {self.url}\nrate-max = {kbps}k\n")

    def takes(self, kbps):
        """From now on."""
        self.write(kbps)
        self.receiver.send_signal(signal.SIGHUP)

    def input_bps(self):
        """Of the last second."""
        return jobs(self.sender, "input")[0]["rate_bps"]

    def follow(self, *limits):
        """For each limit in kb/s: waits until two seconds in a row of what the encoder sends are of
        that bitrate, with sound and headers."""
        for kbps in limits:
            self.takes(kbps)
            begin, seconds, good = time.monotonic(), [], 0
            while good < 2:
                check(time.monotonic() - begin < 25,
                      lambda k=kbps, s=seconds: f"{k} kb/s wanted, {s[-12:]} came")
                bps = self.input_bps()
                if not seconds or bps != seconds[-1]:
                    seconds.append(bps)
                    fits = kbps * 800 <= bps <= kbps * 1150 + 160000
                    good = good + 1 if fits else 0
                time.sleep(0.1)  # several looks at each second of the status
            print(f"  {kbps} kb/s of picture wanted; sent, second by second: "
                  f"{[round(bps / 1000) for bps in seconds]}")


def make_source(path, bitrate, **content):
    """A stream that needs every bit, its keyframes 0.3 s long at most, and sound in small pieces, so
    that ffmpeg sends it evenly."""
    media.run([*media.content_args(bitrate=bitrate, extra_filter="noise=alls=12:allf=t", **content),
               "-bufsize", str(bitrate * 3 // 10), "-muxdelay", "0.02", "-f", "mpegts", path],
              timeout=300)
    return path


def radio_traces(directory, seconds, low, high, used, seed=1, links=3):
    """Traces for linksim of uplinks whose sum wanders between @low and @high bits per second, as
    those of a car do: the next second has 0.7 to 1.4 times of the last (one of twenty has less, or
    more), each uplink's share moves as well, and a radio grants every 8 ms. {name: path}, the mean of
    the sum over the first @used seconds."""
    rng = random.Random(seed)
    level, shares, sums = math.log(math.sqrt(low * high)), [0.0] * links, []
    stamps, owed = [[] for _ in range(links)], [0.0] * links
    for ms in range(0, seconds * 1000, 8):
        if ms % 200 == 0:
            level += rng.gauss(0, 0.21 / math.sqrt(5))
            # Reflected at both ends.
            level = min(level, 2 * math.log(high) - level)
            level = max(level, 2 * math.log(low) - level)
            shares = [0.95 * share + rng.gauss(0, 0.15) for share in shares]
            weights = [math.exp(share) for share in shares]
        sums.append(math.exp(level))
        for i in range(links):
            owed[i] += sums[-1] * weights[i] / sum(weights) * 0.008 / 8 / 1500
            while owed[i] >= 1:
                stamps[i].append(ms)
                owed[i] -= 1
    paths = {}
    for i in range(links):
        paths[f"lte{i}"] = os.path.join(directory, f"lte{i}.trace")
        with open(paths[f"lte{i}"], "w", encoding="ascii") as file:
            file.write("\n".join(map(str, stamps[i] + [seconds * 1000])) + "\n")
    sums = sums[:used * 125]
    return paths, sum(sums) / len(sums)


def percentile(values, share):
    """Of a list."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def delays(before, behind):
    """What the chain takes, from one Capture to the other, of each picture that came through, by its
    time stamp: seconds, the least first. An encoder sends a picture that others refer to before
    those that are shown before it; it counts from the moment at which it could have been shown."""
    took, shown = [], 0
    for pts in sorted(before.pictures):
        shown = max(shown, before.pictures[pts])
        if pts in behind.pictures:
            took.append(behind.pictures[pts] - shown)
    return sorted(took)
