#!/usr/bin/env python3
"""What goes in comes out: the real programs on loopback, every kind of input and output that needs
no encoder, bit for bit and on time."""
import os
import socket
import subprocess
import threading

import media
from media import Checker, Process, case, check, free_port, wait_for
from pair import Pair, recording, whole

TSGEN = os.path.join(media.TESTS, "tsgen")
TSCHECK = os.path.join(media.TESTS, "tscheck")


@case
def udp_to_udp_loses_nothing_and_takes_the_latency(directory):
    pair = Pair(directory).wait_connected()
    sent = pair.generate("10M", 5)["sent"]
    result = pair.checker.result()
    whole(result, sent)
    latency = result["latency_ms"]
    print(f"# latency ms: {latency}")
    check(980 <= latency["p50"] <= 1020, f"median latency {latency}")
    pair.stop()


@case
def streams_without_tables_pass_bit_for_bit_and_are_recorded_on_both_sides(directory):
    here, there = os.path.join(directory, "here"), os.path.join(directory, "there")
    original, copy = os.path.join(directory, "in.ts"), os.path.join(directory, "out.ts")
    pair = Pair(directory, 400, send=("--record", here), receive=("--record", there),
                checker=("--idle", "2", "--wait", "40", "--copy", copy)).wait_connected()
    sent = pair.generate("4M", 3, "--no-tables", "--pids", "random", "--null", "100",
                         "--copy", original)["sent"]
    result = pair.checker.result()
    check(result["corrupted"] == 0 and result["lost"] == 0, f"sent {sent}: {result}")
    pair.stop()
    with open(original, "rb") as file:
        wanted = file.read()
    for name, data in (("output", open(copy, "rb").read()), ("sender's recording", recording(here)),
                       ("receiver's recording", recording(there))):
        check(data == wanted, f"{name} has {len(data)} bytes of {len(wanted)}, or others")


def forward_to_multicast(process, group, port):
    """What @process writes, to a multicast group on the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        while True:
            data = process.stdout.read(1316)
            if not data:
                return
            out.sendto(data, (group, port))


@case
def multicast_comes_in_and_goes_out(directory):
    group, port, out_port = "239.255.77.1", free_port(), free_port()
    result = os.path.join(directory, "out.ts")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("239.255.77.2", out_port))
        sink.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        socket.inet_aton("239.255.77.2") + socket.inet_aton("127.0.0.1"))
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        pair = Pair(directory, 300, outputs=[f"udp://239.255.77.2:{out_port}?iface=lo&ttl=1"],
                    input_url=f"udp://{group}:{port}?iface=lo").wait_connected()
        with Process([TSGEN, "--rate", "4M", "--seconds", "2"], stdout=subprocess.PIPE) as source:
            forward_to_multicast(source, group, port)
        sink.settimeout(3)
        with open(result, "wb") as file:
            try:
                while True:
                    datagram = sink.recv(65536)
                    check(len(datagram) <= 1316 and len(datagram) % 188 == 0, "odd datagram")
                    file.write(datagram)
            except socket.timeout:
                pass
        pair.stop()
    with open(result, "rb") as file, Process([TSCHECK], stdin=file, stdout="lines") as checker:
        checked = _result(checker)
    whole(checked, checked["last"] + 1)
    check(checked["unique"] > 4e6 * 2 / 8 / 188 * 0.99, f"too few: {checked}")


def _result(process):
    import json  # pylint: disable=import-outside-toplevel
    process.wait(20)
    return json.loads(process.output[-1])


@case
def pipes_come_in_and_go_out_again_and_again(directory):
    source, sink = os.path.join(directory, "in"), os.path.join(directory, "out")
    os.mkfifo(source)
    os.mkfifo(sink)
    pair = Pair(directory, 300, outputs=[f"pipe:{sink}"], input_url=f"pipe:{source}")
    pair.wait_connected()
    got = []

    def read():
        with open(sink, "rb") as file:
            got.append(file.read())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    wait_for(lambda: any(job["name"] == "1" and job["state"] == "streaming"
                         for job in pair.receiver.snapshot().get("jobs", [])), 10, "the output pipe")
    # Writers come and go: a FIFO has no end.
    for run in range(2):
        with open(source, "wb") as file, Process(
                [TSGEN, "--rate", "4M", "--seconds", "1", "--first", str(run * 2659)],
                stdout=file) as process:
            check(process.wait(20) == 0, process.report)
    wait_for(lambda: any(job["name"] == "1" and job["bytes"] >= 2 * 2659 * 188
                         for job in pair.receiver.snapshot().get("jobs", [])), 10, "all of it")
    pair.stop()
    reader.join(10)
    path = os.path.join(directory, "out.ts")
    with open(path, "wb") as file:
        file.write(got[0])
    with open(path, "rb") as file, Process([TSCHECK], stdin=file, stdout="lines") as checker:
        result = _result(checker)
    check(result["lost"] == 0 and result["corrupted"] == 0 and result["unique"] > 5000,
          f"{result}")


@case
def standard_input_ends_the_sender_and_everything_arrives(directory):
    with Process([TSGEN, "--rate", "4M", "--seconds", "6"], stdout=subprocess.PIPE) as source:
        pair = Pair(directory, 300, input_url="pipe:", stdin=source.stdout)
        result = pair.checker.result()
        check(pair.sender.wait(15) == 0, pair.sender.report)
    # What came before the receiver answered is not sent live; from then on all of it is.
    check(result["lost"] == 0 and result["corrupted"] == 0, f"{result}")
    check(result["last"] + 1 == 15957 or result["unique"] > 10000, f"{result}")
    pair.receiver.stop()


@case
def several_outputs_get_the_same(directory):
    checkers = [Checker("--idle", "2", "--wait", "40") for _ in range(3)]
    pair = Pair(directory, 300, outputs=[f"udp://127.0.0.1:{c.port}" for c in checkers])
    pair.wait_connected()
    sent = pair.generate("6M", 3)["sent"]
    for checker in checkers:
        whole(checker.result(), sent)
    pair.stop()


@case
def an_srt_encoder_comes_in_and_an_srt_player_gets_it(directory):
    port, out = media.free_port(), media.free_port()
    checker = Checker("--idle", "2", "--wait", "40")
    srt = os.path.join(media.BIN, "uplinkd-srt")
    tschecked = os.path.join(directory, "out.ts")
    with open(tschecked, "wb") as file:
        player = Process([srt, "receive", "--listen", f"127.0.0.1:{out}", "--latency", "200"],
                         stdout=file, name="player")
        pair = Pair(directory, 300, outputs=[f"srt://127.0.0.1:{out}",
                                             f"udp://127.0.0.1:{checker.port}"],
                    input_url=f"srt://:{port}").wait_connected()
        player.wait_line("connected", 15)
        with Process([TSGEN, "--rate", "4M", "--seconds", "4"], stdout=subprocess.PIPE) as source:
            encoder = Process([srt, "send", "--to", f"127.0.0.1:{port}", "--latency", "200"],
                              stdin=source.stdout, name="encoder")
            encoder.wait(30)
        result = checker.result()
        check(result["lost"] == 0 and result["corrupted"] == 0 and result["unique"] > 10000,
              f"{result}")
        pair.stop()
        player.stop()
    with open(tschecked, "rb") as file, Process([TSCHECK], stdin=file, stdout="lines") as process:
        result = _result(process)
    check(result["lost"] == 0 and result["corrupted"] == 0 and result["unique"] > 10000,
          f"player: {result}")


if __name__ == "__main__":
    media.main()
