#include "workers/av/demuxer.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libavformat/avformat.h>

#include "workers/av/guess.h"
#include "workers/av/now.h"
#include "workers/av/reference.h"

/*
 * libavformat's demultiplexer with a small probe and without avformat_find_stream_info(), which
 * would hold back the first half second or more: the decoders find all they need in the stream
 * itself, and streams that appear later are looked at as they come.
 *
 * Its parsers cut the stream into pictures and audio frames. A picture is out when the next one
 * begins, which costs two picture intervals: 67 ms at 30 pictures a second, the largest part of
 * what this worker adds.
 *
 * A stream without tables is given some (guess.h), which places in the stream do not count.
 *
 * The queue is bounded by packets and bytes. A live input that is not taken loses whole stretches:
 * what does not fit, and then everything of the video up to a keyframe, so that the decoder meets a
 * clean cut.
 */
#define PROBE_BYTES	65536 /* tables come every 100 ms or so; without tables this much is read */
#define READ_BYTES	65536
#define QUEUE_MAX	4096	   /* packets: more than 20 s of picture and sound */
#define QUEUE_BYTES_MAX (64 << 20) /* 25 s at 20 Mb/s */
#define STAMP_WRAP	(INT64_C(1) << 33)

struct demuxer {
	int fd, stop_fd;
	bool live;
	struct raw *raw;
	AVFormatContext *format;
	AVIOContext *io;
	pthread_t thread;
	bool running;

	/* Of the thread. */
	struct selector selector;
	struct guess guess;
	struct reference reference;
	int64_t guessed_bytes;	    /* put in so far */
	bool cut;		    /* video is dropped up to a keyframe */
	int64_t place[MEDIA_KINDS]; /* of the PES packet that is being read */

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed;
	struct media queue[QUEUE_MAX];
	unsigned first, count;
	size_t queue_bytes;
	int64_t newest_video; /* time stamps, for the lag */
	int64_t oldest_video;
	bool quit, ended, poked;
	struct demuxer_stats stats;
};

static bool demuxer_quits(struct demuxer *demuxer)
{
	bool quit;

	(void)pthread_mutex_lock(&demuxer->lock);
	quit = demuxer->quit;
	(void)pthread_mutex_unlock(&demuxer->lock);
	return quit;
}

static int demuxer_read(void *owner, uint8_t *data, int size)
{
	struct demuxer *demuxer = owner;
	uint8_t tables[GUESS_BYTES];
	struct pollfd items[] = {
		{ .fd = demuxer->fd, .events = POLLIN },
		{ .fd = demuxer->stop_fd, .events = POLLIN },
	};
	ssize_t n;

	if (guess_tables(&demuxer->guess, now_usec(), tables)) {
		memcpy(data, tables, sizeof(tables));
		demuxer->guessed_bytes += sizeof(tables);
		return sizeof(tables);
	}
	do {
		if (poll(items, 2, 500) < 0 && errno != EINTR)
			return AVERROR(errno);
		if (items[1].revents || demuxer_quits(demuxer))
			return AVERROR_EOF;
		n = items[0].revents ? read(demuxer->fd, data, (size_t)size) : -1;
		if (items[0].revents && n < 0 && errno != EINTR && errno != EAGAIN)
			return AVERROR(errno);
	} while (n < 0);
	if (demuxer->raw && n > 0)
		raw_append(demuxer->raw, data, (size_t)n);
	guess_feed(&demuxer->guess, data, (size_t)n, now_usec());
	reference_feed(&demuxer->reference, data, (size_t)n);
	(void)pthread_mutex_lock(&demuxer->lock);
	demuxer->stats.misfits = demuxer->reference.wrong;
	demuxer->stats.bytes += (uint64_t)n;
	(void)pthread_mutex_unlock(&demuxer->lock);
	return n ? (int)n : AVERROR_EOF;
}

/* Waits for room when the input can wait; false: the packet is to be dropped. Locked. */
static bool demuxer_room(struct demuxer *demuxer)
{
	while (demuxer->count == QUEUE_MAX || demuxer->queue_bytes > QUEUE_BYTES_MAX) {
		if (demuxer->live || demuxer->quit)
			return false;
		(void)pthread_cond_wait(&demuxer->changed, &demuxer->lock);
	}
	return true;
}

static int64_t packet_stamp(const AVPacket *packet)
{
	return packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
}

/* Consumes the packet. */
static void demuxer_push(struct demuxer *demuxer, enum media_kind kind, AVPacket *packet)
{
	bool key = packet->flags & AV_PKT_FLAG_KEY, room;

	(void)pthread_mutex_lock(&demuxer->lock);
	if (packet->flags & AV_PKT_FLAG_CORRUPT)
		demuxer->stats.damaged++;
	room = demuxer_room(demuxer);
	if (!room || (kind == MEDIA_VIDEO && demuxer->cut && !key)) {
		demuxer->cut = demuxer->cut || kind == MEDIA_VIDEO;
		demuxer->stats.dropped++;
		av_packet_free(&packet);
	} else {
		if (kind == MEDIA_VIDEO) {
			demuxer->cut = false;
			if (packet_stamp(packet) != AV_NOPTS_VALUE)
				demuxer->newest_video = packet_stamp(packet);
		}
		demuxer->queue_bytes += (size_t)packet->size;
		demuxer->queue[(demuxer->first + demuxer->count++) % QUEUE_MAX] = (struct media){
			.packet = packet,
			.kind = kind,
			.codec = demuxer->selector.codec[kind],
			.source = demuxer->selector.source[kind],
			.arrived = now_usec(),
		};
		(void)pthread_cond_signal(&demuxer->changed);
	}
	(void)pthread_mutex_unlock(&demuxer->lock);
}

static void demuxer_look(struct demuxer *demuxer)
{
	struct programme programme;

	selector_programme(&demuxer->selector, demuxer->format, &programme);
	if (guess_is_used(&demuxer->guess))
		programme.number = 0; /* that is ours, not the stream's */
	(void)pthread_mutex_lock(&demuxer->lock);
	demuxer->stats.programme = programme;
	for (enum media_kind kind = 0; kind < MEDIA_KINDS; kind++)
		demuxer->stats.listed[kind] =
			selector_codec(&demuxer->selector, demuxer->format, kind);
	(void)pthread_mutex_unlock(&demuxer->lock);
}

static void demuxer_damage(struct demuxer *demuxer)
{
	(void)pthread_mutex_lock(&demuxer->lock);
	demuxer->stats.damaged++;
	(void)pthread_mutex_unlock(&demuxer->lock);
}

static bool demuxer_open(struct demuxer *demuxer)
{
	uint8_t *buffer = av_malloc(READ_BYTES);

	if (buffer)
		demuxer->io = avio_alloc_context(buffer, READ_BYTES, 0, demuxer, demuxer_read, NULL,
						 NULL);
	if (!demuxer->io)
		av_free(buffer);
	demuxer->format = avformat_alloc_context();
	if (!demuxer->io || !demuxer->format)
		return false;
	demuxer->format->pb = demuxer->io;
	demuxer->format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_NOBUFFER;
	demuxer->format->probesize = PROBE_BYTES;
	demuxer->format->correct_ts_overflow = 0; /* timeline.c does that, and for longer */
	return avformat_open_input(&demuxer->format, NULL, av_find_input_format("mpegts"), NULL) ==
	       0;
}

static void demuxer_close(struct demuxer *demuxer)
{
	avformat_close_input(&demuxer->format);
	if (demuxer->io)
		av_freep(&demuxer->io->buffer);
	avio_context_free(&demuxer->io);
}

/* Reads packets until the input ends. */
static void demuxer_loop(struct demuxer *demuxer)
{
	while (!demuxer_quits(demuxer)) {
		AVPacket *packet = av_packet_alloc(), *taken[SELECTOR_PATIENCE];
		enum media_kind kind;
		unsigned count;
		int r = packet ? av_read_frame(demuxer->format, packet) : AVERROR(ENOMEM);

		if (r < 0) {
			av_packet_free(&packet);
			/* No transport stream for 64 kB: it may still begin. */
			if (r != AVERROR_INVALIDDATA || avio_feof(demuxer->format->pb))
				return;
			demuxer_damage(demuxer);
			continue;
		}
		count = selector_take(&demuxer->selector, demuxer->format, packet, &kind, taken);
		demuxer_look(demuxer);
		for (unsigned i = 0; i < count; i++) {
			/* Only the first frame that begins in a PES packet knows its place. */
			if (taken[i]->pos < 0)
				taken[i]->pos = demuxer->place[kind];
			else
				taken[i]->pos -= demuxer->guessed_bytes;
			demuxer->place[kind] = taken[i]->pos;
			demuxer_push(demuxer, kind, taken[i]);
		}
	}
}

static void *demuxer_run(void *owner)
{
	struct demuxer *demuxer = owner;

	if (demuxer_open(demuxer)) {
		demuxer_look(demuxer);
		demuxer_loop(demuxer);
	}
	(void)pthread_mutex_lock(&demuxer->lock);
	demuxer->ended = true;
	(void)pthread_cond_signal(&demuxer->changed);
	(void)pthread_mutex_unlock(&demuxer->lock);
	return NULL;
}

struct demuxer *demuxer_new(int fd, int stop_fd, bool live, struct raw *raw)
{
	struct demuxer *demuxer = calloc(1, sizeof(*demuxer));
	pthread_condattr_t attributes;

	if (!demuxer)
		return NULL;
	demuxer->fd = fd;
	demuxer->stop_fd = stop_fd;
	demuxer->live = live;
	demuxer->raw = raw;
	demuxer->place[MEDIA_VIDEO] = demuxer->place[MEDIA_AUDIO] = -1;
	selector_init(&demuxer->selector);
	guess_init(&demuxer->guess);
	reference_init(&demuxer->reference);
	(void)pthread_mutex_init(&demuxer->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&demuxer->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	demuxer->running = !pthread_create(&demuxer->thread, NULL, demuxer_run, demuxer);
	return demuxer->running ? demuxer : demuxer_free(demuxer);
}

struct demuxer *demuxer_free(struct demuxer *demuxer)
{
	if (!demuxer)
		return NULL;
	if (demuxer->running) {
		(void)pthread_mutex_lock(&demuxer->lock);
		demuxer->quit = true;
		(void)pthread_cond_signal(&demuxer->changed);
		(void)pthread_mutex_unlock(&demuxer->lock);
		(void)pthread_join(demuxer->thread, NULL);
	}
	for (; demuxer->count; demuxer->count--, demuxer->first++)
		av_packet_free(&demuxer->queue[demuxer->first % QUEUE_MAX].packet);
	selector_deinit(&demuxer->selector);
	demuxer_close(demuxer);
	(void)pthread_cond_destroy(&demuxer->changed);
	(void)pthread_mutex_destroy(&demuxer->lock);
	free(demuxer);
	return NULL;
}

int demuxer_next(struct demuxer *demuxer, usec_t timeout, struct media *ret_media)
{
	usec_t end = now_usec() + timeout;
	struct timespec until = { .tv_sec = (time_t)(end / USEC_PER_SEC),
				  .tv_nsec = (long)(end % USEC_PER_SEC * 1000) };
	int outcome = 1;

	(void)pthread_mutex_lock(&demuxer->lock);
	while (!demuxer->count && !demuxer->ended && !demuxer->poked)
		if (pthread_cond_timedwait(&demuxer->changed, &demuxer->lock, &until))
			break;
	demuxer->poked = false;
	if (demuxer->count) {
		*ret_media = demuxer->queue[demuxer->first];
		demuxer->first = (demuxer->first + 1) % QUEUE_MAX;
		demuxer->count--;
		demuxer->queue_bytes -= (size_t)ret_media->packet->size;
		if (ret_media->kind == MEDIA_VIDEO &&
		    packet_stamp(ret_media->packet) != AV_NOPTS_VALUE)
			demuxer->oldest_video = packet_stamp(ret_media->packet);
		(void)pthread_cond_signal(&demuxer->changed);
	} else {
		outcome = demuxer->ended ? -ENODATA : 0;
	}
	(void)pthread_mutex_unlock(&demuxer->lock);
	return outcome;
}

void demuxer_poke(struct demuxer *demuxer)
{
	(void)pthread_mutex_lock(&demuxer->lock);
	demuxer->poked = true;
	(void)pthread_cond_signal(&demuxer->changed);
	(void)pthread_mutex_unlock(&demuxer->lock);
}

void demuxer_stats(struct demuxer *demuxer, struct demuxer_stats *ret_stats)
{
	int64_t waiting;

	(void)pthread_mutex_lock(&demuxer->lock);
	*ret_stats = demuxer->stats;
	waiting = (demuxer->newest_video - demuxer->oldest_video) & (STAMP_WRAP - 1);
	/* Across a break of the source's clock the difference means nothing: it counts as none. */
	ret_stats->lag =
		waiting < 60 * 90000 && demuxer->count ? (usec_t)waiting * USEC_PER_SEC / 90000 : 0;
	(void)pthread_mutex_unlock(&demuxer->lock);
}
