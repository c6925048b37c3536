"""What the tests of uplinkd-rtmp share: the worker in both roles, and what it is fed with."""
import os
import subprocess

from media import Process, Worker, check, decode_errors, make_content, run, wait_for

KEY = "cam1-s3cret?a=b&c=d"
SIZE = {"width": 320, "height": 180}


def content(directory, name="in.ts", **kwargs):
    """A short stream with B-frames unless told otherwise."""
    return make_content(os.path.join(directory, name),
                        **{"seconds": 4, "bitrate": 500000, "codec": "h264b", **SIZE, **kwargs})


def secret(directory, text, name="secret"):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text + "\n")
    return path


def decoded(path, stream):
    """The checksum of every decoded picture, or of all decoded sound."""
    if stream == "v":
        text = run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode",
                    "passthrough", "-f", "framemd5", "-"]).decode()
        return [line.rsplit(",", 1)[1].strip() for line in text.splitlines()
                if not line.startswith("#")]
    return run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:a:0", "-f", "md5",
                "-"]).decode()


def same_content(got, want, sound=True):
    """All pictures (and all sound) of @want came through, bit for bit."""
    check(not decode_errors(got), lambda: f"decode errors: {decode_errors(got)[:5]}")
    pictures, expected = decoded(got, "v"), decoded(want, "v")
    check(pictures == expected,
          lambda: f"{len(pictures)} pictures, {len(expected)} expected, the first difference at "
          f"{next((i for i, p in enumerate(zip(pictures, expected)) if p[0] != p[1]), '-')}")
    check(not sound or decoded(got, "a") == decoded(want, "a"), "the sound is another")


class Server:
    """uplinkd-rtmp serve, with its output in a file."""

    def __init__(self, directory, *options, app="live", name="out.ts"):
        self.path = os.path.join(directory, name)
        with open(self.path, "wb") as file:
            self.worker = Worker(["uplinkd-rtmp", "serve", "--listen", "127.0.0.1:0", "--app", app,
                                  *options], stdout=file)
        self.port = self.worker.wait_event("ready")["port"]
        self.app = app

    def url(self, key=KEY):
        return f"rtmp://127.0.0.1:{self.port}/{self.app}/{key}"

    def wait_state(self, state, reason="", timeout=10):
        return wait_for(lambda: next((e for _, e in list(self.worker.events)
                                      if e.get("event") == "state" and e["state"] == state and
                                      reason in e["reason"]), None), timeout,
                        f"state {state} {reason!r}")

    def stats(self, field):
        found = [e for _, e in list(self.worker.events) if e.get("event") == "stats"]
        return found[-1][field] if found else 0

    def finish(self):
        """Stops it; the path of what it wrote."""
        check(self.worker.stop() == 0, self.worker.report)
        return self.path


def ffmpeg_push(source, url, *options):
    return Process(["ffmpeg", "-nostdin", "-v", "error", "-re", "-i", source, "-c", "copy",
                    *options, "-f", "flv", url], name="ffmpeg push")


def paced(source, *options):
    """ffmpeg that writes @source to a pipe in real time."""
    return Process(["ffmpeg", "-nostdin", "-v", "quiet", *options, "-re", "-i", source, "-c",
                    "copy", "-f", "mpegts", "-flush_packets", "1", "-"], name="ffmpeg pace",
                   stdout=subprocess.PIPE)


class Push:
    """uplinkd-rtmp push, fed by @feeder (a Process) or by writing to .worker.stdin."""

    def __init__(self, directory, url, *options, feeder=None):
        self.worker = Worker(["uplinkd-rtmp", "push", "--url-file",
                              secret(directory, url, "url"), *options],
                             stdin=feeder.stdout if feeder else subprocess.PIPE)
        if feeder:
            feeder.stdout.close()

    def wait_state(self, state, reason="", timeout=10):
        return Server.wait_state(self, state, reason, timeout)

    def stats(self, field):
        return Server.stats(self, field)

    def count(self, state):
        return sum(1 for _, e in list(self.worker.events)
                   if e.get("event") == "state" and e["state"] == state)


def flv_tags(path):
    """[(type, timestamp, body)] of an FLV file."""
    with open(path, "rb") as file:
        data = file.read()
    at, tags = 13, []
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        when = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        tags.append((data[at], when, data[at + 11:at + 11 + size]))
        at += 11 + size + 4
    return tags
