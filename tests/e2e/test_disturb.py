#!/usr/bin/env python3
"""Strangers, junk, garbage, vanished peers and reloads: told in one clear line, and nothing else is
disturbed."""
# Runs beside another.
import os
import secrets
import signal
import socket
import time

import media
from media import Checker, Process, case, check, free_port, wait_for
from pair import Pair, Program, jobs, sent_by, whole, write_key


@case
def strangers_and_junk_change_nothing(directory):
    pair = Pair(directory, 300).wait_connected()
    generator = pair.generator("6M", 8)
    other = write_key(directory, "other")
    stranger = Program("send", directory, "--input", f"udp://127.0.0.1:{free_port()}", "--to",
                       f"127.0.0.1:{pair.port}", "--key-file", other, "--uplink", "x=127.0.0.9")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as junk:
        for i in range(20000):
            data = secrets.token_bytes(1 + i % 1400)
            if i % 4 == 0:
                data = bytes([0xa1, 1, 0, 0]) + secrets.token_bytes(196)
            elif i % 4 == 1:
                data = bytes([0xc0 | i % 63]) + data
            junk.sendto(data, ("127.0.0.1", pair.port))
            if i % 100 == 0:
                time.sleep(0.01)
    pair.receiver.wait_line("refused: check that its key is the same", 10)
    pair.receiver.wait_line("datagrams that are not of uplinkd", 10)
    stranger.wait_line("no answer from .* is the key the same", 15)
    stranger.kill()
    whole(pair.checker.result(), sent_by(generator))
    told = [line for line in pair.receiver.errors if "refused" in line or "not of uplinkd" in line]
    check(len(told) <= 8, f"the log is flooded: {len(told)} lines")
    bond = pair.receiver.snapshot()["bond"]
    print(f"# counted: {({k: v for k, v in bond.items() if 'input' in k or 'hello' in k})}")
    pair.stop()


@case
def garbage_on_the_input_is_told_and_left_out(directory):
    pair = Pair(directory, 300).wait_connected()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for _ in range(50):
            out.sendto(b"this is no transport stream " * 20, ("127.0.0.1", pair.input_port))
    pair.sender.wait_line("input is not MPEG-TS: .* Set the encoder", 10)
    sent = pair.generate("4M", 2)["sent"]
    whole(pair.checker.result(), sent)
    check(jobs(pair.sender, "input")[0]["ts_errors"] > 10000, "garbage is not counted")
    pair.stop()


@case
def a_vanished_output_host_is_told_and_hurts_no_other(directory):
    checker, gone = Checker("--idle", "2", "--wait", "40"), free_port()
    pair = Pair(directory, 300, outputs=[f"udp://127.0.0.1:{gone}",
                                         f"udp://127.0.0.1:{checker.port}"]).wait_connected()
    sent = pair.generate("4M", 3)["sent"]
    pair.receiver.wait_line(rf"output 1: .*{gone}: .*nothing listens there", 5)
    whole(checker.result(), sent)
    pair.stop()


@case
def a_reload_adds_and_removes_outputs_while_the_stream_runs(directory):
    first, second = (Checker("--idle", "2", "--wait", "40") for _ in range(2))
    config, port = os.path.join(directory, "receiver.conf"), free_port()
    key = write_key(directory)

    def write(**outputs):
        with open(config, "w", encoding="ascii") as file:
            file.write(f"[receiver]\nlisten = 127.0.0.1:{port}\nkey-file = {key}\n"
                       "latency = 300ms\n")
            for name, checker in outputs.items():
                file.write(f"[output {name}]\nurl = udp://127.0.0.1:{checker.port}\n")

    write(one=first)
    receiver = Program("receive", directory, "--config", config)
    entry = free_port()
    sender = Program("send", directory, "--input", f"udp://127.0.0.1:{entry}", "--to",
                     f"127.0.0.1:{port}", "--key-file", key, "--latency", "300ms", "--uplink",
                     "one=127.0.0.2")
    sender.wait_line("transport: (connected|streaming)", 15)
    generator = Process([os.path.join(media.TESTS, "tsgen"), "--rate", "4M", "--seconds", "9",
                         "--to", f"udp://127.0.0.1:{entry}"], stdout="lines")
    wait_for(lambda: jobs(receiver, "one")[0]["bytes"] > 500000, 15, "the first output")
    write(one=first, two=second)
    receiver.send_signal(signal.SIGHUP)
    wait_for(lambda: jobs(receiver, "two") and jobs(receiver, "two")[0]["bytes"] > 500000, 15,
             "the second output")
    write(one=first)
    receiver.send_signal(signal.SIGHUP)
    wait_for(lambda: not jobs(receiver, "two"), 10, "the end of the second output")
    # A file with an error changes nothing.
    with open(config, "a", encoding="ascii") as file:
        file.write("[output three]\nurll = udp://127.0.0.1:1\n")
    receiver.send_signal(signal.SIGHUP)
    receiver.wait_line("not reloaded", 10)
    whole(first.result(), sent_by(generator))
    part = second.result()
    check(part["lost"] == 0 and 0 < part["unique"] < part["last"] + 1, f"{part}")
    check(sender.stop() == 0 and receiver.stop() == 0, "no clean end")


@case
def a_reload_adds_and_removes_uplinks_while_the_stream_runs(directory):
    checker, port, entry = Checker("--idle", "2", "--wait", "40"), free_port(), free_port()
    key, config = write_key(directory), os.path.join(directory, "sender.conf")

    def write(*addresses):
        with open(config, "w", encoding="ascii") as file:
            file.write(f"[sender]\nto = 127.0.0.1:{port}\nkey-file = {key}\nlatency = 500ms\n"
                       f"[input]\nurl = udp://127.0.0.1:{entry}\n")
            for address in addresses:
                file.write(f"[uplink u{address[-1]}]\naddress = {address}\n")

    def states(sender):
        return {u["name"]: u["state"] for u in sender.snapshot().get("uplinks", [])}

    write("127.0.0.2")
    receiver = Program("receive", directory, "--listen", f"127.0.0.1:{port}", "--key-file", key,
                       "--latency", "500ms", "--output", f"udp://127.0.0.1:{checker.port}")
    sender = Program("send", directory, "--config", config)
    sender.wait_line("transport: (connected|streaming)", 15)
    generator = Process([os.path.join(media.TESTS, "tsgen"), "--rate", "4M", "--seconds", "6",
                         "--to", f"udp://127.0.0.1:{entry}"], stdout="lines")
    write("127.0.0.2", "127.0.0.3")
    sender.send_signal(signal.SIGHUP)
    wait_for(lambda: states(sender).get("u3") == "up", 10, "the second uplink")
    write("127.0.0.3")
    sender.send_signal(signal.SIGHUP)
    wait_for(lambda: "u2" not in states(sender), 10, "the end of the first uplink")
    whole(checker.result(), sent_by(generator))
    check(sender.stop() == 0 and receiver.stop() == 0, "no clean end")


@case
def the_second_receiver_is_tried_when_the_first_does_not_answer(directory):
    checker, port, entry = Checker("--idle", "2", "--wait", "60"), free_port(), free_port()
    key = write_key(directory)
    receiver = Program("receive", directory, "--listen", f"127.0.0.1:{port}", "--key-file", key,
                       "--latency", "300ms", "--output", f"udp://127.0.0.1:{checker.port}")
    sender = Program("send", directory, "--input", f"udp://127.0.0.1:{entry}", "--to",
                     f"127.0.0.1:{free_port()}", "--to", f"localhost:{port}", "--key-file", key,
                     "--latency", "300ms", "--uplink", "one=127.0.0.2")
    sender.wait_line(f"going on to localhost:{port}", 20)
    sender.wait_line("transport: (connected|streaming)", 20)
    sent = media.generate("--rate", "4M", "--seconds", "1", "--to",
                          f"udp://127.0.0.1:{entry}")["sent"]
    whole(checker.result(), sent)
    check(sender.stop() == 0 and receiver.stop() == 0, "no clean end")


@case
def a_host_that_cannot_be_resolved_is_told(directory):
    sender = Program("send", directory, "--input", f"udp://127.0.0.1:{free_port()}", "--to",
                     "no-such-host.invalid:7000", "--key-file", write_key(directory))
    sender.wait_line("cannot resolve no-such-host.invalid: .*; trying again", 30)
    check(sender.stop() == 0, sender.report)


if __name__ == "__main__":
    media.main()
