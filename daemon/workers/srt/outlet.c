#include "workers/srt/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A pipe is opened anew through /proc, because O_NONBLOCK belongs to the open file, which a shell
 * may share with others.
 */
int outlet_open(struct outlet *outlet, size_t size)
{
	struct stat st;
	int fd = -1;

	*outlet = (struct outlet){ .fd = STDOUT_FILENO, .size = size, .data = malloc(size) };
	if (!outlet->data)
		return -ENOMEM;
	if (!fstat(STDOUT_FILENO, &st) && S_ISFIFO(st.st_mode))
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		outlet->fd = fd;
	outlet->waits = fd < 0;
	return 0;
}

void outlet_close(struct outlet *outlet)
{
	if (outlet->fd > STDERR_FILENO)
		(void)close(outlet->fd);
	free(outlet->data);
	*outlet = (struct outlet){ .fd = -1 };
}

uint8_t *outlet_room(struct outlet *outlet, size_t count)
{
	if (outlet->size - outlet->end < count && outlet->begin) {
		memmove(outlet->data, outlet->data + outlet->begin, outlet->end - outlet->begin);
		outlet->end -= outlet->begin;
		outlet->begin = 0;
	}
	return outlet->size - outlet->end < count ? NULL : outlet->data + outlet->end;
}

void outlet_added(struct outlet *outlet, size_t count)
{
	outlet->end += count;
}

void outlet_drop(struct outlet *outlet, size_t count)
{
	outlet->dropped += count;
	outlet->stalled = true;
}

int outlet_flush(struct outlet *outlet)
{
	while (outlet->begin < outlet->end) {
		ssize_t n = write(outlet->fd, outlet->data + outlet->begin,
				  outlet->end - outlet->begin);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 1 : -errno;
		outlet->begin += (size_t)n;
		outlet->bytes += (uint64_t)n;
	}
	outlet->begin = outlet->end = 0;
	outlet->stalled = false;
	return 0;
}
