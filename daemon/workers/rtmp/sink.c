#include "workers/rtmp/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void sink_fail(struct sink *s, int error)
{
	s->broken = true;
	s->error = error;
	buffer_clear(&s->waiting);
	ev_feed_event(s->loop, &s->io, EV_CUSTOM);
}

/* The bytes that went out; the rest must wait. */
static size_t write_now(struct sink *s, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(s->fd, data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			sink_fail(s, errno);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	s->written += done;
	return done;
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct sink *s = io->data;

	(void)events;
	if (!s->broken)
		buffer_consume(&s->waiting,
			       write_now(s, buffer_data(&s->waiting), buffer_len(&s->waiting)));
	if (s->broken) {
		ev_io_stop(loop, io);
		s->on_broken(s->error, s->owner);
	} else if (!buffer_len(&s->waiting)) {
		ev_io_stop(loop, io);
	}
}

void sink_init(struct sink *s, struct ev_loop *loop, int fd,
	       void (*on_broken)(int error, void *owner), void *owner)
{
	int flags = fcntl(fd, F_GETFL);

	*s = (struct sink){ .loop = loop, .fd = fd, .on_broken = on_broken, .owner = owner };
	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	buffer_init(&s->waiting, SINK_MAX);
	ev_io_init(&s->io, on_io, fd, EV_WRITE);
	s->io.data = s;
}

void sink_deinit(struct sink *s)
{
	ev_io_stop(s->loop, &s->io);
	(void)ev_clear_pending(s->loop, &s->io);
	buffer_deinit(&s->waiting);
}

bool sink_is_full(const struct sink *s)
{
	return buffer_len(&s->waiting) > SINK_HIGH;
}

void sink_write(struct sink *s, const void *data, size_t len)
{
	size_t done = 0;

	if (s->broken)
		return;
	if (!buffer_len(&s->waiting))
		done = write_now(s, data, len);
	if (done == len || s->broken)
		return;
	if (buffer_append(&s->waiting, (const uint8_t *)data + done, len - done) < 0)
		s->lost += len - done;
	ev_io_start(s->loop, &s->io);
}
