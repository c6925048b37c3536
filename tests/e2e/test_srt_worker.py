#!/usr/bin/env python3
"""uplinkd-srt alone: against srt-live-transmit, ffmpeg and itself, in every role."""
# Runs beside another.
import os
import signal
import subprocess
import threading
import time

from media import Process, Worker, case, check, free_port, main, make_content, run, wait_for
from srtlab import MESSAGE, PACKET, Sink, feed, packets, receiver, secret_file, sender, slt, stats


# --- the stream -------------------------------------------------------------------------------

@case
def a_stream_without_tables_passes_bit_for_bit():
    data = packets(14001)
    rx = receiver("--latency", "200")
    tx = sender(rx.port, "--latency", "200")
    feed(tx.stdin, data)
    rx.sink.wait(len(data))
    check(rx.sink.data == data, "the stream differs")
    tx.stdin.close()
    check(tx.wait(10) == 0, tx.report)
    check(stats(tx)["bytes"] == len(data) and not stats(tx)["dropped_bytes"], str(stats(tx)))
    check(rx.stop() == 0, rx.report)
    check(stats(rx)["bytes"] == len(data) and not stats(rx)["ts_errors"], str(stats(rx)))


@case
def the_senders_latency_decides_on_the_inner_leg_and_the_pacing_stays():
    rx = receiver("--inner")
    tx = sender(rx.port, "--inner", "--latency", "700")
    check("700" in rx.wait_event("state", state="connected")["reason"], "the receiver's latency")
    data = packets(7 * 300)
    sent = []
    for i in range(0, len(data), MESSAGE):
        sent.append((time.monotonic(), i + MESSAGE))
        tx.stdin.write(data[i:i + MESSAGE])
        tx.stdin.flush()
        time.sleep(0.005)
    rx.sink.wait(len(data))
    check(rx.sink.data == data, "the stream differs")
    delays = []
    for at, count in sent:
        delays.append(next(t for t, n in rx.sink.arrivals if n >= count) - at)
    delays.sort()
    middle = delays[len(delays) // 2]
    check(0.69 < middle < 0.75, f"median delay {middle:.4f} s")
    # On an idle machine this is below 2 ms; here others work too.
    spread = delays[len(delays) * 9 // 10] - delays[len(delays) // 10]
    print(f"# delay: median {middle * 1e3:.1f} ms, 10-90 % within {spread * 1e3:.2f} ms")
    check(spread < 0.030, f"jitter {spread:.4f} s")


@case
def a_few_packets_are_sent_at_once():
    rx = receiver("--inner")
    tx = sender(rx.port, "--inner", "--latency", "50")
    for i in range(1, 6):
        tx.stdin.write(packets(1, seed=i))
        tx.stdin.flush()
        rx.sink.wait(i * PACKET, 5)


@case
def what_is_no_transport_stream_is_counted_and_left_out():
    rx = receiver("--latency", "50")
    tx = sender(rx.port, "--latency", "50")
    data = packets(70)
    tx.stdin.write(bytes(MESSAGE))
    tx.stdin.write(data)
    tx.stdin.flush()
    rx.sink.wait(len(data))
    check(rx.sink.data == data, "the stream differs")
    wait_for(lambda: stats(rx).get("ts_errors") == MESSAGE, 5, "the count of garbage")


@case
def srt_live_transmit_calls_us():
    data = packets(7000)
    rx = receiver("--latency", "200", "--streamid", "live/cam1")
    peer = slt("file://con", f"srt://127.0.0.1:{rx.port}?streamid=#!::r=live/cam1,m=publish",
               stdin=subprocess.PIPE)
    rx.wait_event("state", state="connected")
    feed(peer.stdin, data)
    rx.sink.wait(len(data))
    check(rx.sink.data == data, "the stream differs")


@case
def we_call_srt_live_transmit():
    data = packets(7000)
    port = free_port()
    peer = slt(f"srt://127.0.0.1:{port}?mode=listener&latency=200", "file://con",
               stdout=subprocess.PIPE)
    sink = Sink(peer.stdout)
    tx = sender(port, "--latency", "200", "--streamid", "live/cam1")
    feed(tx.stdin, data)
    # It writes its output in large portions and keeps the last one to itself.
    sink.wait(len(data) // 2)
    check(data.startswith(sink.data), "the stream differs")


def frames(path):
    out = run(["ffprobe", "-v", "error", "-select_streams", "v", "-count_packets",
               "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", path])
    return int(out.decode().split()[0].strip(","))


@case
def ffmpeg_calls_us_and_is_called(directory):
    source = make_content(os.path.join(directory, "in.ts"), seconds=4, width=320, height=180,
                          bitrate=400000)
    port = free_port()
    target = os.path.join(directory, "out.ts")
    listener = Process(["ffmpeg", "-nostdin", "-v", "error", "-i",
                        f"srt://127.0.0.1:{port}?mode=listener&latency=200000", "-map", "0",
                        "-c", "copy", "-f", "mpegts", target])
    rx = receiver("--latency", "200", "--streamid", "studio")
    caller = Process(["ffmpeg", "-nostdin", "-v", "error", "-re", "-i", source, "-map", "0", "-c",
                      "copy", "-f", "mpegts",
                      f"srt://127.0.0.1:{rx.port}?streamid=studio&latency=200000"])
    tx = sender(port, "--latency", "200", wait=False)

    def copy():
        sent = 0
        # The end: the caller is gone and what was buffered has been played.
        while (caller.alive() or sent < len(rx.sink.data) or
               time.monotonic() - rx.sink.arrivals[-1][0] < 0.6):
            block = bytes(rx.sink.data[sent:])
            tx.stdin.write(block)
            tx.stdin.flush()
            sent += len(block)
            time.sleep(0.005)
    tx.wait_event("state", state="connected")
    copy()
    check(caller.wait(20) == 0, caller.report)
    tx.stdin.close()
    check(tx.wait(10) == 0, tx.report)
    check(listener.wait(20) == 0, listener.report)
    with open(os.path.join(directory, "middle.ts"), "wb") as file:
        file.write(rx.sink.data)
    count = frames(os.path.join(directory, "middle.ts"))
    # ffmpeg does not wait for the arrival of what it sent last.
    check(110 <= count <= 120, f"{count} frames of 120 came in")
    check(frames(target) == count, f"{frames(target)} frames of {count} came out")


# --- who may come in --------------------------------------------------------------------------

@case
def a_wrong_stream_id_is_refused_with_a_clear_line():
    rx = receiver("--streamid", "studio-seven")
    tx = sender(rx.port, "--streamid", "studio-eight", wait=False)
    tx.wait_line(r"forbids this stream id")
    tx.wait_event("alarm", id="srt-refused", active=True)
    rx.wait_line(r"refused a caller at 127\.0\.0\.1:\d+: wrong stream id")
    peer = slt("file://con", f"srt://127.0.0.1:{rx.port}", stdin=subprocess.PIPE)
    wait_for(lambda: sum("wrong stream id" in line for line in rx.errors) >= 2, 5, "two lines")
    peer.kill()
    check(not [1 for _, e in rx.events if e.get("state") == "connected"], "it was let in")
    check("studio-eight" not in "\n".join(rx.errors), "the stream id is in the log")
    good = sender(rx.port, "--streamid", "#!::r=studio-seven,m=publish")
    check(good.alive(), good.report)
    other = sender(rx.port, "--streamid", "#!::r=studio-seven,m=request", wait=False)
    other.wait_line(r"wrong direction")


@case
def passphrases_are_checked_and_never_shown(directory):
    good = secret_file(directory, "correct horse battery")
    wrong = secret_file(directory, "wrong horse battery")
    data = packets(700)
    rx = receiver("--passphrase-file", good)
    tx = sender(rx.port, "--passphrase-file", wrong, wait=False)
    tx.wait_line(r"the passphrases differ")
    rx.wait_line(r"refused a caller at .*: wrong passphrase, or none")
    none = sender(rx.port, wait=False)
    none.wait_line(r"one side has a passphrase")
    tx.kill()
    none.kill()
    tx = sender(rx.port, "--passphrase-file", good)
    feed(tx.stdin, data)
    rx.sink.wait(len(data))
    check(rx.sink.data == data, "the stream differs")
    plain = receiver()
    locked = sender(plain.port, "--passphrase-file", good, wait=False)
    locked.wait_line(r"one side has a passphrase")
    plain.wait_line(r"refused a caller at .*: its handshake failed")
    for worker in (rx, tx, plain, locked):
        with open(f"/proc/{worker.pid}/cmdline", "rb") as file:
            check(b"correct horse" not in file.read(), "the passphrase is in the command line")
        check("horse" not in "\n".join(worker.errors), "the passphrase is in the log")


@case
def a_second_publisher_is_refused_unless_the_first_is_silent():
    rx = receiver("--latency", "50")
    first = sender(rx.port, "--latency", "50")
    data = packets(70000)
    busy = threading.Event()
    feeder = threading.Thread(target=feed, args=(first.stdin, data, 300_000, busy.is_set),
                              daemon=True)
    feeder.start()
    rx.wait_event("state", state="streaming")
    second = sender(rx.port, "--latency", "50", wait=False)
    second.wait_line(r"somebody else is publishing")
    rx.wait_line(r"refused a caller at .*: somebody else is publishing")
    busy.set()
    feeder.join()
    # The first stays connected but says nothing: the next attempt of the second succeeds.
    second.wait_event("state", 15, state="connected")
    more = packets(70, seed=9)
    before = len(rx.sink.data)
    feed(second.stdin, more)
    rx.sink.wait(before + len(more))
    check(rx.sink.data.endswith(more), "the second publisher's stream is not there")
    first.wait_line(r"the connection ended", 10)


# --- other roles ------------------------------------------------------------------------------

@case
def players_call_a_listening_sender_and_one_that_hangs_disturbs_nobody():
    tx = Worker(["uplinkd-srt", "send", "--listen", "127.0.0.1:0", "--latency", "100",
                 "--callers", "2"], stdin=subprocess.PIPE)
    port = tx.wait_event("ready")["port"]
    pull = ["uplinkd-srt", "receive", "--from", f"127.0.0.1:{port}", "--latency", "100"]
    one, two = (Worker(pull, stdout=subprocess.PIPE) for _ in range(2))
    sink = Sink(one.stdout)
    wait_for(lambda: stats(tx).get("players") == 2, 10, "two players")
    three = Worker(pull, stdout=subprocess.PIPE)
    three.wait_line(r"too many connections")
    tx.wait_line(r"refused a caller at .*: all places are taken")
    three.kill()
    two.send_signal(signal.SIGSTOP)
    data = packets(7000)
    feed(tx.stdin, data)
    sink.wait(len(data))
    check(sink.data == data, "the stream differs")
    two.send_signal(signal.SIGCONT)
    two.kill()
    wait_for(lambda: stats(tx).get("players") == 1, 15, "the end of the hung player")
    peer = slt(f"srt://127.0.0.1:{port}?latency=100", "file://con", stdout=subprocess.PIPE)
    other = Sink(peer.stdout)
    wait_for(lambda: stats(tx).get("players") == 2, 10, "the new player")
    feed(tx.stdin, data)
    other.wait(len(data) // 2)
    check(data.startswith(other.data), "the stream differs")


@case
def groups_are_probed_and_told_of_in_one_line():
    rx = receiver("--groups")
    line = [x for x in rx.errors if "socket groups" in x]
    check(len(line) == 1, str(rx.errors))
    tx = sender(rx.port)
    check(tx.alive(), tx.report)


@case
def it_stops_cleanly_in_every_state(directory):
    rx = receiver()
    check(rx.stop() == 0, rx.report)
    tx = sender(free_port(), wait=False)
    tx.wait_event("state", state="connecting")
    check(tx.stop() == 0, tx.report)
    rx = receiver()
    tx = sender(rx.port)
    tx.command("stop")
    check(tx.wait(10) == 0, tx.report)
    rx.control.shutdown(2)
    check(rx.wait(10) == 0, rx.report)
    taken = receiver()
    clash = Worker(["uplinkd-srt", "receive", "--listen", f"127.0.0.1:{taken.port}"])
    check(clash.wait(10) == 73, clash.report)
    short = secret_file(directory, "short")
    for options, status in ((["send"], 64), (["send", "--to", "x"], 64),
                            (["receive", "--listen", ":0", "--latency", "65536"], 64),
                            (["send", "--to", "h:1", "--passphrase-file", short], 78),
                            (["send", "--to", "h:1", "--passphrase-file", "/nowhere"], 78)):
        worker = Worker(["uplinkd-srt", *options])
        check(worker.wait(10) == status, worker.report)


if __name__ == "__main__":
    main()
