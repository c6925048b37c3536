#!/usr/bin/env python3
"""uplinkd-rtmp serve: publishers of every make, and strangers."""
import os
import random
import shutil
import signal
import socket
import subprocess
import time

from media import (Process, Skip, Worker, case, check, continuity_errors, decode_errors, dts_gaps,
                   main, probe, run, wait_for)
from rtmp import (KEY, Push, Server, content, decoded, ffmpeg_push, paced, same_content, secret)


# --- serve: encoders -----------------------------------------------------------------------------

def publish(directory, make_command, sound=True, **kwargs):
    source = content(directory, **kwargs)
    server = Server(directory, "--key-file", secret(directory, KEY))
    with Process(make_command(source, server), name="publisher") as publisher:
        check(publisher.wait(40) == 0, publisher.report)
    server.wait_state("listening", "; waiting")
    path = server.finish()
    same_content(path, source, sound)
    check(continuity_errors(path) == 0, "continuity errors")
    check(not dts_gaps(path, limit=0.06), lambda: f"gaps: {dts_gaps(path, limit=0.06)[:5]}")
    return path


@case
def ffmpeg_publishes_what_comes_out_unchanged(directory):
    publish(directory, lambda source, server: [
        "ffmpeg", "-nostdin", "-v", "error", "-re", "-i", source, "-c", "copy", "-f", "flv",
        server.url()])


@case
def gstreamer_rtmp2sink_publishes_what_comes_out_unchanged(directory):
    gstreamer(directory, "rtmp2sink location={}")


@case
def librtmp_publishes_what_comes_out_unchanged(directory):
    gstreamer(directory, "rtmpsink location={}")


def gstreamer(directory, sink):
    if not shutil.which("gst-launch-1.0"):
        raise Skip("gst-launch-1.0 is not installed")
    if subprocess.run(["gst-inspect-1.0", sink.split()[0]], capture_output=True,
                      check=False).returncode:
        raise Skip(f"GStreamer has no {sink.split()[0]}")
    # librtmp cuts the key at "&" and GStreamer's parser wants it quoted: a plain key here.
    source = content(directory)
    server = Server(directory, "--key-file", secret(directory, "plainkey"))
    pipeline = (f"filesrc location={source} ! tsdemux name=d flvmux name=m streamable=true ! "
                f"{sink.format(server.url('plainkey'))} "
                "d. ! queue ! h264parse ! m. d. ! queue ! aacparse ! m.")
    with Process(["gst-launch-1.0", "-q", *pipeline.split()], name="gstreamer") as publisher:
        check(publisher.wait(40) == 0, publisher.report)
    server.wait_state("listening", "; waiting")
    path = server.finish()
    # tsdemux leaves out a few frames at the ends; what is there must be unharmed.
    check(not decode_errors(path), lambda: f"decode errors: {decode_errors(path)[:5]}")
    pictures, expected = decoded(path, "v"), decoded(source, "v")
    check(len(pictures) >= len(expected) - 4 and set(pictures) <= set(expected),
          f"{len(pictures)} of {len(expected)} pictures")
    check(continuity_errors(path) == 0, "continuity errors")


@case
def pictures_without_sound_and_sound_without_pictures_pass(directory):
    publish(directory, lambda source, server: [
        "ffmpeg", "-nostdin", "-v", "error", "-re", "-i", source, "-c", "copy", "-f", "flv",
        server.url()], sound=False, audio=None)
    source = content(directory, name="both.ts")
    server = Server(directory, app="/live/", name="sound.ts")
    server.app = "live"
    with ffmpeg_push(source, server.url(), "-vn") as publisher:
        check(publisher.wait(30) == 0, publisher.report)
    server.wait_state("listening", "; waiting")
    path = server.finish()
    check([s["codec_name"] for s in probe(path)] == ["aac"], "only sound was to come out")
    check(decoded(path, "a") == decoded(source, "a"), "the sound is another")


@case
def hevc_goes_from_push_to_serve_unchanged(directory):
    source = content(directory, codec="hevc")
    server = Server(directory, "--key-file", secret(directory, KEY))
    push = Push(directory, server.url(), feeder=paced(source))
    check(push.worker.wait(30) == 0, push.worker.report)
    server.wait_state("listening", "ended its stream")
    path = server.finish()
    check({s["codec_name"] for s in probe(path)} == {"hevc", "aac"}, "not HEVC and AAC")
    same_content(path, source)


@case
def an_encoder_that_comes_back_goes_on_in_the_same_stream(directory):
    source = content(directory, codec="h264")
    server = Server(directory)
    for _ in range(2):
        with ffmpeg_push(source, server.url()) as publisher:
            check(publisher.wait(30) == 0, publisher.report)
        time.sleep(0.3)
    path = server.finish()
    check(len(decoded(path, "v")) == 240, "not all pictures of both sessions")
    check(continuity_errors(path) == 0, "continuity errors")
    steps = dts_gaps(path, limit=0.1)
    check(len(steps) == 1 and 0.1 < steps[0][1] < 4, f"one pause was to be seen: {steps}")


@case
def an_encoder_that_changes_its_picture_and_codec_goes_on(directory):
    first = content(directory, name="a.ts", codec="h264", seconds=3)
    second = content(directory, name="b.ts", codec="h264", seconds=3, width=640, height=360)
    third = content(directory, name="c.ts", codec="hevc", seconds=3)
    server = Server(directory)
    for source in (first, second):
        with ffmpeg_push(source, server.url()) as publisher:
            check(publisher.wait(30) == 0, publisher.report)
    push = Push(directory, server.url(), feeder=paced(third))
    check(push.worker.wait(30) == 0, push.worker.report)
    server.wait_state("listening", "ended its stream")
    path = server.finish()
    check(continuity_errors(path) == 0, "continuity errors")
    # One decoder for each: the parts are cut where the tables change.
    widths = run(["ffprobe", "-v", "quiet", "-show_entries", "frame=width,media_type", "-of",
                  "csv=p=0", path]).decode()
    check(widths.count("video,640") == 90, f"{widths.count('video,640')} pictures of 640")
    pids = run(["ffprobe", "-v", "quiet", "-show_entries", "stream=id,codec_name", "-of",
                "csv=p=0", path]).decode()
    check("h264" in pids, pids)


# --- serve: strangers ------------------------------------------------------------------------------

def refused(server, url, source, line, directory):
    before = len(server.worker.errors)
    with ffmpeg_push(source, url) as publisher:
        check(publisher.wait(20) != 0, "the publisher was not refused")
    match = server.worker.wait_line(line)
    said = "\n".join(server.worker.errors[before:])
    check(KEY not in said and "wrongkey" not in said, f"a key is in the log: {said}")
    return match


@case
def a_wrong_key_app_or_a_second_encoder_is_refused_with_a_clear_line(directory):
    source = content(directory, seconds=8, codec="h264")
    server = Server(directory, "--key-file", secret(directory, KEY))
    refused(server, server.url("wrongkey"), source, "wrong stream key", directory)
    time.sleep(1.1)  # the limit of such lines is one a second
    refused(server, f"rtmp://127.0.0.1:{server.port}/other/{KEY}", source,
            'wanted the app "other"; only "live" is served', directory)
    time.sleep(1.1)
    with ffmpeg_push(source, server.url()) as publisher:
        server.wait_state("streaming")
        refused(server, server.url(), source, "wants to publish while 127.0.0.1:", directory)
        check(publisher.wait(30) == 0, publisher.report)
    same_content(server.finish(), source)


@case
def an_encoder_whose_network_broke_takes_over_from_itself(directory):
    source = content(directory, seconds=6, codec="h264")
    server = Server(directory, "--key-file", secret(directory, KEY))
    with ffmpeg_push(source, server.url()) as first:
        server.wait_state("streaming")
        first.send_signal(signal.SIGSTOP)

        def second_gets_in():
            with ffmpeg_push(source, server.url()) as second:
                return second.wait(30) == 0
        wait_for(second_gets_in, 30, "the second encoder to be taken")
    server.worker.wait_line("silent, gives way")


@case
def nonsense_disturbs_nothing_and_costs_a_line_a_second(directory):
    source = content(directory, seconds=8, codec="h264")
    server = Server(directory)
    rng = random.Random(7)

    def send(data, wait=True):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as s:
            s.sendall(data)
            if wait:
                s.settimeout(5)
                try:
                    while s.recv(65536):
                        pass
                except (ConnectionError, TimeoutError):
                    pass

    with ffmpeg_push(source, server.url()) as publisher:
        server.wait_state("streaming")
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(6)]
        begin = time.monotonic()
        send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        server.worker.wait_line("speaks HTTP, not RTMP")
        for _ in range(100):
            send(rng.randbytes(rng.randrange(1, 3000)), wait=False)
        for _ in range(20):
            send(b"\x03" + bytes(1536) + bytes(1536) + rng.randbytes(5000), wait=False)
        for s in silent:
            s.settimeout(10)
            check(s.recv(1) == b"", "a silent connection was not closed")
            s.close()
        seconds = time.monotonic() - begin
        check(2 < seconds < 8, f"silent connections were closed after {seconds:.1f} s")
        complaints = [e for e in server.worker.errors if "; closed" in e]
        check(len(complaints) <= seconds + 2, lambda: "\n".join(complaints))
        check(publisher.wait(30) == 0, publisher.report)
    check(wait_for(lambda: server.stats("refused") >= 100, 5, "the counter of refused ones"), "")
    same_content(server.finish(), source)


@case
def more_connections_than_allowed_do_not_lock_the_encoder_out_for_long(directory):
    source = content(directory, codec="h264")
    server = Server(directory)
    crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(40)]
    server.worker.wait_line("one connection too many")

    def gets_in():
        with ffmpeg_push(source, server.url()) as publisher:
            return publisher.wait(30) == 0
    wait_for(gets_in, 20, "the encoder to get in")
    for s in crowd:
        s.close()
    server.finish()


@case
def a_reader_that_stands_still_costs_bounded_memory_and_no_encoder(directory):
    source = content(directory, seconds=6, codec="h264", bitrate=8000000, picture="mandelbrot")
    worker = Worker(["uplinkd-rtmp", "serve", "--listen", "127.0.0.1:0", "--app", "live"],
                    stdout=subprocess.PIPE)
    port = worker.wait_event("ready")["port"]
    for _ in range(4):
        with Process(["ffmpeg", "-nostdin", "-v", "error", "-i", source, "-c", "copy", "-f",
                      "flv", f"rtmp://127.0.0.1:{port}/live/x"]) as publisher:
            check(publisher.wait(20) == 0, publisher.report)
    check(worker.rss_bytes() < 80e6, f"{worker.rss_bytes() / 1e6:.0f} MB")
    worker.stdout.close()
    check(worker.wait(10) == 0, worker.report)


if __name__ == "__main__":
    main(side_by_side=3)
