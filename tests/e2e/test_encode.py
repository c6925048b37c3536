#!/usr/bin/env python3
"""The live encoder: uplinkd-av encode and export, with real decoders on the other side."""
import concurrent.futures
import os
import random
import time

import media
from avlive import Live, NOISE, PACKET, dts_of, is_video, pid_of, ts_packets
from media import alone, case, check


def check_clean(path, width=640, height=360, streams="0"):
    """Fails unless a decoder has nothing to complain about."""
    check(os.path.getsize(path) % PACKET == 0, "the output is not made of whole packets")
    check(media.decode_errors(path, streams) == [], lambda: media.decode_errors(path)[:5])
    check(media.continuity_errors(path) == 0, "continuity counters break")
    return media.read_pictures(path, width, height)


@alone
@case
def every_picture_passes_with_its_time_stamp_and_its_sound(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=5)
    live = Live(directory, "--rate-start", "1000000")
    live.feed(source)
    check(live.finish() == 0, live.worker.report)
    seen, before = check_clean(live.path), media.read_pictures(source)
    check(seen.numbers == list(range(150)), lambda: str(seen))
    check(seen.times == before.times, "time stamps have changed")
    check(len(media.packets(live.path, "a:0")) >= len(media.packets(source, "a:0")) - 10,
          "sound is missing")
    offsets = [(a, b) for a, b in zip(media.av_offsets(live.path, pictures=seen)[-4:],
                                      media.av_offsets(source, pictures=before)[-4:])]
    check(len(offsets) == 4 and all(abs(a - b) < 0.001 for a, b in offsets), offsets)
    keys = [p[0] for p in media.packets(live.path) if p[3]]
    check(all(1.9 < b - a < 2.1 for a, b in zip(keys, keys[1:])) and len(keys) == 3, keys)
    check(media.dts_gaps(live.path) == [], "gaps")
    latencies = live.latencies()
    print(f"# latency ms: p50 {latencies[len(latencies) // 2] * 1000:.0f} "
          f"max {latencies[-1] * 1000:.0f}")
    check(latencies[len(latencies) // 2] < 0.15, "the median picture takes over 150 ms")
    nulls = sum(1 for p in ts_packets(live.path) if pid_of(p) == 0x1fff)
    check(nulls == 0, f"{nulls} null packets")


@alone
@case
def the_output_follows_the_advice_down_and_up(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), width=480, height=270, seconds=9,
                                bitrate=5000000, extra_filter=NOISE)
    live = Live(directory, "--rate-start", "3000000")
    moments = {}

    def advise(bps):
        def give():
            moments[bps] = time.monotonic()
            live.worker.command("bitrate", bps=bps, reason="test")
        return give
    live.feed(source, [(3, advise(900000)), (6, advise(3600000))])
    check(live.finish() == 0, live.worker.report)
    down, up = moments[900000], moments[3600000]
    before = live.bps(down - 2, down)
    check(2700000 < before < 3200000, f"{before / 1e6:.2f} Mb/s at 3")
    first, second, rest = (live.bps(down + a, down + b) for a, b in ((0, 1), (1, 2), (1, 3)))
    rising = [live.bps(up + s, up + s + 1) for s in range(3)]
    print(f"# 3 -> 0.9 Mb/s: {first / 1e3:.0f} {second / 1e3:.0f}, then {rest / 1e3:.0f} kb/s; "
          f"0.9 -> 3.6: {' '.join(f'{r / 1e3:.0f}' for r in rising)} kb/s")
    # A picture of the old rate may be on its way.
    check(first < 950000, f"{first / 1e6:.2f} Mb/s in the first second after the step down")
    check(second < 950000, f"{second / 1e6:.2f} Mb/s in the second after the step down")
    check(600000 < rest < 945000, f"{rest / 1e6:.2f} Mb/s at 0.9")
    check(rising[2] > 0.9 * 3600000, f"{rising[2] / 1e6:.2f} Mb/s in the third second")
    seen = check_clean(live.path, 480, 270)
    check(seen.numbers == list(range(270)), lambda: str(seen))


@case
def codec_size_and_pids_may_change_in_the_middle(directory):
    one = media.make_content(os.path.join(directory, "1.ts"), seconds=3)
    two = os.path.join(directory, "2.ts")
    media.run([*media.content_args(width=480, height=272, seconds=3, first_frame=90, codec="hevc",
                                   audio="mp2"), "-output_ts_offset", "3",
               "-mpegts_start_pid", "0x200", "-mpegts_pmt_start_pid", "0x300", two])
    three = os.path.join(directory, "3.ts")
    media.run([*media.content_args(width=800, height=450, fps=25, seconds=3, first_frame=200),
               "-output_ts_offset", "6", three])
    live = Live(directory, "--rate-start", "1500000", speed=1.5)
    for path in (one, two, three):
        live.feed(path)
    check(live.finish() == 0, live.worker.report)
    times = sorted(live.given.values())
    gap = max(b - a for a, b in zip(times, times[1:]))
    check(gap < 1, f"no picture for {gap:.2f} s")
    check(media.decode_errors(live.path) == [], lambda: media.decode_errors(live.path)[:5])
    sizes = media.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                       "frame=width", "-of", "csv=p=0", live.path]).decode().split()
    counts = {w: sum(1 for s in sizes if s.startswith(w)) for w in ("640", "480", "800")}
    check(counts["640"] >= 88 and counts["480"] >= 85 and counts["800"] >= 70, counts)
    steps = [b[0] - a[0] for a, b in zip(media.packets(live.path), media.packets(live.path)[1:])]
    check(min(steps) > 0, "time goes back")


@case
def a_clock_that_jumps_becomes_one_picture_s_distance(directory):
    one = media.make_content(os.path.join(directory, "1.ts"), seconds=3)
    two = media.make_content(os.path.join(directory, "2.ts"), seconds=3, first_frame=90)
    live = Live(directory, speed=2)
    live.feed(one)
    live.feed(two)
    check(live.finish() == 0, live.worker.report)
    seen = check_clean(live.path)
    check(seen.missing <= 2 and seen.step_max < 0.2 and
          all(b > a for a, b in zip(seen.times, seen.times[1:])), lambda: str(seen))
    check(live.stats()[-1]["breaks"] <= 1, live.stats()[-1:])


def late_picture(after, ticks):
    """A change of packets: of the first picture after so many seconds of stream that has both time
    stamps, the one of showing is that much later."""
    done = []

    def spoil(packet):
        times = is_video(packet) and dts_of(packet)
        if done or not times or times[0] == times[1] or times[0] < 1.4 + after:
            return packet
        done.append(times)
        at = 5 + packet[4] if packet[3] & 0x20 else 4
        pts = round(times[0] * 90000) + ticks
        packet[at + 9:at + 14] = bytes([0x31 | pts >> 29 & 0xe, pts >> 22 & 0xff, pts >> 14 & 0xfe | 1,
                                        pts >> 7 & 0xff, pts << 1 & 0xfe | 1])
        return packet
    return spoil


@case
def a_damaged_time_stamp_costs_no_more_than_its_picture(directory):
    plain = media.make_content(os.path.join(directory, "in.ts"), seconds=4, codec="h264b")
    late = changed(plain, os.path.join(directory, "late.ts"), late_picture(1, 20 * 90000))
    live = Live(directory, "--no-pass", speed=2)
    live.feed(late)
    check(live.finish() == 0, live.worker.report)
    seen = check_clean(live.path)
    check(len(seen.numbers) >= 115 and seen.step_max < 0.2, lambda: str(seen))


@case
def pictures_without_sound_and_sound_without_pictures(directory):
    silent = media.make_content(os.path.join(directory, "v.ts"), seconds=2, audio=None)
    live = Live(directory)
    live.feed(silent)
    check(live.finish() == 0, live.worker.report)
    check(len(check_clean(live.path).numbers) == 60, "pictures are missing")
    sound = os.path.join(directory, "a.ts")
    media.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=r=48000", "-t", "4", "-c:a",
               "aac", sound])
    out = os.path.join(directory, "a-out.ts")
    with open(sound, "rb") as source, open(out, "wb") as target:
        worker = media.Worker(["uplinkd-av", "encode"], stdin=source, stdout=target)
        check(worker.wait(20) == 0, worker.report)
    check([s["codec_name"] for s in media.probe(out)] == ["aac"] and
          len(media.packets(out, "a:0")) == len(media.packets(sound, "a:0")), "sound is missing")


def changed(source, path, change):
    """A copy of a transport stream, each packet as change() returns it (None: without it)."""
    with open(path, "wb") as file:
        for packet in ts_packets(source):
            packet = change(bytearray(packet))
            if packet:
                file.write(packet)
    return path


def without_clock():
    """A change of packets: their clock references become random."""
    noise = random.Random(6)

    def spoil(packet):
        if packet[3] & 0x20 and packet[4] >= 7 and packet[5] & 0x10:
            packet[6:10] = noise.randbytes(4)
        return packet
    return spoil


def advise(live, bps):
    """A function that gives the advice."""
    return lambda: live.worker.command("bitrate", bps=bps, reason="test")


def check_same(live, source, width=640, height=360):
    """Fails unless every picture and every sound of the source is in the output, once, in time."""
    seen, before = check_clean(live.path, width, height), media.read_pictures(source, width, height)
    check(seen.numbers == before.numbers, lambda: str(seen))
    check(seen.times == before.times, "time stamps have changed")
    check(media.dts_gaps(live.path) == [], lambda: f"gaps {media.dts_gaps(live.path)[:5]}")
    for one, two in zip(media.av_offsets(live.path, pictures=seen),
                        media.av_offsets(source, pictures=before)):
        check(abs(one - two) < 0.001, "sound and picture have moved")
    check(media.dts_gaps(live.path, "a:0", 0.035) == [],
          lambda: f"sound with gaps {media.dts_gaps(live.path, 'a:0', 0.03)[:5]}")
    check(len(media.packets(live.path, "a:0")) == len(media.packets(source, "a:0")),
          "sound is missing")


def together(function, rows):
    """Calls function(*row) for all rows at once, since each spends its time waiting for its own
    stream; fails with the first failure."""
    with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
        for future in [pool.submit(function, *row) for row in rows]:
            future.result()


@case
def what_fits_the_advice_passes_untouched_and_the_ways_join(directory):
    source = os.path.join(directory, "in.ts")
    media.run([*media.content_args(seconds=12, bitrate=1400000, codec="h264b"), "-muxrate",
               "2000000", source])
    live = Live(directory, "--rate-start", "1200000", speed=1.25)
    live.feed(source, [(2.5, advise(live, 3500000)), (10.5, advise(live, 1200000))])
    check(live.finish() == 0, live.worker.report)
    check_same(live, source)
    passing = [line["passing"] for line in live.stats()]
    check(not passing[1] and any(passing) and not passing[-1], passing)
    packets, out = ts_packets(source), ts_packets(live.path)
    # In the middle of the passage all is as it came, null packets as well.
    at = len(packets) * 22 // 30
    part = b"".join(packets[at:at + 800])
    check(part in b"".join(out), "what passed has changed")
    check(any(pid_of(p) == 0x1fff for p in packets[at:at + 800]), "no null packets to compare")
    nulls = [i for i, p in enumerate(out) if pid_of(p) == 0x1fff]
    begin = next(dts_of(p)[1] for p in packets if is_video(p))
    encoded = [i for i, p in enumerate(out)
               if is_video(p) and not 2.6 < dts_of(p)[1] - begin < 10.6]
    first, last = nulls[0], nulls[-1]
    check(all(i < first or i > last for i in encoded), "null packets in what was encoded")


@case
def a_broken_clock_is_mended_in_what_passes_too(directory):
    one = media.make_content(os.path.join(directory, "1.ts"), seconds=2, bitrate=1000000)
    two = os.path.join(directory, "2.ts")
    media.run([*media.content_args(seconds=7, first_frame=60, bitrate=1000000), two])
    live = Live(directory, "--rate-start", "3000000", speed=1.25)
    live.feed(one)
    live.feed(two)
    check(live.finish() == 0, live.worker.report)
    check(live.stats()[-1]["passing"] or live.stats()[-2]["passing"], "nothing passed")
    seen = check_clean(live.path)
    check(seen.missing <= 2 and seen.step_max < 0.2 and
          all(b > a for a, b in zip(seen.times, seen.times[1:])), lambda: str(seen))
    live.worker.wait_event("alarm", id="input-clock", active=True)


@case
def what_is_no_equal_of_the_output_does_not_pass(directory):
    def one(name, options, change):
        source = media.make_content(os.path.join(directory, name + ".ts"), width=320, height=180,
                                    seconds=10, bitrate=500000, **options)
        source = changed(source, os.path.join(directory, name + "-changed.ts"), change)
        live = Live(directory, "--rate-start", "3000000", speed=2)
        live.feed(source)
        check(live.finish() == 0, live.worker.report)
        check(not any(line["passing"] for line in live.stats()), name)
        check([s["codec_name"] for s in media.probe(live.path)] == ["h264", "aac"], name)
    together(one, [("codec", {"codec": "mpeg2"}, bytes), ("sound", {"audio": "mp2"}, bytes),
                   ("clock", {}, without_clock())])


@alone
@case
def an_encoder_that_cannot_be_steered_follows_all_the_same(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), width=480, height=270, seconds=8,
                                bitrate=3000000, extra_filter=NOISE)
    live = Live(directory, "--encoder", "x265", "--codec", "h265", "--preset", "ultrafast",
                "--rate-start", "1600000")
    moments = []
    live.feed(source, [(3, lambda: (moments.append(time.monotonic()), advise(live, 800000)())),
                       (6, advise(live, 1600000))])
    check(live.finish() == 0, live.worker.report)
    down = moments[0]
    before, second, rest = (live.bps(down + a, down + b) for a, b in ((-2, 0), (1, 2), (1, 3)))
    last = live.bps(time.monotonic() - 2, time.monotonic())
    print(f"# 1.6 -> 0.8 Mb/s: {before / 1e3:.0f}, then {second / 1e3:.0f} {rest / 1e3:.0f} kb/s; "
          f"{last / 1e3:.0f} at the end")
    check(before > 1200000 and second < 900000 and rest < 900000, "it does not follow")
    check([s["codec_name"] for s in media.probe(live.path)] == ["hevc", "aac"], "codec")
    seen = check_clean(live.path, 480, 270)
    check(seen.numbers == list(range(240)), lambda: str(seen))


@case
def hardware_that_is_not_there_is_told_and_replaced(directory):
    if os.path.exists("/dev/dri/renderD128") or os.path.exists("/dev/nvidia0"):
        raise media.Skip("there is a GPU here")
    source = media.make_content(os.path.join(directory, "in.ts"), width=320, height=180, seconds=1)
    for name, needs in (("nvenc", "NVIDIA"), ("qsv", "Intel"), ("vaapi", "VA-API"), ("auto", None)):
        out = os.path.join(directory, name + ".ts")
        with open(source, "rb") as file, open(out, "wb") as target:
            worker = media.Worker(["uplinkd-av", "encode", "--encoder", name], stdin=file,
                                  stdout=target)
            check(worker.wait(20) == 0, worker.report)
        alarms = [line["text"] for _, line in worker.events if line["event"] == "alarm"]
        check(any(needs in text and "x264 encodes instead" in text for text in alarms)
              if needs else not alarms, f"{name}: {alarms}")
        check(len(media.packets(out)) == 30 and media.decode_errors(out) == [], name)


@case
def a_ladder_makes_small_pictures_at_low_rates(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=9, bitrate=2000000)
    live = Live(directory, "--rate-start", "1500000", "--ladder", "360:1M,180", "--no-pass",
                speed=1.5)
    live.feed(source, [(4.5, advise(live, 400000))])
    check(live.finish() == 0, live.worker.report)
    seen = check_clean(live.path)
    check(seen.numbers == list(range(270)), lambda: str(seen))
    frames = media.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                        "frame=height,key_frame,sample_aspect_ratio", "-of", "csv=p=0",
                        live.path]).decode().split()
    heights = [int(f.split(",")[1]) for f in frames]
    steps = [i for i in range(1, len(heights)) if heights[i] != heights[i - 1]]
    check(len(steps) == 1 and set(heights) == {360, 180}, f"{steps} {set(heights)}")
    check(frames[steps[0]].split(",")[0] == "1", "the size changes without a keyframe")


@case
def the_advice_reaches_the_encoder_at_once(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), width=320, height=180, fps=10,
                                seconds=4, bitrate=500000)
    live = Live(directory, "--no-pass")
    told = {}

    def give(bps):
        told[bps] = time.monotonic()
        live.worker.command("bitrate", bps=bps, reason="test")
    live.feed(source, [(0.5 + n / 7, lambda n=n: give(1000000 + n)) for n in range(20)])
    check(live.finish() == 0, live.worker.report)
    taken = {line["advice_bps"]: at for at, line in live.worker.events if line["event"] == "rate"}
    delays = sorted(taken[bps] - at for bps, at in told.items() if bps in taken)
    check(len(delays) == 20, f"{len(delays)} of 20 reached it")
    print(f"# ms: p50 {delays[10] * 1e3:.1f} max {delays[-1] * 1e3:.1f}")
    # A picture comes every 100 ms; it is not waited for.
    check(delays[10] < 0.04, f"{delays[10] * 1e3:.0f} ms")


@case
def a_keyframe_comes_when_it_is_asked_for(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), width=320, height=180, fps=10,
                                seconds=4, bitrate=500000)
    live = Live(directory, "--no-pass")
    # The second one within half a second of the first is put off.
    live.feed(source, [(at, lambda: live.worker.command("keyframe")) for at in (0.8, 1.2, 2.8)])
    check(live.finish() == 0, live.worker.report)
    keys = [pts for pts, _, _, key in media.packets(live.path) if key]
    steps = [round(b - a, 1) for a, b in zip(keys, keys[1:])]
    check(len(keys) >= 4 and min(steps) >= 0.5 and steps[0] <= 1.2, f"keyframes at {keys}")


@case
def a_clock_that_is_wrong_or_wraps_changes_nothing(directory):
    plain = media.make_content(os.path.join(directory, "in.ts"), seconds=4, bitrate=1500000)
    wrong = changed(plain, os.path.join(directory, "wrong.ts"), without_clock())
    wraps = os.path.join(directory, "wraps.ts")
    media.run([*media.content_args(seconds=4, bitrate=1500000), "-output_ts_offset", "95440.7",
               wraps])
    for path in (wrong, wraps):
        live = Live(directory, "--rate-start", "1000000", speed=2)
        live.feed(path)
        check(live.finish() == 0, live.worker.report)
        seen = check_clean(live.path)
        check(seen.numbers == list(range(120)), lambda s=seen: str(s))
        check(live.stats()[-1]["breaks"] == 0, live.stats()[-1])
        told = any(line.get("id") == "input-reference" for _, line in live.worker.events)
        check(told == (path == wrong), "the clock references are blamed wrongly, or not at all")


@case
def sound_that_the_target_takes_is_kept(directory):
    def one(audio):
        source = media.make_content(os.path.join(directory, audio + ".ts"), width=320, height=180,
                                    seconds=9, bitrate=500000, audio=audio)
        live = Live(directory, "--sound", "keep", "--rate-start", "2000000", speed=1.25)
        live.feed(source, [(7.5, advise(live, 500000))])
        check(live.finish() == 0, live.worker.report)
        check_same(live, source, 320, 180)
        check([s["codec_name"] for s in media.probe(live.path)] == ["h264", audio], audio)
        check(any(line["passing"] for line in live.stats()) and not live.stats()[-1]["passing"],
              "only one of the two ways was taken")
    together(one, [("mp2",), ("ac3",)])


@case
def what_is_announced_and_does_not_come_is_told(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=5, bitrate=1000000)
    def one(pid, alarm, there):
        # At first both come.
        count = [0]

        def silence(packet):
            count[0] += 1
            return None if pid_of(packet) == pid and count[0] > 600 else packet
        path = changed(source, os.path.join(directory, alarm + ".ts"), silence)
        with open(path, "rb") as file:
            rest = file.read()
        live = Live(directory, "--rate-start", "600000")
        # Paced by its bytes: there may be no pictures to go by.
        for i in range(0, len(rest), PACKET * 40):
            live.worker.stdin.write(rest[i:i + PACKET * 40])
            live.worker.stdin.flush()
            time.sleep(5 * PACKET * 40 / len(rest))
        live.worker.wait_event("alarm", id=alarm, active=True)
        check(live.finish() == 0, live.worker.report)
        check(len(media.packets(live.path, there)) >= len(media.packets(source, there)) - 10,
              f"{alarm}: what comes is not sent")
    together(one, [(0x101, "no-sound", "v:0"), (0x100, "no-picture", "a:0")])


@case
def a_stream_without_tables_is_told_and_encoded(directory):
    def one(codec, audio, gone):
        source = media.make_content(os.path.join(directory, codec + ".ts"), seconds=5,
                                    bitrate=1500000, codec=codec, audio=audio)
        bare = changed(source, os.path.join(directory, codec + "-bare.ts"),
                       lambda p: None if pid_of(p) in gone else p)
        live = Live(directory, "--rate-start", "1000000")
        live.feed(bare)
        check(live.finish() == 0, live.worker.report)
        live.worker.wait_event("alarm", id="no-tables", active=True)
        seen = check_clean(live.path)
        # From the first keyframe after 0.7 s on.
        check(len(seen.numbers) >= 88 and seen.missing == 0, lambda: str(seen))
        check(len(media.packets(live.path, "a:0")) > 100, "sound is missing")
        check(not any(line["damaged"] for line in live.stats()), "it counts as damaged")
    together(one, [("h264", "aac", (0,)), ("mpeg2", "mp2", (0, 0x1000))])


@case
def tables_that_vanish_in_the_middle_change_nothing(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=6, bitrate=1500000)
    count = [0]

    def vanish(packet):
        count[0] += 1
        return None if pid_of(packet) in (0, 0x1000) and count[0] > 2000 else packet
    bare = changed(source, os.path.join(directory, "bare.ts"), vanish)
    packets = list(ts_packets(bare))
    check(any(pid_of(p) == 0 for p in packets[:2000]) and len(packets) > 5000, "not in the middle")
    live = Live(directory, "--no-pass", speed=2)
    live.feed(bare)
    check(live.finish() == 0, live.worker.report)
    seen = check_clean(live.path)
    check(len(seen.numbers) >= 178 and seen.missing == 0, lambda: str(seen))
    check(not any(line["damaged"] for line in live.stats()), "it counts as damaged")


@case
def a_tenth_of_damage_is_told_and_forgotten(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=7, bitrate=1500000)
    chance, harm = random.Random(7), [True]

    def damage(data):
        out = bytearray(data)
        for i in range(0, len(out), PACKET):
            if harm[0] and chance.random() < 0.1:
                for _ in range(30):
                    out[i + chance.randrange(PACKET)] = chance.randrange(256)
        return bytes(out)
    live = Live(directory, "--rate-start", "1000000", damage=damage)

    def heal():
        harm[0] = False
    live.feed(source, [(3.9, heal)])
    check(live.finish() == 0, live.worker.report)
    live.worker.wait_event("alarm", id="input-damaged", active=True)
    seen = media.read_pictures(live.path)
    whole = [n for n in seen.numbers if n is not None and n >= 120]
    # The first keyframe behind the damage is picture 120.
    check(whole == list(range(120, 210)), lambda: str(seen))
    times = sorted(live.given.values())
    check(max(b - a for a, b in zip(times, times[1:])) < 2.5, "it stood still")


@case
def sound_of_every_codec_becomes_aac_and_stays_in_time(directory):
    def one(audio):
        source = media.make_content(os.path.join(directory, audio + ".ts"), width=320, height=180,
                                    seconds=6, bitrate=500000, audio=audio)
        live = Live(directory, "--rate-start", "600000", speed=2)
        live.feed(source)
        check(live.finish() == 0, live.worker.report)
        check([s["codec_name"] for s in media.probe(live.path)] == ["h264", "aac"], audio)
        seen = media.read_pictures(live.path, 320, 180)
        offsets = media.av_offsets(live.path, pictures=seen)
        before = media.av_offsets(source, 320, 180)
        check(len(offsets) >= 4, f"{audio}: {len(offsets)} beeps")
        print(f"# {audio}: {min(offsets) * 1e3:.1f} to {max(offsets) * 1e3:.1f} ms, source "
              f"{min(before) * 1e3:.1f} to {max(before) * 1e3:.1f}")
        check(all(abs(o - before[0]) < 0.025 for o in offsets), f"{audio}: {offsets}")
    together(one, [("mp2",), ("ac3",), ("opus",)])


@case
def interlaced_and_ten_bit_pictures_are_made_fit(directory):
    for options in (["-c:v", "libx264", "-flags", "+ildct+ilme", "-x264opts", "tff=1"],
                    ["-c:v", "libx264", "-pix_fmt", "yuv422p10le"],
                    ["-c:v", "libx264", "-pix_fmt", "yuvj420p"]):
        source = os.path.join(directory, "in.ts")
        media.run(["ffmpeg", "-y", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25",
                   "-t", "2", "-pix_fmt", "yuv420p", "-preset", "ultrafast", *options, source])
        out = os.path.join(directory, "out.ts")
        with open(source, "rb") as file, open(out, "wb") as target:
            worker = media.Worker(["uplinkd-av", "encode"], stdin=file, stdout=target)
            check(worker.wait(20) == 0, worker.report)
        stream = media.probe(out)[0]
        check(stream["pix_fmt"] in ("yuv420p", "yuvj420p") and
              stream.get("field_order", "progressive") == "progressive", stream)
        check(len(media.packets(out)) >= 49 and media.decode_errors(out) == [], options)


@case
def garbage_is_told_and_a_stream_behind_it_is_found(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=4)
    live = Live(directory)
    noise = random.Random(1)
    for _ in range(42):
        live.worker.stdin.write(noise.randbytes(10000))
        live.worker.stdin.flush()
        time.sleep(0.1)
    live.worker.wait_event("alarm", id="no-programme", active=True)
    live.feed(source)
    check(live.finish() == 0, live.worker.report)
    live.worker.wait_event("alarm", id="no-programme", active=False)
    check(len(check_clean(live.path).numbers) >= 100, "pictures are missing")


@case
def half_a_percent_of_damage_harms_no_more_than_it_must(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=8, bitrate=3000000)
    chance = random.Random(2)

    def damage(data):
        out = bytearray()
        for i in range(0, len(data), PACKET):
            packet = bytearray(data[i:i + PACKET])
            if chance.random() < 0.005:
                kind = chance.randrange(3)
                if kind == 0:
                    continue
                for _ in range(1 if kind == 1 else 50):
                    packet[chance.randrange(PACKET)] = chance.randrange(256)
            out += packet
        return bytes(out)
    live = Live(directory, damage=damage, speed=2)
    live.feed(source)
    check(live.finish() == 0, live.worker.report)
    # Damaged sound passes as it is: nobody decodes it here.
    seen = check_clean(live.path, streams="0:v")
    check(len(seen.numbers) >= 210 and seen.unreadable < 60, lambda: str(seen))
    check(live.stats()[-1]["damaged"] > 0, "the damage is not counted")


@alone
@case
def input_that_comes_too_fast_builds_no_delay(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), width=1280, height=720,
                                seconds=12, extra_filter=NOISE, bitrate=4000000)
    live = Live(directory, "--preset", "veryfast", speed=30)
    live.feed(source)
    fed = time.monotonic()
    check(live.finish() == 0, live.worker.report)
    check(time.monotonic() - fed < 4, f"{time.monotonic() - fed:.1f} s behind at the end")
    live.worker.wait_event("alarm", id="encoder-slow", active=True)
    seen = check_clean(live.path, 1280, 720)
    check(5 < len(seen.numbers) < 360 and all(b > a for a, b in zip(seen.times, seen.times[1:])),
          lambda: str(seen))


@case
def it_ends_when_told_and_when_its_supervisor_is_gone(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=2)
    for end in ("signal", "command", "socket", "reader"):
        live = Live(directory, speed=4)
        live.feed(source)
        media.wait_for(lambda: live.given, 10, "output")
        if end == "signal":
            live.worker.send_signal(media.signal.SIGTERM)
        elif end == "command":
            live.worker.command("stop")
        elif end == "socket":
            live.worker.control.shutdown(media.socket.SHUT_RDWR)
        else:
            live.finish()
            continue
        check(live.worker.wait(8) == 0, live.worker.report)
        check(os.path.getsize(live.path) % PACKET == 0, "half a packet")


@case
def wrong_arguments_are_refused():
    for options in (["--rate-start", "x"], ["--preset", "placebo"], ["--unknown"],
                    ["--ladder", "720;1M"], ["--codec", "av1"], ["--encoder", "videotoolbox"],
                    ["--encoder", "x264", "--codec", "h265"],
                    ["--rate-min", "2000000", "--rate-max", "1000000"], ["surplus"]):
        worker = media.Worker(["uplinkd-av", "encode", *options])
        check(worker.wait(10) == 64, (options, worker.status))


@case
def segments_become_one_playable_mp4(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=9, codec="h264b")
    packets, segments = ts_packets(source), []
    for i in range(3):
        segments.append(os.path.join(directory, f"{i}.ts"))
        with open(segments[-1], "wb") as file:
            file.write(b"".join(packets[len(packets) * i // 3:len(packets) * (i + 1) // 3]))
    out = os.path.join(directory, "out.mp4")
    worker = media.Worker(["uplinkd-av", "export", "--output", out, *segments])
    check(worker.wait(20) == 0, worker.report)
    for stream in ("v:0", "a:0"):
        before = len(media.packets(source, stream))
        check(len(media.packets(out, stream)) == before,
              f"{stream}: {len(media.packets(out, stream))} packets of {before}")
    seen = media.read_pictures(out)
    check(seen.numbers == list(range(270)), lambda: str(seen))
    check(media.decode_errors(out) == [], lambda: media.decode_errors(out)[:5])
    offsets = media.av_offsets(out, pictures=seen)
    check(len(offsets) >= 7 and max(map(abs, offsets)) < 0.03, offsets)


@case
def a_torn_last_segment_is_exported_as_far_as_it_goes(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=4)
    torn = os.path.join(directory, "torn.ts")
    with open(source, "rb") as file, open(torn, "wb") as target:
        target.write(file.read()[:500001])
    out = os.path.join(directory, "out.mp4")
    worker = media.Worker(["uplinkd-av", "export", "--output", out, torn])
    check(worker.wait(20) == 0, worker.report)
    check(len(media.read_pictures(out).numbers) >= 45, "pictures are missing")


@case
def an_export_that_fails_leaves_nothing_behind(directory):
    source = media.make_content(os.path.join(directory, "in.ts"), seconds=1)
    noise = os.path.join(directory, "noise.ts")
    with open(noise, "wb") as file:
        file.write(random.Random(3).randbytes(300000))
    for status, out, segments in ((74, "1.mp4", [source, "missing.ts"]), (65, "2.mp4", [noise]),
                                  (73, "none/3.mp4", [source]), (64, "4.mp4", [])):
        worker = media.Worker(["uplinkd-av", "export", "--output", os.path.join(directory, out),
                               *segments])
        check(worker.wait(20) == status, f"{out}: {worker.report()}")
    check(not any(".mp4" in name for name in os.listdir(directory)), os.listdir(directory))


media.main(side_by_side=3)
