#include "sys/log.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <stdlib.h>
#include <systemd/sd-journal.h>

#include "uplinkd/worker.h"

/* The only module-level state of this file; all but `lost` is set once at the start. */
static struct {
	const char *name;
	enum log_level level;
	bool journal;
	bool supervised;  /* uplinkd reads our stderr (uplinkd/worker.h) and names us itself */
	atomic_uint lost; /* lines since the last one that was taken; workers have threads */
} log_state = { .name = "uplinkd", .level = LOG_LEVEL_INFO };

/* JOURNAL_STREAM=DEVICE:INODE names the stream that systemd connected stderr to (sd-daemon). */
static bool stderr_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && (unsigned long long)st.st_dev == device &&
	       (unsigned long long)st.st_ino == inode;
}

void log_open(const char *name, enum log_level level)
{
	log_state.name = name;
	log_state.level = level;
	log_state.journal = stderr_is_journal();
	log_state.supervised = getenv(UPLINKD_WORKER_CONTROL_ENV);
}

/* A terminal that is held (Ctrl-S) or a pager that nobody scrolls must not hold the stream: what
 * stderr does not take at once is left out. A line is shorter than what a pipe that is writable
 * takes (PIPE_BUF). */
static bool stderr_takes(void)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&fd, 1, 0) == 1)
		return true;
	atomic_fetch_add(&log_state.lost, 1);
	return false;
}

static void line_write(enum log_level level, const char *line)
{
	if (log_state.supervised)
		(void)fprintf(stderr, "<%d>%s\n", (int)level, line);
	else
		/* One write per line, so that lines of several processes on one terminal stay
		 * whole. */
		(void)fprintf(stderr, "%s: %s%s\n", log_state.name,
			      level == LOG_LEVEL_ERR	   ? "error: "
			      : level == LOG_LEVEL_WARNING ? "warning: "
							   : "",
			      line);
}

enum log_level log_level(void)
{
	return log_state.level;
}

void log_write(enum log_level level, const char *message_id, const char *format, ...)
{
	char line[1024];
	unsigned lost;
	va_list args;

	if (level > log_state.level)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	if (log_state.journal) {
		if (message_id)
			(void)sd_journal_send("MESSAGE=%s", line, "PRIORITY=%d", (int)level,
					      "MESSAGE_ID=%s", message_id, NULL);
		else
			(void)sd_journal_send("MESSAGE=%s", line, "PRIORITY=%d", (int)level, NULL);
		return;
	}
	if (!stderr_takes())
		return;
	lost = atomic_exchange(&log_state.lost, 0);
	if (lost) {
		char note[64];

		(void)snprintf(note, sizeof(note), "%u lines before this one were not taken", lost);
		line_write(LOG_LEVEL_WARNING, note);
	}
	if (!lost || stderr_takes())
		line_write(level, line);
}

bool log_limit_pass(struct log_limit *limit, usec_t now, unsigned *ret_suppressed)
{
	if (now < limit->next) {
		limit->suppressed++;
		return false;
	}
	*ret_suppressed = limit->suppressed;
	limit->suppressed = 0;
	limit->next = usec_add(now, limit->interval);
	return true;
}
