"""What running programs use."""
import contextlib
import os


def descendants(pid):
    """Process ids below @pid."""
    found = []
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children",
                                            encoding="ascii") as file:
        for child in file.read().split():
            found += [int(child)] + descendants(int(child))
    return found


def name_of(pid):
    """Program and verb of a process."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().decode(errors="replace").split("\0")
    return " ".join([os.path.basename(words[0])] + [w for w in words[1:2] if not w.startswith("-")])


def usage_of(pid):
    """(CPU seconds, resident bytes)."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        rss = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), rss


def programs(processes):
    """{label: pid} of the processes and what they started."""
    labels = {}
    for process in processes:
        for pid in [process.pid] + descendants(process.pid):
            label = process.name if pid == process.pid else f"{process.name}: {name_of(pid)}"
            labels[label] = pid
    return labels
