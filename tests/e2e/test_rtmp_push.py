#!/usr/bin/env python3
"""uplinkd-rtmp push: nginx and RTMPS as platforms, and everything that goes wrong with them."""
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time

import media
from media import (Nginx, Process, case, check, decode_errors, dts_gaps, main, probe, run,
                   wait_for)
from rtmp import (KEY, Push, Server, content, flv_tags, paced, same_content, secret)


# --- push: platforms -----------------------------------------------------------------------------

def recorded(nginx, index=-1):
    """The last recording, complete."""
    nginx.stop()
    return nginx.recordings()[index]


@case
def nginx_gets_everything_and_players_can_watch(directory):
    source = content(directory, seconds=8)
    nginx = Nginx(directory)
    push = Push(directory, nginx.url(KEY), feeder=paced(source))
    push.wait_state("streaming")
    live = os.path.join(directory, "live.flv")
    if shutil.which("rtmpdump"):
        with Process(["rtmpdump", "-q", "-r", f"rtmp://127.0.0.1:{nginx.port}/live", "-y", KEY,
                      "--live", "--stop", "3", "-o", live]) as player:
            wait_for(lambda: not player.alive() or
                     os.path.exists(live) and os.path.getsize(live) > 100000, 20,
                     "something to watch")
        check({s["codec_name"] for s in probe(live)} == {"h264", "aac"}, "rtmpdump saw others")
        # What nginx makes of our metadata.
        said = run(["ffprobe", "-v", "error", "-show_streams", live]).decode()
        check("width=320" in said and "channels=2" in said, said)
        with open(live, "rb") as file:
            head = file.read(2000)
        check(b"\0\x09framerate\0\x40\x3e\0" in head, head)
    check(push.worker.wait(30) == 0, push.worker.report)
    path = recorded(nginx)
    same_content(path, source)
    check(not dts_gaps(path), lambda: f"gaps: {dts_gaps(path)[:5]}")
    streams = {s["codec_type"]: s for s in probe(path)}
    check(float(streams["video"]["start_time"]) < 0.2, "the times do not begin at 0")


@case
def tags_are_in_the_order_of_their_times(directory):
    source = content(directory)
    nginx = Nginx(directory)
    push = Push(directory, nginx.url(), feeder=paced(source))
    check(push.worker.wait(30) == 0, push.worker.report)
    times = [t for kind, t, _ in flv_tags(recorded(nginx)) if kind in (8, 9)]
    back = [(a, b) for a, b in zip(times, times[1:]) if b < a]
    check(not back, f"{len(back)} steps back: {back[:5]}")


@case
def a_change_of_the_picture_sends_a_new_sequence_header(directory):
    first = content(directory, name="a.ts", codec="h264", seconds=3)
    second = content(directory, name="b.ts", codec="h264", seconds=3, width=640, height=360)
    nginx = Nginx(directory)
    push = Push(directory, nginx.url())
    for source in (first, second):
        with paced(source) as feeder:
            shutil.copyfileobj(feeder.stdout, push.worker.stdin, 1316)
        push.worker.stdin.flush()
    push.worker.stdin.close()
    check(push.worker.wait(30) == 0, push.worker.report)
    path = recorded(nginx)
    headers = [body for kind, _, body in flv_tags(path) if kind == 9 and body[1] == 0]
    check(len(headers) == 2 and headers[0] != headers[1], f"{len(headers)} sequence headers")
    run(["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", path, "-fps_mode", "passthrough",
         "-f", "framemd5", "-"])
    gaps = dts_gaps(path, limit=1.5)
    check(not gaps, f"the times jump: {gaps}")


@case
def other_pids_and_codecs_in_mid_stream_are_found(directory):
    first = content(directory, name="a.ts", codec="h264", seconds=3)
    second = content(directory, name="b.ts", codec="hevc", seconds=3)
    server = Server(directory)
    push = Push(directory, server.url())
    pids = ["-mpegts_start_pid", "0x300", "-mpegts_pmt_start_pid", "0x1100"]
    for source, options in ((first, []), (second, []), (first, pids)):
        with Process(["ffmpeg", "-nostdin", "-v", "quiet", "-re", "-i", source, "-c", "copy",
                      *options, "-f", "mpegts", "-"], stdout=subprocess.PIPE) as feeder:
            shutil.copyfileobj(feeder.stdout, push.worker.stdin, 1316)
        push.worker.stdin.flush()
    push.worker.stdin.close()
    check(push.worker.wait(30) == 0, push.worker.report)
    server.wait_state("listening", "ended its stream")
    wait_for(lambda: server.stats("video_frames") >= 268, 5, "268 of 270 pictures")
    server.finish()
    check(push.stats("input_changes") >= 2, "the changes of the tables were not seen")


@case
def rtmps_is_verified(directory):
    source = content(directory)
    nginx = Nginx(directory, tls=True)
    url = f"rtmps://localhost:{nginx.tls_port}/live/{KEY}"
    push = Push(directory, url)
    push.wait_state("reconnecting", "certificate is not trusted")
    push.worker.wait_event("alarm", active=True)
    check(push.worker.stop() == 0, push.worker.report)
    check("ca-file" in push.wait_state("reconnecting")["reason"], "it does not say what to do")
    check(not nginx.recordings(), "something was sent to a server that is not trusted")
    wrong = Push(directory, url.replace("localhost", "127.0.0.2"), "--ca-file", nginx.certificate)
    wrong.wait_state("reconnecting", "")
    check(wrong.worker.stop() == 0, wrong.worker.report)
    push = Push(directory, url, "--ca-file", nginx.certificate, feeder=paced(source))
    check(push.worker.wait(30) == 0, push.worker.report)
    same_content(recorded(nginx), source)


@case
def a_certificate_for_another_name_is_refused(directory):
    nginx = Nginx(directory, tls=True)
    other = os.path.join(directory, "other.conf")
    certificate, key = os.path.join(directory, "o.pem"), os.path.join(directory, "o.key")
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=elsewhere.example", "-addext",
         "subjectAltName=DNS:elsewhere.example", "-keyout", key, "-out", certificate])
    with open(os.path.join(directory, "nginx.conf"), encoding="ascii") as file:
        text = file.read()
    port = media.free_tcp_port()
    text = (text.replace(nginx.certificate, certificate).replace(f"{directory}/key.pem", key)
            .replace(f"127.0.0.1:{nginx.tls_port} ssl", f"127.0.0.1:{port} ssl")
            .replace(f"listen 127.0.0.1:{nginx.port};", f"listen 127.0.0.1:{media.free_tcp_port()};",
                     1).replace(f"{nginx.http_port};", f"{media.free_tcp_port()};")
            .replace("nginx.pid", "other.pid"))
    with open(other, "w", encoding="ascii") as file:
        file.write(text)
    with Process(["nginx", "-e", "stderr", "-p", directory, "-c", other], name="nginx other"):
        wait_for(lambda: media.port_is_open(port), 10, "nginx")
        push = Push(directory, f"rtmps://localhost:{port}/live/x", "--ca-file", certificate)
        reason = push.wait_state("reconnecting")["reason"]
        check("not trusted" in reason and "another name" in reason, reason)


@case
def a_platform_that_dies_is_found_again(directory):
    source = content(directory, seconds=12, codec="h264")
    nginx = Nginx(directory)
    push = Push(directory, nginx.url(), feeder=paced(source))
    push.wait_state("streaming")
    wait_for(lambda: push.stats("video_frames") > 30, 10, "some pictures")
    nginx.process.kill()
    reason = push.wait_state("reconnecting", "trying again in 1 s")["reason"]
    check("127.0.0.1" in reason, reason)
    wait_for(lambda: push.count("reconnecting") >= 2, 10, "a second attempt")
    check("efused" in [e["reason"] for _, e in push.worker.events
                       if e.get("state") == "reconnecting"][1], "not: connection refused")
    nginx.process = Process(nginx.process.args, name="nginx again")
    wait_for(lambda: push.count("streaming") >= 2, 15, "streaming again")
    check(push.worker.wait(30) == 0, push.worker.report)
    path = recorded(nginx)
    check(not decode_errors(path), lambda: f"decode errors: {decode_errors(path)[:5]}")
    check(float(probe(path)[0]["start_time"]) < 0.3, "the times do not begin at 0 again")
    check(push.stats("reconnects") == 1, "one reconnect was to be counted")


@case
def a_platform_that_stops_reading_costs_pictures_not_memory(directory):
    source = content(directory, codec="h264", bitrate=12000000, picture="mandelbrot", width=640,
                     height=360)
    nginx = Nginx(directory)
    push = Push(directory, nginx.url(), feeder=paced(source, "-stream_loop", "4"))
    push.wait_state("streaming")
    wait_for(lambda: push.stats("video_frames") > 30, 10, "some pictures")
    nginx.process.send_signal(signal.SIGSTOP)
    end, most = time.monotonic() + 10, 0
    while time.monotonic() < end:
        most = max(most, push.worker.rss_bytes())
        check(push.worker.alive(), push.worker.report)
        time.sleep(0.2)
    nginx.process.send_signal(signal.SIGCONT)
    check(push.worker.wait(40) == 0, push.worker.report)
    check(most < 120e6, f"it grew to {most / 1e6:.0f} MB")
    check(push.stats("dropped_video") > 0, "nothing was dropped")
    check(push.stats("dropped_audio") == 0, "sound was dropped")
    check(push.count("reconnecting") == 0, "the session was lost")
    push.worker.wait_line("takes less than comes in")
    path = recorded(nginx)
    # At the seams of the loop the last sound of one round overlaps the first of the next.
    errors = [e for e in decode_errors(path) if "to muxer" not in e]
    check(not errors, lambda: f"decode errors: {errors[:5]}")
    check(not dts_gaps(path, "a:0", 0.06), "the sound has gaps")


@case
def an_input_that_pauses_keeps_the_session(directory):
    source = content(directory, seconds=6, codec="h264")
    nginx = Nginx(directory)
    feeder = paced(source)
    push = Push(directory, nginx.url(), feeder=feeder)
    push.wait_state("streaming")
    feeder.send_signal(signal.SIGSTOP)
    time.sleep(6)
    check(push.worker.alive() and push.count("reconnecting") == 0, push.worker.report)
    feeder.send_signal(signal.SIGCONT)
    check(push.worker.wait(30) == 0, push.worker.report)
    check(push.count("streaming") == 1, "the session was not kept")
    same_content(recorded(nginx), source)


@case
def a_server_that_says_no_is_quoted_and_asked_again(directory):
    server = Server(directory, "--key-file", secret(directory, KEY))
    push = Push(directory, server.url("wrongkey"))
    reason = push.wait_state("reconnecting", "refused the stream")["reason"]
    check("NetStream.Publish.BadName: The stream key is wrong." in reason, reason)
    wait_for(lambda: push.count("reconnecting") >= 2, 10, "another attempt")
    check("wrongkey" not in "\n".join(push.worker.errors), "the key is in the log")
    check(push.worker.stop() == 0, push.worker.report)


@case
def hosts_that_do_not_exist_or_speak_http_are_told(directory):
    push = Push(directory, "rtmp://no-such-host.invalid/live/x")
    push.wait_state("reconnecting", "cannot find the address of no-such-host.invalid", 20)
    nginx = Nginx(directory)
    other = Push(directory, f"rtmp://127.0.0.1:{nginx.http_port}/live/x")
    other.wait_state("reconnecting", "HTTP")
    for each in (push, other):
        check(each.worker.stop() == 0, each.worker.report)


@case
def an_input_that_is_no_stream_is_told_and_waited_for(directory):
    source = content(directory, codec="h264")
    server = Server(directory)
    push = Push(directory, server.url())
    noise = random.Random(1)
    begin = time.monotonic()

    def told():
        push.worker.stdin.write(noise.randbytes(20000))
        push.worker.stdin.flush()
        time.sleep(0.05)
        return any("without MPEG-TS tables" in line for line in push.worker.errors)
    wait_for(told, 20, "the line about the input")
    check(time.monotonic() - begin > 4, "too early")
    with paced(source) as feeder:
        shutil.copyfileobj(feeder.stdout, push.worker.stdin, 1316)
    push.worker.stdin.close()
    check(push.worker.wait(30) == 0, push.worker.report)
    server.wait_state("listening", "ended its stream")
    same_content(server.finish(), source)


@case
def codecs_that_cannot_be_sent_are_named(directory):
    source = content(directory, codec="mpeg2", audio="mp2")
    server = Server(directory)
    push = Push(directory, server.url(), feeder=paced(source))
    push.worker.wait_line("the video is mpeg2video and cannot be sent")
    push.worker.wait_line("the audio is mp[23] and cannot be sent")
    check(push.worker.wait(30) == 0, push.worker.report)


@case
def a_stop_says_goodbye_and_a_dead_uplinkd_does_not(directory):
    source = content(directory, seconds=8, codec="h264")
    for how in ("signal", "command", "orphan"):
        server = Server(directory, name=f"{how}.ts")
        push = Push(directory, server.url(), feeder=paced(source))
        server.wait_state("streaming")
        if how == "signal":
            push.worker.send_signal(signal.SIGTERM)
        elif how == "command":
            push.worker.command("stop")
        else:
            push.worker.control.shutdown(socket.SHUT_RDWR)
        check(push.worker.wait(8) == 0, push.worker.report)
        server.wait_state("listening",
                          "closed the connection" if how == "orphan" else "ended its stream")
        server.finish()


@case
def keys_are_in_no_command_line_and_no_log(directory):
    source = content(directory, codec="h264")
    key = "k3y-of-the-platform?s_bl=1&a=Abw"
    nginx = Nginx(directory)
    push = Push(directory, f"rtmp://127.0.0.1:{nginx.port}/live", "--stream-key-file",
                secret(directory, key, "key"), feeder=paced(source))
    push.wait_state("streaming")
    with open(f"/proc/{push.worker.pid}/cmdline", "rb") as file:
        check(b"k3y-of" not in file.read(), "the key is on the command line")
    hand = Process([os.path.join(media.BIN, "uplinkd-rtmp"), "push", "--url",
                    f"rtmp://127.0.0.1:{nginx.port}/live/{key}2"], stdin=subprocess.PIPE)
    hand.wait_line("accepts the stream")
    with open(f"/proc/{hand.pid}/cmdline", "rb") as file:
        check(b"k3y-of" not in file.read(), "the key stays on the command line")
    hand.stop()
    check(push.worker.wait(30) == 0, push.worker.report)
    said = "\n".join(push.worker.errors + hand.errors + [str(e) for e in push.worker.events])
    check("k3y-of" not in said, "the key is in the log")
    check(key in nginx.stat() or os.path.basename(recorded(nginx)).startswith("k3y"),
          "the key did not arrive whole")


@case
def settings_that_cannot_work_end_it_with_a_clear_line(directory):
    program = os.path.join(media.BIN, "uplinkd-rtmp")
    for args, status, text in (
            (["push", "--url", "http://x/y"], 78, "does not begin with rtmp"),
            (["push", "--url-file", "/nonexistent"], 78, "No such file"),
            (["push", "--url", "rtmps://h/a/k", "--ca-file", "/nonexistent"], 78, "cannot load"),
            (["push"], 64, "usage"), (["serve", "--listen", "127.0.0.1:0"], 64, "usage"),
            (["serve", "--listen", "127.0.0.1:99999", "--app", "live"], 64, "usage")):
        with Process([program, *args]) as process:
            check(process.wait(10) == status, process.report)
            check(re.search(text, "\n".join(process.errors)), process.report)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with Process([program, "serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--app",
                      "live"]) as process:
            check(process.wait(10) == 73, process.report)


if __name__ == "__main__":
    main(side_by_side=3)
