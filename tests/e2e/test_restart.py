#!/usr/bin/env python3
"""What is restarted, killed or hung recovers, and costs nobody else anything."""
# Runs beside another.
import os
import signal
import time

import media
from media import Checker, Process, case, check, free_port, wait_for
from pair import Pair, jobs, recording, sent_by, whole

SRT = os.path.join(media.BIN, "uplinkd-srt")


@case
def a_hung_output_disturbs_no_other(directory):
    record = os.path.join(directory, "record")
    checker, out = Checker("--idle", "2", "--wait", "40"), free_port()
    with Process([SRT, "receive", "--listen", f"127.0.0.1:{out}"], name="player") as player:
        pair = Pair(directory, 300, outputs=[f"srt://127.0.0.1:{out}",
                                             f"udp://127.0.0.1:{checker.port}"],
                    receive=("--record", record)).wait_connected()
        player.wait_line("connected", 15)
        push = pair.receiver.worker(rf"uplinkd-srt send --to 127.0.0.1:{out}")
        generator = pair.generator("6M", 26)
        wait_for(lambda: jobs(pair.receiver, "1")[0]["bytes"] > 1000000, 15, "the push to run")
        os.kill(push, signal.SIGSTOP)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            # The pipe and the bound of the queue fill up; the rest is dropped for this one only.
            check(pair.receiver.alive(), pair.receiver.report)
            time.sleep(1)
        os.kill(push, signal.SIGCONT)
        sent = sent_by(generator)
        whole(checker.result(), sent)
        pair.stop()
    check(len(recording(record)) == sent * 188, "the recording is not whole")


@case
def the_input_stops_and_returns(directory):
    pair = Pair(directory, 300, checker=("--idle", "5", "--wait", "40")).wait_connected()
    first = pair.generate("4M", 2)["sent"]
    pair.sender.wait_line("nothing comes in any more", 10)
    second = pair.generate("4M", 2, "--first", str(first))["sent"]
    whole(pair.checker.result(), first + second)
    pair.stop()


@case
def the_receiver_restarts(directory):
    pair = Pair(directory, 300, checker=("--idle", "4", "--wait", "40")).wait_connected()
    generator = pair.generator("4M", 12)
    wait_for(lambda: jobs(pair.receiver, "1")[0]["bytes"] > 500000, 15, "the stream")
    for end in (signal.SIGTERM, signal.SIGKILL):
        pair.receiver.send_signal(end)
        pair.receiver.wait(10)
        pair.start_receiver()
        wait_for(lambda: (jobs(pair.receiver, "1") or [{"bytes": 0}])[0]["bytes"] > 200000, 15,
                 "the stream after a restart")
    result = pair.checker.result()
    check(result["corrupted"] == 0, f"{result}")
    # It came back and stayed: the end of the stream is there.
    check(result["last"] + 1 == sent_by(generator), f"{result}")
    pair.stop()


@case
def killed_srt_workers_come_back(directory):
    pair = Pair(directory, 500, checker=("--idle", "4", "--wait", "40"),
                send=("--feed", "srt")).wait_connected()
    generator = pair.generator("4M", 14)
    wait_for(lambda: jobs(pair.receiver, "1")[0]["bytes"] > 500000, 15, "the stream")
    for program, pattern in ((pair.sender, "uplinkd-srt send"),
                             (pair.receiver, "uplinkd-srt receive")):
        before = jobs(pair.receiver, "1")[0]["bytes"]
        os.kill(program.worker(pattern), signal.SIGKILL)
        begin = time.monotonic()
        wait_for(lambda: jobs(pair.receiver, "1")[0]["bytes"] > before + 1500000, 15,
                 f"the stream after the kill of {pattern}")
        print(f"# {pattern}: 1.5 MB more after {time.monotonic() - begin:.1f} s")
    result = pair.checker.result()
    check(result["corrupted"] == 0, f"{result}")
    print(f"# lost {result['lost']} of {result['last'] + 1}, longest gap {result['gap_max_ms']} ms")
    check(result["last"] + 1 == sent_by(generator), f"{result}")
    pair.stop()


if __name__ == "__main__":
    media.main()
