#!/usr/bin/env python3
"""uplinkctl against a control server of this test's own, which says what the test wants."""
import json
import os
import pty
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import fcntl
import threading
import time

BIN = os.path.join(os.environ.get("UPLINKD_BUILD", "build"), "bin")
CTL = os.path.join(BIN, "uplinkctl")
FAILED = []


def uplink(name, **more):
    entry = {"name": name, "device": "eth0", "type": "lan", "local": "192.0.2.1:1", "remote": "",
             "problem": "", "state": "up", "reason": "it answers again", "state_age_usec": 61000000,
             "cost": "free", "muted": False, "share_permille": 612, "tx_bps": 3700000,
             "rx_bps": 1000, "capacity_bps": 20000000, "rtt_usec": 10400, "queue_usec": 3000,
             "loss_ppm": 4200}
    entry.update(more)
    return entry


def job(kind, name, **more):
    entry = {"kind": kind, "name": name, "where": "srt://:5000", "state": "streaming", "reason": "",
             "alarm": "", "bytes": 123456789, "rate_bps": 6012000, "dropped_bytes": 0,
             "ts_errors": 0, "restarts": 0, "pid": 1}
    entry.update(more)
    return entry


def status_of_a_sender():
    return {
        "role": "sender", "version": "9.9", "unix_usec": 1700000000000000,
        "uptime_usec": 3723000000, "stream": "degraded",
        "bond": {"session_up": True, "policy": "backup", "session_age_usec": 61000000,
                 "latency_usec": 1000000,
                 "rtt_min_usec": 10400, "media_delivered": 81200, "media_lost": 3, "media_late": 5,
                 "parity_packets": 4100, "media_recovered": 0,
                 "media_queued": 12, "media_held": 0, "advice_bps": 8400000,
                 "advice_reason": "more capacity was proven"},
        "findings": [{"code": "rp-filter", "severity": "error", "uplink": "modem",
                      "text": "answers are dropped \x1b[2J", "advice": "sysctl it"}],
        "uplinks": [uplink("lan"),
                    uplink("stick", type="cellular", operator="Example Mobile", technology="LTE",
                           signal_dbm=-97, signal_percent=54),
                    uplink("radio", type="wifi", ssid="venue\x1b[2J", signal_dbm=-61,
                           bitrate_bps=144400000),
                    uplink("modem", state="dead", share_permille=0,
                           service="drained", notice="the operator", rate_max_bps=8000000,
                           day_bytes=1 << 30, cap_day_bytes=5 << 30,
                           problem="no default route; waiting for one")],
        "jobs": [job("input", "input", where="srt://:5000 \x1b[2Jevil\u009b2J"),
                 job("record", "record", state="failed", alarm="the disk is full"),
                 job("output", "tube", state="reconnecting", reason="refused; again in 2 s")],
        "log": [{"number": 1, "unix_usec": 1700000000000000, "level": 4,
                 "text": "modem: dead: silent"}],
    }


class Server:
    """Answers each request line by reply(request), a list of objects; closes when it gives None."""

    def __init__(self, path, reply):
        self.path, self.reply = path, reply
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        self.asked = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.client, args=(connection,), daemon=True).start()

    def client(self, connection):
        with connection:
            for line in connection.makefile("r"):
                request = json.loads(line)
                self.asked.append(request)
                for answer in self.reply(request):
                    if answer is None:
                        return
                    if callable(answer):
                        answer()
                        continue
                    try:
                        connection.sendall(json.dumps(answer).encode() + b"\n")
                    except OSError:
                        return

    def close(self):
        self.listener.close()
        os.unlink(self.path)


def status_reply(_):
    return [{"ok": True, "status": status_of_a_sender()}]


def run(*arguments, **environment):
    env = dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC", RUNTIME_DIRECTORY=DIRECTORY)
    env.update(environment)
    done = subprocess.run([CTL, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30, env=env, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def genkey_writes_a_private_key_once():
    path = os.path.join(DIRECTORY, "key")
    code, out, _ = run("genkey", path)
    check(code == 0 and ": key " in out, out)
    check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, "mode")
    with open(path, encoding="ascii") as file:
        text = file.read()
    check(len(text) == 45 and text.endswith("=\n"), text)
    code, _, err = run("genkey", path)
    check(code == 1 and "is not overwritten" in err, err)
    with open(path, encoding="ascii") as file:
        check(file.read() == text, "the key was changed")
    code, out2, _ = run("genkey", path + "2")
    check(out.split("key ")[1] != out2.split("key ")[1], "two keys are the same")


def nothing_running_is_told():
    code, _, err = run("status")
    check(code == 69 and "no uplinkd is running" in err and err.count("\n") == 1, err)
    code, _, err = run("--socket", os.path.join(DIRECTORY, "none.sock"), "status")
    check(code == 69 and "No such file" in err, err)


def a_dead_socket_is_passed_over():
    path = os.path.join(DIRECTORY, "receive.sock")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path)
    dead.close()
    code, _, err = run("status")
    check(code == 69 and "no uplinkd is running" in err, err)
    code, _, err = run("status", "--socket", path)
    check(code == 69 and "no uplinkd is running there" in err, err)
    os.unlink(path)


def status_tells_everything_that_matters():
    server = Server(os.path.join(DIRECTORY, "send.sock"), status_reply)
    code, out, err = run("status")
    server.close()
    check(code == 0, err)
    for text in ("sender  degraded", "running for 1 h 02 min", "81 200 delivered, 3 lost, 5 late",
                 "12 waiting to be sent; 4 100 of parity",
                 "8.40 Mb/s: more capacity was proven", "61 %", "3.70 Mb/s", "10.4 ms", "3.0 ms",
                 "0.42 %", "no default route; waiting for one", "the disk is full",
                 "refused; again in 2 s", "123 MB", "output tube", "modem: dead: silent",
                 "policy backup", "drained: the operator", "limited to 8.00 Mb/s",
                 "1.00 GiB of 5.00 GiB today", "22:13:20",
                 "Example Mobile LTE -97 dBm 54 %", "-61 dBm radio 144 Mb/s",
                 "error    modem: answers are dropped ?[2J; sysctl it"):
        check(text in out, f"{text!r} is missing in\n{out}")
    check("\x1b" not in out and "\u009b" not in out, "a control character came through")


def doctor_prints_a_line_for_each_finding():
    fine = {"code": "vpn", "severity": "ok", "uplink": "", "text": "no VPN", "advice": ""}
    bad = status_of_a_sender()["findings"][0]
    for findings, expected in (([fine], 0), ([bad, fine], 1)):
        server = Server(os.path.join(DIRECTORY, "send.sock"), lambda request, f=findings: [
            {"ok": request["command"] == "doctor", "findings": f}])
        code, out, err = run("doctor")
        server.close()
        check(code == expected and out.count("\n") == len(findings), out + err)
        check("ok       no VPN" in out, out)


def a_receiver_is_told_by_what_it_receives():
    status = status_of_a_sender()
    status["role"] = "receiver"
    status["bond"]["media_recovered"] = 17
    server = Server(os.path.join(DIRECTORY, "receive.sock"),
                    lambda _: [{"ok": True, "status": status}])
    code, out, err = run("status")
    server.close()
    check(code == 0 and "1.00 kb/s" in out and "held for order; 17 got back from parity" in out,
          out + err)


def json_is_passed_through():
    server = Server(os.path.join(DIRECTORY, "send.sock"), status_reply)
    code, out, err = run("status", "--json")
    server.close()
    check(code == 0 and json.loads(out) == status_of_a_sender(), err)


def several_are_told_apart():
    one = Server(os.path.join(DIRECTORY, "send.sock"), status_reply)
    two = Server(os.path.join(DIRECTORY, "receive.sock"), status_reply)
    code, _, err = run("status")
    check(code == 69 and one.path in err and two.path in err and "--socket" in err, err)
    code, out, err = run("--socket", "receive", "status")
    check(code == 0 and "degraded" in out, err)
    code, out, err = run("--socket", one.path, "status")
    check(code == 0 and "degraded" in out, err)
    one.close()
    two.close()


def reload_and_stop_tell_the_outcome():
    server = Server(os.path.join(DIRECTORY, "send.sock"), lambda request: [
        {"ok": True} if request["command"] == "stop" else
        {"ok": False, "error": "the configuration has errors"}])
    code, _, err = run("reload")
    check(code == 69 and "the configuration has errors" in err, err)
    code, out, err = run("stop")
    check(code == 0 and "stopping" in out, err)
    server.close()


def orders_are_asked_for_as_they_were_typed():
    def reply(request):
        if request["command"] == "policy":
            return [{"ok": True, "policy": request.get("policy", "aggregate")}]
        if request["name"] == "nobody":
            return [{"ok": False, "error": "there are: lan, cell"}]
        return [{"ok": True, "name": request["name"], "service": "muted",
                 "warning": "all is quiet" if request["action"] == "mute" else ""}]
    server = Server(os.path.join(DIRECTORY, "send.sock"), reply)
    check(run("policy") == (0, "policy aggregate\n", ""), server.asked)
    check(run("policy", "backup") == (0, "policy backup\n", ""), server.asked)
    code, out, err = run("uplink", "cell", "mute")
    check(code == 0 and "cell: mute; muted now" in out and "all is quiet" in err, out + err)
    code, out, err = run("uplink", "cell", "max", "8M")
    check(code == 0 and "max 8M" in out and not err, out + err)
    check(server.asked[-1] == {"command": "uplink", "name": "cell", "action": "max",
                               "value": "8M"}, server.asked)
    code, _, err = run("uplink", "nobody", "drain")
    check(code == 69 and "there are: lan, cell" in err, err)
    server.close()


def links_are_listed_with_their_reasons():
    links = [{"name": "eth0", "type": "lan", "kind": "", "path": "pci0000:00/1", "up": True,
              "carrier": True, "addresses": ["192.0.2.7/24"], "default_route": "ipv4",
              "uplink": "lan", "used": True, "reason": ""},
             {"name": "wg0", "type": "unknown", "kind": "wireguard", "path": "", "up": True,
              "carrier": True, "addresses": [], "default_route": "none", "uplink": "",
              "used": False, "reason": "runs over other interfaces"}]
    server = Server(os.path.join(DIRECTORY, "send.sock"), lambda _: [{"ok": True, "links": links}])
    code, out, err = run("links")
    check(code == 0, err)
    for text in ("eth0", "192.0.2.7/24; default route", "as uplink lan", "at pci0000:00/1", "wg0",
                 "wireguard", "not used", "no address", "runs over other interfaces"):
        check(text in out, f"{text!r} is missing in\n{out}")
    code, out, _ = run("links", "--json")
    server.close()
    check(code == 0 and json.loads(out) == links, out)
    code, _, err = run("links")
    check(code == 69 and "no uplinkd is running" in err, err)


def report_of_a_rehearsal():
    return {"seconds": 8, "latency_usec": 1000000, "policy": "backup",
            "capacity_p5_bps": 8000000, "capacity_median_bps": 9000000,
            "advice_p5_bps": 7000000, "advice_median_bps": 7500000, "advice_most_bps": 8000000,
            "received_packets": 12345, "lost_packets": 2, "delay_median_usec": 20000,
            "delay_p99_usec": 100000, "delay_p999_usec": 192000,
            "late": [{"latency_usec": 500000, "late_packets": 7, "at_most": False},
                     {"latency_usec": 2000000, "late_packets": 2, "at_most": True}],
            "sent_kbps": [1000, 2000, 3000, 4000, 4000, 4000, 4000, 4000],
            "capacity_kbps": [2000, 4000, 8000, 9000, 9000, 0, 9000, 9000],
            "uplinks": [{"name": "lan", "cost": "free", "answered": True,
                         "capacity_p5_bps": 5000000, "capacity_median_bps": 5500000,
                         "rtt_median_usec": 20400, "rtt_p95_usec": 30000, "jitter_usec": 5000,
                         "loss_ppm": 4200, "outages": 3, "down_seconds": 1, "bytes": 30000000,
                         "capacity_kbps": [1000, 2000, 5000, 5500, 5500, 0, 5500, 5500]}],
            "verdict": {"bitrate_bps": 5500000, "bitrate_max_bps": 7500000, "latency_usec": 600000,
                        "policy": "aggregate",
                        "lines": [{"level": "good", "text": "Encoder: 5.5 Mb/s. " + "word " * 30},
                                  {"level": "warning", "text": "lan: fell silent 3 times."}]}}


def a_rehearsal_is_followed_and_shown():
    def reply(request):
        phase = "done" if len(server.asked) > 1 else "running"
        rehearsal = {"phase": phase, "seconds": 8, "elapsed_seconds": 3, "advice_bps": 4000000,
                     "received_packets": 100, "lost_packets": 0, "ended": ""}
        if phase == "done":
            rehearsal["report"] = report_of_a_rehearsal()
        return [{"ok": True, "rehearsal": rehearsal}]
    server = Server(os.path.join(DIRECTORY, "send.sock"), reply)
    code, out, err = run("rehearse", "--minutes", "0.2", "--force")
    check(code == 0 and not err, err)
    check(server.asked[0] == {"command": "rehearse", "action": "start", "seconds": 12,
                              "force": True}, server.asked)
    for text in ("second by second", "\u2588", "9.00 Mb/s", "lan ", "5.50 Mb/s", "5.00 Mb/s",
                 "20.4 ms", "0.42 %", "30.0 MB", "12 345 packets arrived, 2 were lost",
                 "at 500 ms: 7", "at most 2",
                 "  * Encoder: 5.5 Mb/s.", "  ! lan: fell silent"):
        check(text in out, f"{text!r} is missing in\n{out}")
    check(max(len(line) for line in out.splitlines()[-4:]) <= 78, out)
    check("\x1b" not in out, "colours without a terminal")
    code, out, _ = run("rehearse", LC_ALL="C")
    check(code == 0 and "#" in out and "\u2588" not in out, out)
    code, out, _ = run("rehearse", "--json")
    check(code == 0 and json.loads(out)["report"] == report_of_a_rehearsal(), out)
    server.close()


def an_end_in_the_middle_is_told():
    server = Server(os.path.join(DIRECTORY, "send.sock"), lambda _: [None])
    code, _, err = run("status")
    check(code == 69 and "uplinkd has ended" in err, err)
    server.close()


def nonsense_from_the_server_is_an_error():
    server = Server(os.path.join(DIRECTORY, "send.sock"), lambda _: [[1, 2]])
    code, _, err = run("status")
    check(code == 69 and err, "taken")
    server.close()


def wrong_arguments_are_told():
    for arguments in (("fly",), ("status", "x"), ("genkey",), ("--socket",), ("status", "--x"),
                      ("watch", "--interval", "1"), ("genkey", "a", "b"), ("uplink", "x"),
                      ("policy", "a", "b"), ("rehearse", "--minutes", "0"),
                      ("uplink", "a", "b", "c", "d", "e")):
        code, _, err = run(*arguments)
        check(code == 64 and "uplinkctl --help" in err, f"{arguments}: {code} {err}")
    code, _, err = run()
    check(code == 64 and "usage" in err, err)
    code, out, _ = run("--help")
    check(code == 0 and "check-config" in out, out)


def watch_without_a_terminal_writes_lines():
    status = status_of_a_sender()
    status["bond"]["media_recovered"] = 17
    server = Server(os.path.join(DIRECTORY, "send.sock"),
                    lambda _: [{"ok": True, "status": status}] * 3 + [None])
    code, out, err = run("watch", "--interval", "200")
    check(server.asked[0] == {"command": "watch", "interval_ms": 200}, server.asked)
    server.close()
    check(code == 1 and "uplinkd has ended" in err, err)
    check(out.count("\n") == 3 and "22:13:20 degraded, delivered 81200, lost 3" in out and
          "late 5, from parity 17" in out, out)


class Terminal:
    """A pseudo terminal with a program on it."""

    def __init__(self, rows, columns, *arguments):
        self.output = ""
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ.update(LC_ALL="C.UTF-8", TERM="xterm", RUNTIME_DIRECTORY=DIRECTORY)
            time.sleep(0.05)
            os.execv(CTL, [CTL, *arguments])
        self.resize(rows, columns)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, condition, what):
        end = time.monotonic() + 15
        while not condition(self.output):
            check(time.monotonic() < end, f"{what}: {self.output[-2000:]!r}")
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.output += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    check(condition(self.output), f"{what}: ended: {self.output[-2000:]!r}")

    def drain(self, seconds):
        while select.select([self.fd], [], [], seconds)[0]:
            try:
                self.output += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                return
            seconds = 0

    def wait(self):
        end = time.monotonic() + 15
        while time.monotonic() < end:
            done, code = os.waitpid(self.pid, os.WNOHANG)
            self.drain(0 if done else 0.1)
            if done:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(code)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError("did not end")


def last_frame(output):
    return output.split("\x1b[H")[-1].split("\x1b[J")[0]


def watch_server():
    def reply(_):
        for _ in range(200):
            yield {"ok": True, "status": status_of_a_sender()}
            yield lambda: time.sleep(0.1)
    return Server(os.path.join(DIRECTORY, "send.sock"), reply)


def watch_draws_in_place_follows_the_size_and_puts_the_terminal_back():
    server = watch_server()
    terminal = Terminal(40, 100, "watch", "--interval", "100")
    terminal.until(lambda o: o.count("\x1b[J") >= 3, "three frames")
    check("\x1b[?1049h" in terminal.output and "\x1b[2J" not in terminal.output, "screen")
    check("\x1b[32mup" in terminal.output, "no colour")
    check("LAST CHANGES" in last_frame(terminal.output), "the log is missing")
    terminal.resize(10, 40)
    begin = len(terminal.output)
    terminal.until(lambda o: o[begin:].count("\x1b[J") >= 3, "frames after the resize")
    frame = last_frame(terminal.output)
    check(frame.count("\n") == 9, f"{frame.count(chr(10)) + 1} rows on a screen of 10")
    os.write(terminal.fd, b"q")
    code = terminal.wait()
    server.close()
    check(code == 0, f"exit {code}")
    check(terminal.output.rstrip().endswith("\x1b[?25h\x1b[?1049l"), "not put back")


def watch_puts_the_terminal_back_on_a_signal_and_at_the_end_of_uplinkd():
    server = watch_server()
    terminal = Terminal(24, 80, "watch", "--interval", "100")
    terminal.until(lambda o: o.count("\x1b[J") >= 1, "a frame")
    os.kill(terminal.pid, signal.SIGTERM)
    code = terminal.wait()
    server.close()
    check(code == 0 and "\x1b[?1049l" in terminal.output, "signal")
    server = Server(os.path.join(DIRECTORY, "send.sock"), lambda r: status_reply(r) + [None])
    terminal = Terminal(24, 80, "watch")
    code = terminal.wait()
    server.close()
    check(code == 1, f"exit {code}")
    check("uplinkd has ended" in terminal.output.split("\x1b[?1049l")[1], "not told")


def main():
    for case in (genkey_writes_a_private_key_once, nothing_running_is_told,
                 a_dead_socket_is_passed_over, status_tells_everything_that_matters,
                 doctor_prints_a_line_for_each_finding,
                 a_receiver_is_told_by_what_it_receives, json_is_passed_through,
                 several_are_told_apart, reload_and_stop_tell_the_outcome,
                 orders_are_asked_for_as_they_were_typed, links_are_listed_with_their_reasons,
                 a_rehearsal_is_followed_and_shown,
                 an_end_in_the_middle_is_told, nonsense_from_the_server_is_an_error,
                 wrong_arguments_are_told, watch_without_a_terminal_writes_lines,
                 watch_draws_in_place_follows_the_size_and_puts_the_terminal_back,
                 watch_puts_the_terminal_back_on_a_signal_and_at_the_end_of_uplinkd):
        name = case.__name__.replace("_", " ")
        try:
            case()
            print(f"ok - {name}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            FAILED.append(name)
            print(f"not ok - {name}: {error}", flush=True)
    return 1 if FAILED else 0


DIRECTORY = tempfile.mkdtemp(prefix="uplinkctl-")
try:
    sys.exit(main())
finally:
    shutil.rmtree(DIRECTORY)
