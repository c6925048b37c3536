#!/usr/bin/env python3
"""The receiver by its name: kept over a start without name service, asked again when it is silent,
and over the other family when one of its addresses does not answer."""
# Runs beside another.
import os
import subprocess

import media
from media import Skip, case, check, free_port, wait_for
from pair import Program, write_key

NAME = "receiver.uplinkd.test"
SCRIPT = ('mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && '
          'mount --bind "$3" /etc/nsswitch.conf && shift 3 && exec "$@"')


class Named:
    """A sender whose name service is a file of ours, in a mount namespace."""

    def __init__(self, directory):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
            raise Skip("needs root and mount namespaces")
        self.directory = directory
        self.files = [os.path.join(directory, name) for name in ("hosts", "resolv", "nsswitch")]
        self.write(1, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.write(2, "hosts: files\n")
        self.state = os.path.join(directory, "state")
        os.mkdir(self.state)
        self.key, self.port = write_key(directory), free_port()

    def write(self, number, text):
        with open(self.files[number], "w", encoding="ascii") as file:
            file.write(text)

    def hosts(self, *addresses):
        """What the name stands for from now on."""
        self.write(0, "127.0.0.1 localhost\n" + "".join(f"{address} {NAME}\n"
                                                         for address in addresses))

    def receiver(self, address):
        return Program("receive", self.directory, "--listen", f"{address}:{self.port}",
                       "--key-file", self.key, "--output", f"udp://127.0.0.1:{free_port()}")

    def sender(self):
        """Program() of `uplinkd send` inside."""
        program = Program.__new__(Program)
        program.control = os.path.join(self.directory, "named.sock")
        media.Process.__init__(
            program, ["unshare", "-m", "sh", "-c", SCRIPT, "sh", *self.files,
                      os.path.join(media.BIN, "uplinkd"), "send", "--control", program.control,
                      "--input", f"udp://127.0.0.1:{free_port()}", "--to", f"{NAME}:{self.port}",
                      "--key-file", self.key, "--uplink", "one=lo"],
            name="send", env=dict(os.environ, STATE_DIRECTORY=self.state))
        return program


def answers(sender, timeout=15):
    """Waits for a session; over which address."""
    wait_for(lambda: sender.snapshot().get("bond", {}).get("session_up"), timeout, "a session")
    return sender.snapshot()["uplinks"][0]["remote"]


@case
def a_start_without_name_service_finds_the_receiver_of_last_time(directory):
    named = Named(directory)
    receiver = named.receiver("127.0.0.5")
    named.hosts("127.0.0.5")
    sender = named.sender()
    check(answers(sender) == f"127.0.0.5:{named.port}", sender.report)
    check(sender.stop() == 0, sender.report)
    named.hosts()
    sender = named.sender()
    check(answers(sender) == f"127.0.0.5:{named.port}", sender.report)
    sender.wait_line(f"cannot resolve {NAME}: .* going on with its last known addresses", 10)
    check(sender.stop() == 0, sender.report)
    receiver.stop()


@case
def a_receiver_that_moved_is_asked_for_again_and_followed(directory):
    named = Named(directory)
    receiver = named.receiver("127.0.0.5")
    named.hosts("127.0.0.5")
    sender = named.sender()
    answers(sender)
    named.hosts("127.0.0.6")
    receiver.kill()
    receiver = named.receiver("127.0.0.6")
    wait_for(lambda: sender.snapshot()["uplinks"][0]["remote"] == f"127.0.0.6:{named.port}", 25,
             "the new address")
    answers(sender)
    check(sender.stop() == 0, sender.report)
    receiver.stop()


@case
def an_address_that_does_not_answer_gives_way_to_the_other_family(directory):
    named = Named(directory)
    receiver = named.receiver("127.0.0.1")
    named.hosts("::1", "127.0.0.1")
    sender = named.sender()
    sender.wait_line(rf"uplink one: .* to \[::1\]:{named.port}", 10)
    check(answers(sender) == f"127.0.0.1:{named.port}", sender.report)
    check(sender.stop() == 0, sender.report)
    receiver.stop()


if __name__ == "__main__":
    media.main()
