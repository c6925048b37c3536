"""Running programs, as /proc tells of them."""
import contextlib
import os


def children(pid):
    """{process id: command line} of what a process has started."""
    found = {}
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children",
                                            encoding="ascii") as file:
        for child in file.read().split():
            with contextlib.suppress(OSError), open(f"/proc/{child}/cmdline", "rb") as line:
                found[int(child)] = line.read().decode(errors="replace").replace("\0", " ")
    return found


def descendants(pid):
    """The same, and what those have started."""
    found = children(pid)
    for child in list(found):
        found.update(descendants(child))
    return found


def cpu_seconds(pid):
    """User and system time so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid):
    """Resident memory now."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def programs(processes):
    """{label: pid} of the processes and what they started."""
    labels = {}
    for process in processes:
        labels[process.name] = process.pid
        for pid, line in descendants(process.pid).items():
            program, *words = line.split()
            verb = [word for word in words[:1] if not word.startswith("-")]
            labels[f"{process.name}: {' '.join([os.path.basename(program)] + verb)}"] = pid
    return labels
