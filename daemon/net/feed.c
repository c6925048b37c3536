#include "net/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A descriptor may take a part of a packet only. What is left of that packet is put aside, so that
 * the tap always stands between packets and can skip at any time; the rest goes out first when the
 * descriptor takes more.
 */
#define WRITE_MAX  (7 * 24 * FANOUT_PACKET_BYTES) /* about 32 KB: several writes share the loop */
#define WRITES_MAX 32				  /* per turn and feed: 1 MB */

struct feed {
	struct feeds *feeds;
	struct feed *next;
	struct fanout_tap tap;
	enum fanout_rule rule;
	size_t bound_bytes;
	usec_t bound_age;
	int fd;
	struct loop_io io;
	feed_sink sink;
	void *sink_owner;
	void (*on_broken)(void *owner, int error);
	void *owner;
	uint8_t rest[FANOUT_PACKET_BYTES];
	size_t rest_len;
};

struct feeds {
	struct loop *loop;
	struct fanout *fanout;
	struct feed *first;
};

struct feeds *feeds_new(struct loop *loop, size_t ring_bytes)
{
	struct feeds *feeds = calloc(1, sizeof(*feeds));

	if (!feeds)
		return NULL;
	feeds->loop = loop;
	feeds->fanout = fanout_new(ring_bytes);
	return feeds->fanout ? feeds : feeds_free(feeds);
}

struct feeds *feeds_free(struct feeds *feeds)
{
	if (!feeds)
		return NULL;
	feeds->fanout = fanout_free(feeds->fanout);
	free(feeds);
	return NULL;
}

uint64_t feeds_bytes(const struct feeds *feeds)
{
	return fanout_bytes(feeds->fanout);
}

static void feed_broken(struct feed *feed, int error)
{
	feed_to_fd(feed, -1);
	if (feed->on_broken)
		feed->on_broken(feed->owner, error);
}

/* True: everything was taken; false: full or broken, errno tells. */
static bool write_rest(struct feed *feed)
{
	while (feed->rest_len) {
		ssize_t n = write(feed->fd, feed->rest, feed->rest_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		feed->rest_len -= (size_t)n;
		memmove(feed->rest, feed->rest + n, feed->rest_len);
	}
	return true;
}

static bool write_some(struct feed *feed)
{
	const uint8_t *packets;
	size_t len = fanout_tap_peek(&feed->tap, WRITE_MAX, &packets), whole;
	ssize_t n;

	if (!len)
		return true;
	n = write(feed->fd, packets, len);
	if (n < 0)
		return errno == EINTR;
	whole = ((size_t)n + FANOUT_PACKET_BYTES - 1) / FANOUT_PACKET_BYTES * FANOUT_PACKET_BYTES;
	feed->rest_len = whole - (size_t)n;
	memcpy(feed->rest, packets + n, feed->rest_len);
	fanout_tap_take(&feed->tap, whole);
	return (size_t)n == len;
}

static void push_fd(struct feed *feed)
{
	bool full = false;

	for (unsigned i = 0; i < WRITES_MAX && !full; i++) {
		if (!feed->rest_len && !fanout_tap_backlog(&feed->tap))
			break;
		errno = 0;
		full = !write_rest(feed) || !write_some(feed);
	}
	if (full && errno && errno != EAGAIN)
		feed_broken(feed, errno);
	else
		loop_io_set(&feed->io,
			    feed->rest_len || fanout_tap_backlog(&feed->tap) ? LOOP_WRITE : 0);
}

static void push_sink(struct feed *feed, usec_t captured)
{
	const uint8_t *packets;
	size_t len;

	while ((len = fanout_tap_peek(&feed->tap, WRITE_MAX, &packets))) {
		feed->sink(feed->sink_owner, packets, len, captured);
		fanout_tap_take(&feed->tap, len);
	}
}

static void push(struct feed *feed, usec_t captured)
{
	/* A descriptor that is being waited for will tell when it can take more. */
	if (feed->sink)
		push_sink(feed, captured);
	else if (feed->fd >= 0 && !feed->io.events)
		push_fd(feed);
}

static void on_writable(struct loop_io *io, unsigned events)
{
	(void)events;
	push_fd(io->owner);
}

void feeds_write_captured(struct feeds *feeds, const uint8_t *packets, size_t len, usec_t captured)
{
	struct feed *next;

	fanout_write(feeds->fanout, packets, len, loop_now(feeds->loop));
	for (struct feed *feed = feeds->first; feed; feed = next) {
		next = feed->next;
		push(feed, captured);
	}
}

void feeds_write(struct feeds *feeds, const uint8_t *packets, size_t len)
{
	feeds_write_captured(feeds, packets, len, loop_now(feeds->loop));
}

struct feed *feed_new(struct feeds *feeds, enum fanout_rule rule, size_t bound_bytes,
		      usec_t bound_age)
{
	struct feed *feed = calloc(1, sizeof(*feed));

	if (!feed)
		return NULL;
	*feed = (struct feed){ .feeds = feeds,
			       .next = feeds->first,
			       .rule = rule,
			       .bound_bytes = bound_bytes,
			       .bound_age = bound_age,
			       .fd = -1 };
	feeds->first = feed;
	return feed;
}

struct feed *feed_free(struct feed *feed)
{
	if (!feed)
		return NULL;
	feed_to_fd(feed, -1);
	feed_close(feed);
	for (struct feed **link = &feed->feeds->first; *link; link = &(*link)->next)
		if (*link == feed) {
			*link = feed->next;
			break;
		}
	free(feed);
	return NULL;
}

void feed_open(struct feed *feed)
{
	if (!feed->tap.fanout)
		fanout_tap_open(&feed->tap, feed->feeds->fanout, feed->rule, feed->bound_bytes,
				feed->bound_age);
}

void feed_close(struct feed *feed)
{
	fanout_tap_close(&feed->tap);
}

void feed_to_fd(struct feed *feed, int fd)
{
	if (feed->fd >= 0)
		loop_io_deinit(&feed->io);
	feed->rest_len = 0;
	feed->sink = NULL;
	feed->fd = fd;
	if (fd < 0)
		return;
	loop_io_init(&feed->io, feed->feeds->loop, fd, on_writable, feed);
	push_fd(feed);
}

void feed_to_sink(struct feed *feed, feed_sink sink, void *owner)
{
	feed_to_fd(feed, -1);
	feed->sink = sink;
	feed->sink_owner = owner;
	push(feed, loop_now(feed->feeds->loop));
}

void feed_on_broken(struct feed *feed, void (*on_broken)(void *owner, int error), void *owner)
{
	feed->on_broken = on_broken;
	feed->owner = owner;
}

void feed_info(const struct feed *feed, struct feed_info *ret_info)
{
	*ret_info = (struct feed_info){
		.bytes = feed->tap.taken_bytes,
		.dropped_bytes = feed->tap.dropped_bytes,
		.overflows = feed->tap.overflows,
		.backlog_bytes = fanout_tap_backlog(&feed->tap),
		.age = fanout_tap_age(&feed->tap, loop_now(feed->feeds->loop)),
	};
}
