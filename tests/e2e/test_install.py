#!/usr/bin/env python3
"""make install and uninstall into a folder of their own; the unit, the catalog, install-deps."""
import glob
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("UPLINKD_BUILD", os.path.join(TOP, "build"))
FAILED = []


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def run(*command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
                          check=False, cwd=TOP, **more)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def install(*flags):
    """What the Makefile calls, with the programs of this build (make itself might build again)."""
    prefix = "/usr/local"
    paths = {"SBINDIR": f"{prefix}/sbin", "BINDIR": f"{prefix}/bin",
             "LIBEXECDIR": f"{prefix}/libexec/uplinkd", "INCLUDEDIR": f"{prefix}/include",
             "MANDIR": f"{prefix}/share/man", "DATADIR": f"{prefix}/share", "SYSCONFDIR": "/etc",
             "UNITDIR": f"{prefix}/lib/systemd/system", "SYSUSERSDIR": f"{prefix}/lib/sysusers.d",
             "CATALOGDIR": f"{prefix}/lib/systemd/catalog", "DESTDIR": ROOT,
             "BIN": os.path.join(BUILD, "bin")}
    code, text = run("tools/install", *flags, *(f"{k}={v}" for k, v in paths.items()))
    check(code == 0, text)


def files():
    return sorted(os.path.relpath(os.path.join(folder, name), ROOT)
                  for folder, _, names in os.walk(ROOT) for name in names)


def install_puts_everything_in_place():
    install()
    have = files()
    wanted = ["usr/local/sbin/uplinkd", "usr/local/bin/uplinkctl", "usr/local/bin/linksim",
              "usr/local/lib/systemd/system/uplinkd@.service",
              "usr/local/lib/sysusers.d/uplinkd.conf",
              "usr/local/lib/systemd/catalog/uplinkd.catalog",
              "usr/local/share/doc/uplinkd/examples/sender.conf",
              "usr/local/share/doc/uplinkd/examples/gst-follow",
              "usr/local/share/uplinkd/obs/uplinkd.lua",
              "usr/local/share/man/man8/uplinkd.8", "usr/local/share/man/man1/uplinkctl.1",
              "usr/local/share/man/man5/uplinkd.conf.5", "usr/local/share/man/man7/uplinkd-wire.7"]
    wanted += [f"usr/local/libexec/uplinkd/{os.path.basename(worker)}"
               for worker in glob.glob(os.path.join(BUILD, "bin", "uplinkd-*"))]
    wanted += [f"usr/local/include/uplinkd/{os.path.basename(header)}"
               for header in glob.glob(os.path.join(TOP, "include/uplinkd/*.h"))]
    for name in wanted:
        check(name in have, f"{name} is missing")
    secrets = os.stat(os.path.join(ROOT, "etc/uplinkd/secrets"))
    check(stat.S_IMODE(secrets.st_mode) == 0o700, "the folder of the secrets is open")
    code, text = run(os.path.join(ROOT, "usr/local/sbin/uplinkd"), "--version")
    check(code == 0, text)


def unit(folder):
    """The installed unit with its programs where they are now, for systemd-analyze."""
    with open(os.path.join(ROOT, "usr/local/lib/systemd/system/uplinkd@.service"),
              encoding="utf-8") as file:
        text = file.read()
    check("@SBINDIR@" not in text and "@SYSCONFDIR@" not in text, "a path is not filled in")
    path = os.path.join(folder, "uplinkd@.service")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("/usr/local/sbin", ROOT + "/usr/local/sbin"))
    return path


def the_unit_is_valid_and_sandboxed():
    if not shutil.which("systemd-analyze"):
        return "systemd-analyze is not installed"
    with tempfile.TemporaryDirectory() as folder:
        path = unit(folder)
        code, text = run("systemd-analyze", "verify", "--man=no", path)
        check(code == 0 and "uplinkd" not in text, text)
        code, text = run("systemd-analyze", "security", "--offline=true", "--threshold=15", path)
        check(code == 0 and "exposure level" in text, text[-500:])
    return None


def the_catalog_tells_every_message():
    with open(os.path.join(TOP, "daemon/sys/messages.h"), encoding="ascii") as file:
        header = re.findall(r'"([0-9a-f]{32})"', file.read())
    with open(os.path.join(TOP, "systemd/uplinkd.catalog"), encoding="utf-8") as file:
        catalog = re.findall(r"^-- ([0-9a-f]{32})\nSubject: .+\nDefined-By: uplinkd$", file.read(),
                             re.MULTILINE)
    check(len(header) == len(set(header)) and header, "ids")
    check(sorted(header) == sorted(catalog), "messages.h and the catalog differ")


def uninstall_leaves_nothing_but_the_operators_files():
    mine = os.path.join(ROOT, "etc/uplinkd/venue.conf")
    with open(mine, "w", encoding="ascii") as file:
        file.write("[sender]\n")
    install("--remove")
    check(files() == ["etc/uplinkd/venue.conf"], files())
    os.unlink(mine)
    install("--remove")
    check(files() == [] and not os.path.exists(os.path.join(ROOT, "etc/uplinkd")), "folders")
    for folder in ("libexec/uplinkd", "include/uplinkd", "share/doc/uplinkd"):
        check(not os.path.exists(os.path.join(ROOT, "usr/local", folder)), folder)


def fake(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)


def install_deps(*arguments, **fakes):
    """Runs it with fake programs in front of the PATH; the outcome, and what they were told."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        for name, text in fakes.items():
            fake(folder, name.replace("_", "-"), text.replace("LOG", log))
        code, text = run("tools/install-deps", *arguments,
                         env=dict(os.environ, PATH=folder + ":" + os.environ["PATH"]))
        told = ""
        if os.path.exists(log):
            with open(log, encoding="ascii") as file:
                told = file.read()
        return code, text, told


ALL_THERE = 'for p; do case $p in -*) ;; *) echo "installed $p" ;; esac; done\n'
GCC_ALONE = 'echo "installed gcc"; echo "config-files make"; exit 1\n'


def install_deps_is_silent_when_all_is_there():
    code, text, told = install_deps("--quiet", "run", "build", "test", "demo",
                                    dpkg_query=ALL_THERE, apt_get='echo "$*" >>LOG\n')
    check((code, text, told) == (0, "", ""), text + told)


def install_deps_tells_what_to_do_without_root():
    code, text, told = install_deps("--quiet", "build", dpkg_query=GCC_ALONE, id="echo 1000\n",
                                    sudo="exit 1\n", apt_get='echo "$*" >>LOG\n')
    check(code == 1 and not told, text + told)
    check("apt-get install --no-install-recommends" in text and " make " in text, text)
    check(" gcc" not in text, text)


def install_deps_installs_by_sudo_where_it_asks_nothing():
    code, text, told = install_deps("build", dpkg_query=GCC_ALONE, id="echo 1000\n",
                                    sudo='echo "$*" >>LOG\n')
    check(code == 0, text)
    check("-n env DEBIAN_FRONTEND=noninteractive apt-get -y" in told, told)
    check("install --no-install-recommends" in told and " make " in told, told)
    check("update" not in told, told)


def install_deps_updates_the_lists_once_when_needed():
    sudo = '''echo "$*" >>LOG
case "$*" in *" update") touch LOG.updated ;; *" install "*) test -e LOG.updated ;; esac
'''
    code, text, told = install_deps("build", dpkg_query=GCC_ALONE, id="echo 1000\n", sudo=sudo)
    check(code == 0 and told.count(" update\n") == 1, text + told)
    code, text, told = install_deps("build", dpkg_query=GCC_ALONE, id="echo 1000\n",
                                    sudo='case "$*" in *apt-get*) echo "E: broken" >&2; exit 1;; esac\n')
    check(code == 1 and "E: broken" in text and "could not install" in text, text)


def main():
    cases = [the_catalog_tells_every_message, install_deps_is_silent_when_all_is_there,
             install_deps_tells_what_to_do_without_root,
             install_deps_installs_by_sudo_where_it_asks_nothing,
             install_deps_updates_the_lists_once_when_needed]
    if os.path.exists(os.path.join(BUILD, "bin", "uplinkd")):
        cases += [install_puts_everything_in_place, the_unit_is_valid_and_sandboxed,
                  uninstall_leaves_nothing_but_the_operators_files]
    else:
        print("skip - install and uninstall: uplinkd is not built")
    for case in cases:
        name = case.__name__.replace("_", " ")
        try:
            why = case()
            print(f"skip - {name}: {why}" if why else f"ok - {name}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            FAILED.append(name)
            print(f"not ok - {name}: {error}", flush=True)
    return 1 if FAILED else 0


ROOT = tempfile.mkdtemp(prefix="uplinkd-install-")
try:
    sys.exit(main())
finally:
    shutil.rmtree(ROOT)
