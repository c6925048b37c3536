#!/usr/bin/env python3
"""The command line of uplinkd: what is wrong is told at once and clearly, with the right status."""
import os
import shutil
import subprocess
import sys
import tempfile

BIN = os.path.join(os.environ.get("UPLINKD_BUILD", "build"), "bin")
UPLINKD = os.path.join(BIN, "uplinkd")
CTL = os.path.join(BIN, "uplinkctl")
FAILED = []


def run(*arguments, program=UPLINKD, **environment):
    done = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30, env=dict(os.environ, **environment), check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def path(name):
    return os.path.join(DIRECTORY, name)


def write(name, text, mode=0o644):
    with open(path(name), "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path(name), mode)
    return path(name)


def key(mode=0o600, name="key"):
    return write(name, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", mode)


SENDER = ("send", "--input", "udp://127.0.0.1:5000", "--to", "h:7000", "--latency", "1000ms")
RECEIVER = ("receive", "--listen", "0.0.0.0:7000", "--output", "udp://127.0.0.1:6000",
            "--latency", "1000ms")


def options_alone_are_enough():
    for options in (SENDER, (*SENDER, "--uplink", "lan=eth0", "--uplink", "b=10.0.0.1,to=x:1"),
                    RECEIVER):
        code, out, err = run(*options, "--key-file", key(), "--check")
        check(code == 0 and "valid" in out and not err, f"{options}: {code} {out}{err}")


def all_errors_of_a_file_are_told_at_once():
    name = write("bad.conf", "[sender]\nto = h:7000\nlatancy = 2s\nlatency = 99s\n"
                             "[imput]\nurl = srt://:1\n[uplink a]\ncost = cheap\n")
    code, out, err = run("--config", name, "--check")
    check(code == 78 and not out, f"{code} {out}")
    check(err.splitlines() == [
        f'{name}:3: [sender] unknown key "latancy", did you mean "latency"?',
        f"{name}:4: [sender] latency: must be from 100ms to 1min",
        f"{name}:5: [imput] unknown section, did you mean [input]?",
        f"{name}:8: [uplink a] cost: must be one of auto, free, paid, expensive"], err)
    check(run("--config", name) == (78, "", err), "without --check")
    check(run("check-config", name, program=CTL) == (78, "", err), "uplinkctl check-config")


def the_section_of_the_file_says_the_role():
    sender = write("s.conf", f"[sender]\nto = h:1\nkey-file = {key()}\n[input]\nurl = srt://:1\n")
    code, out, err = run("--config", sender, "--check")
    check(code == 0 and "send" in out, out + err)
    code, out, err = run("receive", f"--config={sender}", "--check")
    check(code == 78 and "[sender] is for a sender, but this is a receiver" in err, err)
    code, _, err = run("--config", write("n.conf", "[input]\n"), "--check")
    check(code == 78 and "neither a section [sender] nor [receiver]" in err, err)


def an_unreadable_file_is_told():
    code, _, err = run("--config", path("none"))
    check(code == 78 and err == f"{path('none')}: cannot be read: No such file or directory\n", err)
    code, _, err = run("send", "--config", DIRECTORY)
    check(code == 78 and "not a file" in err, err)


def drop_ins_and_options_are_laid_on_top():
    main = write("d.conf", f"[sender]\nto = h:1\nkey-file = {key()}\n[input]\nurl = srt://:1\n")
    os.mkdir(main + ".d")
    write("d.conf.d/10.conf", "[sender]\nlatency = soon\n")
    code, _, err = run("--config", main, "--check")
    check(code == 78 and "d.conf.d/10.conf:2: [sender] latency" in err, err)
    write("d.conf.d/10.conf", "[sender]\npolicy = backup\n")
    code, _, err = run("--config", main, "--check")
    check(code == 0, err)
    code, _, err = run("--config", main, "--latency", "5", "--polizy", "backup", "--check")
    check(code == 78 and "--latency: must be a time" in err and "did you mean --policy?" in err,
          err)


def a_key_that_others_can_read_is_refused():
    for mode, fine in ((0o600, True), (0o400, True), (0o640, False), (0o604, False)):
        code, _, err = run(*SENDER, "--key-file", key(mode, f"key{mode}"), "--check")
        check((code == 0) == fine, f"{mode:o}: {code} {err}")
        check(fine or "can be read by others; close it with: chmod 600" in err, err)
    code, _, err = run(*SENDER, "--key-file", path("nokey"), "--check")
    check(code == 78 and "uplinkctl genkey" in err, err)
    code, _, err = run(*SENDER, "--key-file", write("short", "AAAA\n", 0o600), "--check")
    check(code == 78 and "does not hold a key" in err, err)


def genkey_and_uplinkd_show_the_same_fingerprint():
    code, out, err = run("genkey", path("made"), program=CTL)
    check(code == 0, err)
    fingerprint = out.splitlines()[0].split("key ")[1]
    code, out, err = run(*RECEIVER, "--key-file", path("made"), "--check")
    check(code == 0 and fingerprint in out, f"{fingerprint}: {out}{err}")


def secrets_are_not_told():
    code, out, err = run("receive", "--listen", ":1", "--key-file", key(), "--output",
                         "rtmp://h:99999/app/SECRET")
    check(code == 78 and "SECRET" not in out + err, out + err)
    code, out, err = run("receive", "--listen", ":1", "--key-file", key(), "--config", write(
        "o.conf", "[receiver]\n[output a]\nurl = srt://h:1?pasphrase=SECRET\n"))
    check(code == 78 and "SECRET" not in out + err and "o.conf:3: [output a] url" in err, err)


def nothing_to_do_is_told():
    code, _, err = run("send")
    check(code == 78 and "no receiver" in err and "no input" in err and "no key" in err, err)
    code, _, err = run("receive")
    check(code == 78 and "no address to listen on" in err and "nowhere to go" in err, err)
    code, _, err = run()
    check(code == 64 and "usage: uplinkd send" in err, err)
    code, _, err = run("sned")
    check(code == 64 and 'unknown verb "sned"' in err, err)


def help_and_version_are_told():
    code, out, _ = run("--version")
    check(code == 0 and out.startswith("uplinkd "), out)
    code, out, _ = run("--help")
    check(code == 0 and "usage" in out, out)
    for verb, option in (("send", "--input"), ("receive", "--listen")):
        code, out, _ = run(verb, "--help")
        check(code == 0 and option in out and "--key-file" in out, out)


def main():
    if not os.path.exists(UPLINKD):
        print("skip - the command line of uplinkd: it is not built")
        return 0
    for case in (options_alone_are_enough, all_errors_of_a_file_are_told_at_once,
                 the_section_of_the_file_says_the_role, an_unreadable_file_is_told,
                 drop_ins_and_options_are_laid_on_top, a_key_that_others_can_read_is_refused,
                 genkey_and_uplinkd_show_the_same_fingerprint, secrets_are_not_told,
                 nothing_to_do_is_told, help_and_version_are_told):
        name = case.__name__.replace("_", " ")
        try:
            case()
            print(f"ok - {name}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            FAILED.append(name)
            print(f"not ok - {name}: {error}", flush=True)
    return 1 if FAILED else 0


DIRECTORY = tempfile.mkdtemp(prefix="uplinkd-config-")
try:
    sys.exit(main())
finally:
    shutil.rmtree(DIRECTORY)
