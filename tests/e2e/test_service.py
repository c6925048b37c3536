#!/usr/bin/env python3
"""uplinkd as a service: what it tells its manager, reload, stop, and what others may see of it."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BIN = os.path.join(os.environ.get("UPLINKD_BUILD", "build"), "bin")
UPLINKD = os.path.join(BIN, "uplinkd")
CTL = os.path.join(BIN, "uplinkctl")
FAILED = []


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """uplinkd with the sockets of a manager of this test's own."""

    def __init__(self, *options, watchdog=None):
        self.folder = tempfile.mkdtemp(prefix="uplinkd-service-")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(os.path.join(self.folder, "notify"))
        self.manager.settimeout(15)
        self.heard = []
        self.key = os.path.join(self.folder, "key")
        subprocess.run([CTL, "genkey", self.key], stdout=subprocess.DEVNULL, check=True)
        self.control = os.path.join(self.folder, "control.sock")
        environment = dict(os.environ, NOTIFY_SOCKET=os.path.join(self.folder, "notify"),
                           RUNTIME_DIRECTORY=self.folder)
        environment.pop("WATCHDOG_USEC", None)
        if watchdog:
            environment["WATCHDOG_USEC"] = str(watchdog)
        self.log = open(os.path.join(self.folder, "log"), "w+b")  # pylint: disable=R1732
        self.process = subprocess.Popen(
            [UPLINKD, *(o.replace("KEY", self.key).replace("DIR", self.folder) for o in options)],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log, env=environment)

    def logged(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def until(self, word):
        """The next message to the manager that has @word; all are kept in order."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                message = self.manager.recv(4096).decode()
            except TimeoutError:
                break
            self.heard.append(message)
            if word in message:
                return message
        raise AssertionError(f"no {word}; heard {self.heard}; log:\n{self.logged()}")

    def ask(self, *arguments):
        done = subprocess.run([CTL, *arguments], capture_output=True, timeout=30, check=False,
                              env=dict(os.environ, RUNTIME_DIRECTORY=self.folder))
        return done.returncode, (done.stdout + done.stderr).decode()

    def end(self):
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.manager.close()
        self.log.close()
        shutil.rmtree(self.folder)


def receiver(*more, **kwargs):
    return Service("receive", "--listen", f"127.0.0.1:{free_port()}", "--key-file", "KEY",
                   "--output", f"udp://127.0.0.1:{free_port()}", *more, **kwargs)


def ready_and_stopping_are_told():
    with receiver() as service:
        message = service.until("READY=1")
        check("STATUS=" in message, message)
        service.process.send_signal(signal.SIGTERM)
        service.until("STOPPING=1")
        check(service.end() == 0, service.logged())


def the_sender_tells_them_too():
    with Service("send", "--input", f"udp://127.0.0.1:{free_port()}", "--to",
                 f"127.0.0.1:{free_port()}", "--key-file", "KEY", "--uplink",
                 "lo=127.0.0.1") as service:
        service.until("READY=1")
        service.process.send_signal(signal.SIGINT)
        service.until("STOPPING=1")
        check(service.end() == 0, service.logged())


def the_watchdog_is_fed():
    with receiver(watchdog=400000) as service:
        for _ in range(4):
            service.until("WATCHDOG=1")
        # A hung program feeds nothing: that is what the manager waits for.
        service.process.send_signal(signal.SIGSTOP)
        service.manager.settimeout(1)
        try:
            while True:
                service.manager.recv(4096)
        except TimeoutError:
            pass
        service.process.send_signal(signal.SIGCONT)
        service.manager.settimeout(15)
        service.until("WATCHDOG=1")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def reload_takes_the_new_and_refuses_the_wrong():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "receiver.conf")
        output = f"[output a]\nurl = udp://127.0.0.1:{free_port()}\n"
        begin = f"[receiver]\nlisten = 127.0.0.1:{free_port()}\n"
        write(path, begin + output)
        with Service("--config", path, "--key-file", "KEY") as service:
            service.until("READY=1")
            write(path, begin + output + f"[output b]\nurl = udp://127.0.0.1:{free_port()}\n")
            service.process.send_signal(signal.SIGHUP)
            message = service.until("RELOADING=1")
            check("MONOTONIC_USEC=" in message, message)
            service.until("READY=1")
            code, text = service.ask("status")
            check(code == 0 and "output a" in text and "output b" in text, text)

            two = output + f"[output b]\nurl = udp://127.0.0.1:{free_port()}\n"
            write(path, begin + "rate-max = 20M\n" + two)
            code, text = service.ask("reload")
            check(code == 0 and "[receiver] rate-max: the new setting takes effect at the next "
                  "start" in service.logged(), text + service.logged())
            service.until("RELOADING=1")
            service.until("READY=1")

            write(path, begin + output + "latancy = 3s\n")
            code, text = service.ask("reload")
            check(code == 69 and 'unknown key "latancy"' in text and "the old one stays" in text,
                  text)
            service.until("RELOADING=1")
            service.until("READY=1")
            check(f"{path}:5: [output a] unknown key" in service.logged(), service.logged())
            code, text = service.ask("status")
            check("output b" in text, "the old configuration is gone")
            code, text = service.ask("stop")
            check(code == 0 and service.end() == 0, text)


def a_reload_takes_up_another_stream_key():
    with tempfile.TemporaryDirectory() as folder:
        path, secret = os.path.join(folder, "receiver.conf"), os.path.join(folder, "secret")

        def keep(text):
            write(secret, text)
            os.chmod(secret, 0o600)

        keep("first")
        write(path, f"[receiver]\nlisten = 127.0.0.1:{free_port()}\n[output tube]\n"
                    f"url = rtmp://127.0.0.1:1/app\nkey-file = {secret}\n")
        with Service("--config", path, "--key-file", "KEY") as service:
            service.until("READY=1")
            for text, anew in (("first", False), ("second", True)):
                keep(text)
                check(service.ask("reload")[0] == 0, service.logged())
                check(("output tube: taken out" in service.logged()) == anew, service.logged())


def others_see_no_secret():
    with Service("receive", "--listen", f"127.0.0.1:{free_port()}", "--key-file", "KEY",
                 "--output", "tube=rtmp://127.0.0.1:1/app/HUSHHUSH") as service:
        service.until("READY=1")
        for _ in range(20):  # until the worker is there, which must not be told it either
            seen = ""
            for pid in [str(service.process.pid), *workers(service.process.pid)]:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    seen += file.read().replace(b"\0", b" ").decode()
            if "uplinkd-rtmp" in seen:
                break
            time.sleep(0.1)
        check("uplinkd-rtmp" in seen, seen)
        code, text = service.ask("status", "--json")
        check(code == 0 and "rtmp://127.0.0.1:1/app/***" in text, text)
        check("HUSH" not in seen + text + service.logged(), seen + text + service.logged())
        with open(f"/proc/{service.process.pid}/limits", encoding="ascii") as file:
            core = next(line for line in file if line.startswith("Max core"))
        check(core.split()[4:6] == ["0", "0"], core)


def workers(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


def an_address_in_use_is_one_clear_line():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with Service("receive", "--listen", address, "--key-file", "KEY", "--output",
                     f"udp://127.0.0.1:{free_port()}") as service:
            code = service.end()
            errors = [line for line in service.logged().splitlines() if "error" in line]
            check(code not in (0, None) and len(errors) == 1 and address in errors[0],
                  f"{code} {service.logged()}")


def main():
    for case in (ready_and_stopping_are_told, the_sender_tells_them_too, the_watchdog_is_fed,
                 reload_takes_the_new_and_refuses_the_wrong,
                 a_reload_takes_up_another_stream_key, others_see_no_secret,
                 an_address_in_use_is_one_clear_line):
        name = case.__name__.replace("_", " ")
        try:
            case()
            print(f"ok - {name}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            FAILED.append(name)
            print(f"not ok - {name}: {error}", flush=True)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
