"""What the end-to-end tests share: processes, ports, test content and its verification.

Processes are started with Process() (or Worker, Checker, Nginx) and ended by their pid; whatever
still runs when the test ends is killed. Nothing here sleeps to synchronise: wait_for() and
Process.wait_line() wait for a condition with a bound.

The test content is machine-readable: every picture carries its own number as 20 blocks, black or
white, along its upper edge, and at the start of each second of the stream a white box in the upper
right corner lights up for two frames while a beep of 1 kHz sounds. So a test can tell which frames
are missing, repeated or damaged, and how far apart sound and picture are.
"""
import atexit
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

import proc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("UPLINKD_BUILD", os.path.join(ROOT, "build"))
BIN = os.path.join(BUILD, "bin")
TESTS = os.path.join(BUILD, "tests")


# --- cases ------------------------------------------------------------------------------------

class Skip(Exception):
    """Raised by a case that cannot run here; the text says what is missing."""


def check(condition, why):
    """Fails the running case with @why (a text or a function that makes it)."""
    if not condition:
        raise AssertionError(why() if callable(why) else why)


_cases = []
_alone = set()


def case(function):
    """Decorator: a case of this test. Its name is the function's, with spaces."""
    _cases.append(function)
    return function


def alone(function):
    """Decorator, outside of case(): takes the whole machine, or measures what others would spoil."""
    _alone.add(function)
    return function


def _name(function):
    return function.__name__.replace("_", " ")


def _run(function):
    """Runs a case; whether it failed."""
    name, begin = _name(function), time.monotonic()
    try:
        with contextlib.ExitStack() as stack:
            function(*(stack.enter_context(_provide[n])
                       for n in function.__code__.co_varnames[:function.__code__.co_argcount]))
        print(f"ok - {name}", flush=True)
    except Skip as skip:
        print(f"skip - {name}: {skip}", flush=True)
    except Exception as error:  # a case may fail in any way; the others still run
        print(f"not ok - {name}: {error}", flush=True)
        traceback.print_exc()
        for process in _started:
            print(process.report(), flush=True)
        return True
    finally:
        _kill_all()
        _started.clear()
        print(f"# {name}: {time.monotonic() - begin:.1f} s", flush=True)
    return False


def _run_in_child(function):
    """The same in a process of its own."""
    with Process([sys.executable, sys.argv[0], _name(function)], stdout="lines") as child:
        failed = child.wait(300) != 0
        print("\n".join(child.output + child.errors), flush=True)
    return failed


def main(side_by_side=1):
    """Runs the cases (those named on the command line, or all) and exits. side_by_side: so many at
    once, since most spend their time waiting for a live stream; those that are alone() come
    first."""
    wanted = sys.argv[1:]
    cases = [f for f in _cases if not wanted or any(word in _name(f) for word in wanted)]
    crowd = [f for f in cases if f not in _alone] if side_by_side > 1 and len(cases) > 1 else []
    failed = [_run(f) for f in cases if f not in crowd]
    with concurrent.futures.ThreadPoolExecutor(side_by_side) as pool:
        failed += pool.map(_run_in_child, crowd)
    sys.exit(1 if any(failed) else 0)


class _Directory:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="uplinkd-test-")
        return self.path

    def __exit__(self, *_):
        _kill_all()
        shutil.rmtree(self.path, ignore_errors=True)


# What a case gets when it names it as a parameter.
_provide = {"directory": _Directory()}


# --- processes --------------------------------------------------------------------------------

_processes = []  # those that run
_started = []    # all of the running case, for its report


def _kill_all():
    for process in list(_processes):
        process.kill()


atexit.register(_kill_all)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def wait_for(condition, timeout, what):
    """The first true value of condition(), asked again and again for @timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"waited {timeout} s for {what}")
        time.sleep(0.02)


class Process:
    """A child with its output in memory, line by line.

    stdin, stdout: None (nothing), subprocess.PIPE, a file, or for stdout "lines" (kept as text,
    like stderr always is). Usable with `with`: killed at the end.
    """
    LINES = 20000

    def __init__(self, args, name=None, stdin=None, stdout=None, env=None, pass_fds=(), cwd=None):
        self.args = [str(a) for a in args]
        self.name = name or os.path.basename(self.args[0])
        self.errors, self.output = [], []
        self.status = None
        self.usage = None
        self._changed = threading.Condition()
        self._child = subprocess.Popen(
            self.args, stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE if stdout == "lines" else
            subprocess.DEVNULL if stdout is None else stdout,
            stderr=subprocess.PIPE, env=dict(os.environ, **env) if env else None,
            pass_fds=pass_fds, cwd=cwd)
        self.pid = self._child.pid
        self.stdin = self._child.stdin
        self.stdout = None if stdout == "lines" else self._child.stdout
        _processes.append(self)
        _started.append(self)
        self._readers = [self._reader(self._child.stderr, self.errors)]
        if stdout == "lines":
            self._readers.append(self._reader(self._child.stdout, self.output))

    def _reader(self, pipe, lines):
        def read():
            for line in pipe:
                with self._changed:
                    lines.append(line.decode(errors="replace").rstrip("\r\n"))
                    del lines[:-self.LINES]
                    self._changed.notify_all()
            pipe.close()
            with self._changed:
                self._changed.notify_all()
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def alive(self):
        """Whether it still runs."""
        if self.status is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._ended(status, usage)
        return self.status is None

    def _ended(self, status, usage):
        self.status = os.waitstatus_to_exitcode(status)
        self._child.returncode = self.status
        self.usage = usage
        if self in _processes:
            _processes.remove(self)

    def wait(self, timeout=10):
        """The exit status (negative: the signal)."""
        wait_for(lambda: not self.alive(), timeout, f"the end of {self.name}")
        for thread in self._readers:
            thread.join(2)
        return self.status

    def send_signal(self, number):
        """Sends a signal, if it still runs."""
        if self.alive():
            os.kill(self.pid, number)

    def stop(self, timeout=10, number=signal.SIGTERM):
        """Asks it to end and waits; returns the exit status."""
        self.send_signal(number)
        return self.wait(timeout)

    def kill(self):
        """Ends it at once."""
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
            os.kill(self.pid, signal.SIGCONT)
            _, status, usage = os.wait4(self.pid, 0)
            self._ended(status, usage)
        if self.stdin and not self.stdin.closed:
            with contextlib.suppress(OSError):
                self.stdin.close()

    def wait_line(self, pattern, timeout=10, lines=None):
        """The match of the first line (stderr unless told) that @pattern finds."""
        lines = self.errors if lines is None else lines
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                for line in lines:
                    match = re.search(pattern, line)
                    if match:
                        return match
                left = end - time.monotonic()
                if left <= 0 or (not self.alive() and not any(t.is_alive()
                                                              for t in self._readers)):
                    raise AssertionError(f"{self.name}: no line like {pattern!r} in {timeout} s")
                self._changed.wait(min(left, 0.2))

    def cpu_seconds(self):
        """User and system time so far."""
        if self.usage:
            return self.usage.ru_utime + self.usage.ru_stime
        return proc.cpu_seconds(self.pid)

    def rss_bytes(self):
        """Resident memory now."""
        return proc.rss_bytes(self.pid)

    def report(self, lines=30):
        """The last lines of its output, for the log of a failed case."""
        text = "\n".join("    " + line for line in (self.output + self.errors)[-lines:])
        state = "running" if self.status is None else f"status {self.status}"
        return f"  {self.name} ({state}): {' '.join(self.args)[:300]}\n{text}"


class Worker(Process):
    """A worker program with its control socket (include/uplinkd/worker.h)."""

    def __init__(self, args, **kwargs):
        ours, theirs = socket.socketpair()
        number = theirs.fileno()
        shell = 'exec "$@"' if number == 3 else f'exec "$@" 3<&{number} {number}<&-'
        program = args[0] if "/" in str(args[0]) else os.path.join(BIN, args[0])
        kwargs.setdefault("name", " ".join(str(a) for a in args[:2]))
        super().__init__(["bash", "-c", shell, "worker", program, *args[1:]],
                         env={**kwargs.pop("env", {}), "UPLINKD_CONTROL_FD": "3"},
                         pass_fds=(number,), **kwargs)
        theirs.close()
        self.control = ours
        self.events = []  # (time of arrival, dictionary)
        self._thread = threading.Thread(target=self._read_control, daemon=True)
        self._thread.start()

    def _read_control(self):
        with self.control.makefile("rb") as file, contextlib.suppress(OSError):
            for line in file:
                with self._changed:
                    self.events.append((time.monotonic(), json.loads(line)))
                    self._changed.notify_all()

    def command(self, command, **fields):
        """Sends one line."""
        self.control.sendall(json.dumps({"command": command, **fields}).encode() + b"\n")

    def wait_event(self, event, timeout=10, **fields):
        """The first line of that event whose fields have these values."""
        def find():
            for _, line in list(self.events):
                if line.get("event") == event and all(line.get(k) == v
                                                      for k, v in fields.items()):
                    return line
            return None
        return wait_for(find, timeout, f"{event} {fields} from {self.name}")

    def kill(self):
        super().kill()
        with contextlib.suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)
        self.control.close()


class Checker(Process):
    """tscheck on a UDP port of its own: .port, .result() after it has ended."""

    def __init__(self, *options, address="127.0.0.1", port=0, prefix=()):
        super().__init__([*prefix, os.path.join(TESTS, "tscheck"), "--listen",
                          f"{address}:{port}", *options], name="tscheck", stdout="lines")
        self.port = int(self.wait_line(r'"port": (\d+)', lines=self.output).group(1))

    def result(self, timeout=60):
        """Waits for its end; the dictionary that it printed."""
        self.wait(timeout)
        return json.loads(self.output[-1])


def generate(*options, timeout=120, prefix=()):
    """Runs tsgen to its end; the dictionary that it printed."""
    with Process([*prefix, os.path.join(TESTS, "tsgen"), *options], name="tsgen",
                 stdout="lines") as process:
        check(process.wait(timeout) == 0, process.report)
        return json.loads((process.output or process.errors)[-1])


# --- ports ------------------------------------------------------------------------------------

# Below those that the kernel gives out by itself. Of two tests that run at a time (tests/run), each
# has its own half.
_PORTS = range(10000 + int(os.environ.get("UPLINKD_LANE", "0")), 32000, 2)
_ports = iter(random.sample(_PORTS, len(_PORTS)))


def free_port(kind=socket.SOCK_DGRAM, address="127.0.0.1"):
    """A port that nobody uses now, never the same twice in one test."""
    for port in _ports:
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port
    raise Skip("there is no free port")


def free_tcp_port(address="127.0.0.1"):
    """The same for TCP."""
    return free_port(socket.SOCK_STREAM, address)


def port_is_open(port, address="127.0.0.1"):
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((address, port)) == 0


# --- test content -----------------------------------------------------------------------------

BITS = 20


def _cell(width):
    return 32 if width >= 800 else 16 if width >= 480 else 8


def barcode_filter(width, height, fps):
    """The video filters that write the number of the frame and the flash of each second."""
    del height
    cell = _cell(width)
    parts = [f"drawbox=x=0:y=0:w={cell * (BITS + 2)}:h={cell * 3 // 2}:color=gray:t=fill"]
    for k in range(BITS):
        box = f"drawbox=x={cell // 2 + k * cell}:y={cell // 4}:w={cell}:h={cell}"
        parts.append(f"{box}:color=black:t=fill")
        parts.append(f"{box}:color=white:t=fill:"
                     f"enable='eq(mod(floor(n/pow(2,{k})),2),1)'")
    flash = f"drawbox=x={width - 3 * cell}:y={cell // 4}:w={2 * cell}:h={cell}"
    parts.append(f"{flash}:color=black:t=fill")
    parts.append(f"{flash}:color=white:t=fill:enable='lt(mod(n,{fps}),2)'")
    return ",".join(parts)


def video_codec(codec, bitrate, fps, preset="superfast"):
    """Encoder options: h264 (zerolatency, constant rate), h264b (B-frames), hevc, mpeg2."""
    gop = ["-g", str(2 * fps), "-keyint_min", str(2 * fps), "-sc_threshold", "0",
           "-pix_fmt", "yuv420p"]
    rate = ["-b:v", str(bitrate), "-maxrate", str(bitrate), "-bufsize", str(bitrate)]
    if codec == "h264":
        return ["-c:v", "libx264", "-preset", preset, "-tune", "zerolatency", *rate, *gop]
    if codec == "h264b":
        return ["-c:v", "libx264", "-preset", preset, "-bf", "3", *rate, *gop]
    if codec == "hevc":
        return ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                f"log-level=none:keyint={2 * fps}:min-keyint={2 * fps}", *rate[:2],
                "-pix_fmt", "yuv420p"]
    if codec == "mpeg2":
        return ["-c:v", "mpeg2video", *rate, "-g", str(fps // 2), "-pix_fmt", "yuv420p"]
    raise ValueError(codec)


def content_args(width=640, height=360, fps=30, seconds=10, bitrate=2000000, codec="h264",
                 audio="aac", picture="testsrc2", extra_filter="", first_frame=0):
    """Arguments of ffmpeg up to the output, without -re: barcode, flash and beep.

    audio: aac, mp2, ac3, opus or None. first_frame: where the count starts (a multiple of fps).
    """
    numbers = barcode_filter(width, height, fps)
    if first_frame:
        numbers = re.sub(r"\bn\b", f"(n+{first_frame})", numbers)
    filters = ",".join(f for f in (extra_filter, numbers) if f)
    args = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y",
            "-f", "lavfi", "-i", f"{picture}=s={width}x{height}:r={fps}"]
    if audio:
        args += ["-f", "lavfi", "-i",
                 "aevalsrc='0.5*sin(2000*PI*t)*lt(mod(t,1),1/15)':s=48000"]
    args += ["-t", str(seconds), "-vf", filters, *video_codec(codec, bitrate, fps)]
    if audio:
        coder = {"opus": "libopus"}.get(audio, audio)
        args += ["-c:a", coder, "-b:a", "128k", "-ac", "2"]
    return args


def make_content(path, **kwargs):
    """Writes a file of test content (MPEG-TS unless the name says otherwise)."""
    form = {"mp4": "mp4", "flv": "flv", "mkv": "matroska"}.get(path.rsplit(".", 1)[-1], "mpegts")
    run([*content_args(**kwargs), "-f", form, path], timeout=180)
    return path


def run(args, timeout=120, stdin=None):
    """Runs a command to its end; its stdout as bytes. Fails the case when the command does."""
    done = subprocess.run([str(a) for a in args], stdin=stdin or subprocess.DEVNULL,
                          capture_output=True, timeout=timeout, check=False)
    check(done.returncode == 0,
          lambda: f"{' '.join(str(a) for a in args)[:200]}: status {done.returncode}: "
          f"{done.stderr.decode(errors='replace')[-500:]}")
    return done.stdout


# --- verification -----------------------------------------------------------------------------

@dataclasses.dataclass
class Pictures:
    """What the reader saw. Frames in the order of display."""
    numbers: list  # of each frame; None: unreadable
    times: list    # pts of each frame, seconds
    flashes: list  # pts of the first frame of each flash

    def __str__(self):
        return (f"{len(self.numbers)} frames, {self.unreadable} unreadable, jumps {self.jumps[:9]}, "
                f"{self.repeats} repeats, {self.missing} missing, longest step "
                f"{self.step_max * 1000:.0f} ms")

    @property
    def unreadable(self):
        """How many frames could not be read."""
        return sum(1 for n in self.numbers if n is None)

    @property
    def jumps(self):
        """[(number before, number after)] where the count is not one more and not the same."""
        read = [n for n in self.numbers if n is not None]
        return [(a, b) for a, b in zip(read, read[1:]) if b not in (a, a + 1)]

    @property
    def repeats(self):
        """How many frames showed the number of the frame before."""
        read = [n for n in self.numbers if n is not None]
        return sum(1 for a, b in zip(read, read[1:]) if a == b)

    @property
    def missing(self):
        """How many numbers between the first and the last were never seen."""
        read = {n for n in self.numbers if n is not None}
        return max(read) - min(read) + 1 - len(read) if read else 0

    @property
    def step_max(self):
        """The longest time from one frame to the next, seconds."""
        return max((b - a for a, b in zip(self.times, self.times[1:])), default=0.0)


def read_pictures(path, width=640, height=360):
    """Decodes a file and reads the number of every frame. width, height: of the content as made."""
    cell = _cell(width)
    plate = cell * 3 // 2
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "info", "-copyts", "-i", path,
               "-map", "0:v:0", "-an", "-vf",
               f"scale={width}:{height},crop={width}:{plate}:0:0,format=gray,showinfo=checksum=0",
               "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=log)
        numbers, lit = [], []
        while True:
            picture = child.stdout.read(width * plate)
            if len(picture) < width * plate:
                break
            numbers.append(_read_number(picture, width, cell))
            lit.append(_mean(picture, width, width - 2 * cell, plate // 2) > 128)
        child.wait()
        log.seek(0)
        times = [float(t) for t in re.findall(rb"pts_time:\s*(-?[0-9.]+)", log.read())]
    times = times[:len(numbers)]
    flashes = [t for t, now, before in zip(times, lit, [True] + lit) if now and not before]
    return Pictures(numbers, times, flashes)


def _mean(picture, width, x, y):
    total = 0
    for row in (y - 1, y, y + 1):
        total += sum(picture[row * width + x - 1:row * width + x + 2])
    return total / 9


def _read_number(picture, width, cell):
    number = 0
    for k in range(BITS):
        value = _mean(picture, width, cell + k * cell, cell * 3 // 4)
        if value > 170:
            number |= 1 << k
        elif value > 85:
            return None
    return number


def read_beeps(path):
    """The pts of the first loud sample of every beep, seconds."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "info", "-copyts", "-i", path,
               "-map", "0:a:0", "-vn", "-af",
               "aresample=48000,aformat=sample_fmts=s16:channel_layouts=mono,ashowinfo",
               "-f", "s16le", "-"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    samples = memoryview(done.stdout).cast("h")
    beeps, at, quiet = [], 0, 0
    for match in re.finditer(rb"pts_time:\s*(-?[0-9.]+).*?nb_samples:(\d+)", done.stderr):
        pts, count = float(match.group(1)), int(match.group(2))
        for i, sample in enumerate(samples[at:at + count]):
            if abs(sample) < 1000:
                quiet += 1
                continue
            if quiet > 24000:
                beeps.append(pts + i / 48000)
            quiet = 0
        at += count
    return beeps


def av_offsets(path, width=640, height=360, pictures=None):
    """Seconds by which sound comes after the picture, for every flash that has its beep."""
    flashes = (pictures or read_pictures(path, width, height)).flashes
    beeps = read_beeps(path)
    offsets = []
    for flash in flashes:
        near = min(beeps, key=lambda b: abs(b - flash), default=None)
        if near is not None and abs(near - flash) < 0.5:
            offsets.append(near - flash)
    return offsets


def decode_errors(path, streams="0"):
    """What ffmpeg complains about when it decodes the whole file, line by line. streams: as in
    its option -map."""
    # Every picture at its own time: none is made up, none is one too many.
    timing = ["-fps_mode", "passthrough", "-enc_time_base", "-1"]
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", streams,
                           *timing, "-f", "null", "-"], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False)
    return done.stderr.decode(errors="replace").splitlines()


def probe(path):
    """The streams of a file, as ffprobe tells them."""
    return json.loads(run(["ffprobe", "-v", "error", "-show_streams", "-of", "json", path]))[
        "streams"]


def packets(path, stream="v:0"):
    """[(pts, dts, bytes, is_key)] of a stream, seconds; pts or dts may be None."""
    text = run(["ffprobe", "-v", "error", "-select_streams", stream, "-show_entries",
                "packet=pts_time,dts_time,size,flags", "-of", "compact=p=0", path]).decode()
    found = []
    for line in text.splitlines():
        fields = dict(f.partition("=")[::2] for f in line.split("|"))
        if "size" in fields:
            pts, dts = (None if fields.get(k, "N/A") == "N/A" else float(fields[k])
                        for k in ("pts_time", "dts_time"))
            found.append((pts, dts, int(fields["size"]), "K" in fields.get("flags", "")))
    return found


def dts_gaps(path, stream="v:0", limit=0.05):
    """[(dts, step)] where the step to the next packet is above @limit or not positive."""
    times = [dts for _, dts, _, _ in packets(path, stream) if dts is not None]
    return [(a, b - a) for a, b in zip(times, times[1:]) if b - a > limit or b - a <= 0]


def continuity_errors(path):
    """Breaks of the continuity counters of a transport stream."""
    with open(path, "rb") as file:
        done = subprocess.run([os.path.join(TESTS, "tscheck")], stdin=file, capture_output=True,
                              check=True)
    return json.loads(done.stdout)["continuity_errors"]


# --- the platform's stand-in ------------------------------------------------------------------

class Nginx:
    """nginx with its RTMP module, private: application `live` records everything that is pushed,
    `drop` closes publishers that are idle for two seconds; tls: RTMPS on .tls_port."""

    def __init__(self, directory, tls=False):
        if not shutil.which("nginx"):
            raise Skip("nginx is not installed")
        self.directory = directory
        self.records = os.path.join(directory, "records")
        self.certificate = os.path.join(directory, "cert.pem")
        os.makedirs(self.records, exist_ok=True)
        self.port, self.http_port = free_tcp_port(), free_tcp_port()
        self.tls_port = free_tcp_port() if tls else 0
        if tls:
            self._make_certificate()
        config = os.path.join(directory, "nginx.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write(self._config())
        self.process = Process(["nginx", "-e", "stderr", "-p", directory, "-c", config],
                               name="nginx")
        wait_for(lambda: port_is_open(self.port), 10, "nginx")

    def _make_certificate(self):
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
             os.path.join(self.directory, "key.pem"), "-out", self.certificate])

    def _config(self):
        d = self.directory
        stream = f"""
stream {{
    server {{
        listen 127.0.0.1:{self.tls_port} ssl;
        ssl_certificate {self.certificate};
        ssl_certificate_key {d}/key.pem;
        proxy_pass 127.0.0.1:{self.port};
    }}
}}""" if self.tls_port else ""
        modules = [m for m in ("ngx_stream_module.so", "ngx_rtmp_module.so")
                   if os.path.exists("/usr/lib/nginx/modules/" + m)]
        if "ngx_rtmp_module.so" not in modules:
            raise Skip("nginx has no RTMP module here (libnginx-mod-rtmp)")
        loads = "".join(f"load_module /usr/lib/nginx/modules/{m};\n" for m in modules)
        temps = "".join(f"    {kind}_temp_path {d}/tmp-{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""{loads}
daemon off;
master_process off;
pid {d}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 256; }}
rtmp {{
    access_log off;
    server {{
        listen 127.0.0.1:{self.port};
        chunk_size 4096;
        application live {{
            live on;
            record all;
            record_path {self.records};
            record_unique on;
        }}
        application drop {{
            live on;
            drop_idle_publisher 2s;
        }}
    }}
}}
http {{
    access_log off;
{temps}    server {{
        listen 127.0.0.1:{self.http_port};
        location /stat {{ rtmp_stat all; }}
    }}
}}{stream}
"""

    def url(self, key="stream", application="live"):
        """Where to push."""
        return f"rtmp://127.0.0.1:{self.port}/{application}/{key}"

    def recordings(self):
        """The files of what was pushed, oldest first."""
        files = [os.path.join(self.records, f) for f in os.listdir(self.records)]
        return sorted(files, key=os.path.getmtime)

    def stat(self):
        """The XML of /stat."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/stat", timeout=5) as page:
            return page.read().decode()

    def stop(self):
        """Ends it; the recordings are complete then."""
        return self.process.stop()
