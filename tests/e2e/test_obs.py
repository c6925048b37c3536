#!/usr/bin/env python3
"""OBS itself follows the bitrate: the script tools/obs/uplinkd.lua in a real OBS on a display of its
own, which streams over RTMP into a running sender, while the receiver's outputs take more and less."""
import json
import os
import shutil
import subprocess

import media
from live import LimitedPair
from media import Process, Skip, case, check, wait_for

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "obs",
                      "uplinkd.lua")
WIDTH, HEIGHT = 640, 360
START_KBPS = 2500

GLOBAL = """[General]
FirstRun=true
LastVersion=486539266
InfoIncrement=100
EnableAutoUpdates=false
[Basic]
Profile=Test
ProfileDir=Test
SceneCollection=Test
SceneCollectionFile=Test
ConfigOnNewProfile=false
[BasicWindow]
SysTrayEnabled=false
"""
PROFILE = f"""[General]
Name=Test
[Output]
Mode=Simple
DynamicBitrate=false
[SimpleOutput]
VBitrate={START_KBPS}
ABitrate=96
StreamEncoder=x264
Preset=ultrafast
UseAdvanced=true
x264Settings=keyint=60 scenecut=0
[Video]
BaseCX={WIDTH}
BaseCY={HEIGHT}
OutputCX={WIDTH}
OutputCY={HEIGHT}
FPSCommon=30
"""


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def scene(directory, advice_file):
    """A clip that needs every bit it gets, and our script."""
    clip = os.path.join(directory, "clip.mp4")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                    f"testsrc2=s={WIDTH}x{HEIGHT}:r=30:d=6", "-vf", "noise=alls=40:allf=t", "-c:v",
                    "libx264", "-preset", "ultrafast", "-crf", "18", "-y", clip], check=True,
                   timeout=120)
    item = {"name": "clip", "id": 1, "visible": True, "scale": {"x": 1.0, "y": 1.0},
            "pos": {"x": 0.0, "y": 0.0}, "bounds_type": 0, "align": 5}
    return {"name": "Test", "current_scene": "Scene", "current_program_scene": "Scene",
            "scene_order": [{"name": "Scene"}],
            "sources": [{"id": "scene", "name": "Scene",
                         "settings": {"id_counter": 1, "custom_size": False, "items": [item]}},
                        {"id": "ffmpeg_source", "name": "clip",
                         "settings": {"is_local_file": True, "local_file": clip, "looping": True,
                                      "restart_on_activate": False}}],
            "modules": {"scripts-tool": [{"path": os.path.abspath(SCRIPT),
                                          "settings": {"advice_file": advice_file}}]}}


class Obs(Process):
    """A headless OBS that streams at once to an RTMP server."""

    def __init__(self, directory, url, advice_file):
        for program in ("obs", "Xvfb"):
            if not shutil.which(program):
                raise Skip(f"needs {program} (tools/install-deps obs)")
        config = os.path.join(directory, "config", "obs-studio")
        server, key = url.rsplit("/", 1)
        write(os.path.join(config, "global.ini"), GLOBAL)
        write(os.path.join(config, "basic/profiles/Test/basic.ini"), PROFILE)
        write(os.path.join(config, "basic/profiles/Test/service.json"), json.dumps(
            {"type": "rtmp_custom", "settings": {"server": server, "key": key, "use_auth": False}}))
        write(os.path.join(config, "basic/scenes/Test.json"),
              json.dumps(scene(directory, advice_file)))
        self.display = Process(["Xvfb", "-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten",
                                "tcp"], stdout="lines")
        number = self.display.wait_line(r"^\d+$", 20, lines=self.display.output).string.strip()
        runtime = os.path.join(directory, "runtime")
        os.makedirs(runtime, mode=0o700)
        env = {**os.environ, "DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb", "HOME": directory,
               "XDG_CONFIG_HOME": os.path.join(directory, "config"), "XDG_RUNTIME_DIR": runtime,
               "LIBGL_ALWAYS_SOFTWARE": "1"}
        super().__init__(["obs", "--multi", "--startstreaming", "--collection", "Test", "--profile",
                          "Test", "--disable-updater"], name="obs", env=env, stdout="lines")


@case
def obs_follows_the_bitrate(directory):
    if not shutil.which("obs"):
        raise Skip("needs obs (tools/install-deps obs)")
    port = media.free_tcp_port()
    pair = LimitedPair(directory, 1500, f"rtmp://127.0.0.1:{port}/live", "--encoder", "obs",
                       "--input-streamid", "key")
    advice = pair.sender.control[:-len(".sock")] + ".advice"
    wait_for(lambda: os.path.exists(advice), 15, "the file of the advice")
    obs = Obs(directory, f"rtmp://127.0.0.1:{port}/live/key", advice)
    wait_for(lambda: pair.input_bps() > 300000, 60, "a stream of OBS")
    pair.follow(1500, 600, 2200)
    check(pair.sender.stop() == 0, pair.sender.report)
    check(not os.path.exists(advice), "the advice is still there")
    check(pair.receiver.stop() == 0, pair.receiver.report)
    obs.wait_line("no advice any more", 10, lines=obs.output)
    obs.kill()
    obs.display.stop()


if __name__ == "__main__":
    media.main()
