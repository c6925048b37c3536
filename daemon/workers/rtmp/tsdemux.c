#include "workers/rtmp/tsdemux.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "workers/rtmp/psi.h"

/*
 * The thread waits for bytes inside the demuxer's read callback, for as long as it takes: a stall
 * of the input is nothing special. What it gets it hands to the loop as packets, through a list
 * and an eventfd-like wake-up (ev_async).
 *
 * The demuxer gets whole packets, in sync. It analyses nothing: no find_stream_info, no parsers.
 * That would cost seconds at the start and a frame all the time; the tables name the codecs, and a
 * PES packet is an access unit (all muxers seen do so for video). It remains that the end of a
 * picture shows only when the next one begins, because video PES packets have no length.
 *
 * Where the tables name other streams, the callback says "end of file", which makes the demuxer
 * give out what it holds, and another one begins with the PAT and the new PMT.
 */
#define READ_SIZE   (64u * 1024)
#define AVIO_SIZE   (PSI_PACKET * 64)
#define PES_MAX	    "8388608" /* bytes; the demuxer's own limit, 200 kB, cuts large pictures */
#define PROBE_SIZE  (PSI_PACKET * 128)
#define WAITING_MAX (64u * 1024 * 1024) /* bytes for the loop to fetch; then the pipe fills */
#define FOREIGN_MAX 8
#define FAILED_MAX  1000 /* failed reads in a row */

struct item {
	struct item *next;
	AVPacket *packet;	/* NULL: an event */
	enum media_codec codec; /* MEDIA_CODEC_OTHER: foreign; MEDIA_CODEC_NONE: the end */
	bool video;
	const char *name;
};

struct tsdemux {
	struct ev_loop *loop;
	ev_async wake;
	pthread_t thread;
	bool running;
	int fd;
	int stop_fd;
	const struct tsdemux_events *events;
	void *owner;

	pthread_mutex_t lock; /* of the rest up to `stats` */
	pthread_cond_t room;
	struct item *first;
	struct item **end;
	size_t waiting; /* bytes */
	bool stop;
	struct tsdemux_stats stats;

	/* The thread's own. */
	struct psi psi;
	bool changed;  /* the packet at `at` begins another set of streams */
	bool finished; /* the input has ended, or we are to stop */
	uint8_t raw[READ_SIZE];
	size_t at;    /* given to the demuxer up to here */
	size_t limit; /* may be given up to here */
	size_t len;   /* read up to here */
	uint8_t prefix[PSI_PACKET];
	size_t prefix_left;
	enum AVCodecID foreign[FOREIGN_MAX];
	unsigned foreign_count;
};

/* Takes @item over; waits while the loop has much to fetch. */
static void give(struct tsdemux *d, struct item *item)
{
	size_t size = item->packet ? (size_t)item->packet->size : 0;

	pthread_mutex_lock(&d->lock);
	while (!d->stop && d->waiting > WAITING_MAX)
		pthread_cond_wait(&d->room, &d->lock);
	*d->end = item;
	d->end = &item->next;
	d->waiting += size;
	pthread_mutex_unlock(&d->lock);
	ev_async_send(d->loop, &d->wake);
}

static void give_event(struct tsdemux *d, enum media_codec codec, bool video, const char *name)
{
	struct item *item = calloc(1, sizeof(*item));

	if (!item)
		return;
	item->codec = codec;
	item->video = video;
	item->name = name;
	give(d, item);
}

/* More bytes behind those at hand; false: there will be none. */
static bool read_more(struct tsdemux *d)
{
	struct pollfd fds[] = { { .fd = d->fd, .events = POLLIN },
				{ .fd = d->stop_fd, .events = POLLIN } };
	ssize_t n;

	memmove(d->raw, d->raw + d->at, d->len - d->at);
	d->len -= d->at;
	d->at = d->limit = 0;
	do {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return false;
		if (fds[1].revents)
			return false;
		n = read(d->fd, d->raw + d->len, sizeof(d->raw) - d->len);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n <= 0)
		return false;
	d->len += (size_t)n;
	pthread_mutex_lock(&d->lock);
	d->stats.bytes += (uint64_t)n;
	pthread_mutex_unlock(&d->lock);
	return true;
}

/* Moves the limit over the packets at hand, up to a change of the tables. */
static void scan(struct tsdemux *d)
{
	size_t skip = psi_sync(d->raw + d->limit, d->len - d->limit);
	bool tables;

	/* Between packets there is nothing, but a damaged input may have something. */
	if (skip && d->at == d->limit) {
		d->at += skip;
		d->limit += skip;
	}
	while (d->len - d->limit >= PSI_PACKET && d->raw[d->limit] == 0x47) {
		if (psi_watch(&d->psi, d->raw + d->limit)) {
			d->changed = true;
			break;
		}
		d->limit += PSI_PACKET;
	}
	tables = d->psi.known;
	pthread_mutex_lock(&d->lock);
	d->stats.skipped += skip;
	d->stats.changes += d->changed;
	d->stats.tables = tables;
	pthread_mutex_unlock(&d->lock);
}

static int on_read(void *opaque, uint8_t *buf, int size)
{
	struct tsdemux *d = opaque;
	size_t take;

	if (d->prefix_left) {
		take = d->prefix_left < (size_t)size ? d->prefix_left : (size_t)size;
		memcpy(buf, d->prefix + PSI_PACKET - d->prefix_left, take);
		d->prefix_left -= take;
		return (int)take;
	}
	while (d->at == d->limit) {
		if (d->changed || d->finished)
			return AVERROR_EOF;
		if (d->len - d->limit >= PSI_PACKET)
			scan(d);
		else if (!read_more(d))
			d->finished = true;
		else
			scan(d);
	}
	take = d->limit - d->at < (size_t)size ? d->limit - d->at : (size_t)size;
	memcpy(buf, d->raw + d->at, take);
	d->at += take;
	return (int)take;
}

static enum media_codec codec_of(const AVStream *stream)
{
	switch (stream->codecpar->codec_id) {
	case AV_CODEC_ID_H264:
		return MEDIA_CODEC_H264;
	case AV_CODEC_ID_HEVC:
		return MEDIA_CODEC_HEVC;
	case AV_CODEC_ID_AAC:
		return MEDIA_CODEC_AAC;
	default:
		return MEDIA_CODEC_OTHER;
	}
}

static void tell_foreign(struct tsdemux *d, const AVStream *stream)
{
	enum AVCodecID id = stream->codecpar->codec_id;
	enum AVMediaType type = stream->codecpar->codec_type;

	if ((type != AVMEDIA_TYPE_VIDEO && type != AVMEDIA_TYPE_AUDIO) || id == AV_CODEC_ID_NONE ||
	    id == AV_CODEC_ID_PROBE)
		return;
	for (unsigned i = 0; i < d->foreign_count; i++)
		if (d->foreign[i] == id)
			return;
	if (d->foreign_count == FOREIGN_MAX)
		return;
	d->foreign[d->foreign_count++] = id;
	give_event(d, MEDIA_CODEC_OTHER, type == AVMEDIA_TYPE_VIDEO, avcodec_get_name(id));
}

/* The first stream of its kind that can be carried; the others are not looked at further. */
static bool is_chosen(AVFormatContext *context, AVStream *stream)
{
	bool video = stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;

	for (unsigned i = 0; i < context->nb_streams; i++) {
		AVStream *other = context->streams[i];
		enum media_codec codec = codec_of(other);

		if (codec != MEDIA_CODEC_OTHER && (codec != MEDIA_CODEC_AAC) == video) {
			if (other == stream)
				return true;
			break;
		}
	}
	stream->discard = AVDISCARD_ALL;
	return false;
}

static void on_packet(struct tsdemux *d, AVFormatContext *context, AVPacket *packet)
{
	AVStream *stream = context->streams[packet->stream_index];
	enum media_codec codec = codec_of(stream);
	struct item *item;

	if (codec == MEDIA_CODEC_OTHER) {
		tell_foreign(d, stream);
		return;
	}
	if (!is_chosen(context, stream))
		return;
	if (packet->pts == AV_NOPTS_VALUE && packet->dts == AV_NOPTS_VALUE) {
		pthread_mutex_lock(&d->lock);
		d->stats.unstamped++;
		pthread_mutex_unlock(&d->lock);
		return;
	}
	item = calloc(1, sizeof(*item));
	if (!item)
		return;
	item->packet = av_packet_alloc();
	if (!item->packet) {
		free(item);
		return;
	}
	av_packet_move_ref(item->packet, packet);
	item->codec = codec;
	item->video = codec != MEDIA_CODEC_AAC;
	give(d, item);
}

static AVFormatContext *open_context(struct tsdemux *d)
{
	const AVInputFormat *format = av_find_input_format("mpegts");
	AVFormatContext *context = avformat_alloc_context();
	AVDictionary *options = NULL;
	uint8_t *buffer = av_malloc(AVIO_SIZE);
	AVIOContext *io;

	io = buffer ? avio_alloc_context(buffer, AVIO_SIZE, 0, d, on_read, NULL, NULL) : NULL;
	if (!context || !io) {
		if (!io)
			av_free(buffer);
		avformat_free_context(context);
		return NULL;
	}
	io->seekable = 0;
	context->pb = io;
	context->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN |
			  AVFMT_FLAG_NOBUFFER;
	context->probesize = PROBE_SIZE;
	context->correct_ts_overflow = 0;
	(void)av_dict_set(&options, "max_packet_size", PES_MAX, 0);
	if (avformat_open_input(&context, NULL, format, &options) < 0)
		context = NULL; /* freed by libavformat, the I/O context not */
	av_dict_free(&options);
	if (!context) {
		av_freep(&io->buffer);
		avio_context_free(&io);
	}
	return context;
}

static void close_context(AVFormatContext *context)
{
	AVIOContext *io = context->pb;

	avformat_close_input(&context);
	av_freep(&io->buffer);
	avio_context_free(&io);
}

static void *demux_thread(void *data)
{
	struct tsdemux *d = data;
	AVPacket *packet = av_packet_alloc();

	while (packet && !d->finished) {
		AVFormatContext *context = open_context(d);
		unsigned failed = 0;

		/* A demuxer that only fails is replaced, with the input where it is. */
		while (context && failed < FAILED_MAX) {
			int r = av_read_frame(context, packet);

			if (r == AVERROR_EOF)
				break;
			failed = r < 0 ? failed + 1 : 0;
			if (!r)
				on_packet(d, context, packet);
			av_packet_unref(packet);
		}
		if (context)
			close_context(context);
		if (d->changed) {
			d->changed = false;
			memcpy(d->prefix, d->psi.pat, PSI_PACKET);
			d->prefix_left = PSI_PACKET;
			d->foreign_count = 0;
		}
	}
	av_packet_free(&packet);
	give_event(d, MEDIA_CODEC_NONE, false, NULL);
	return NULL;
}

static void deliver(struct tsdemux *d, struct item *item)
{
	struct media_unit unit = { .video = item->video, .codec = item->codec };
	const AVPacket *p = item->packet;

	if (p) {
		unit.pts = p->pts != AV_NOPTS_VALUE ? p->pts : p->dts;
		unit.dts = p->dts != AV_NOPTS_VALUE ? p->dts : p->pts;
		unit.data = p->data;
		unit.len = (size_t)p->size;
		d->events->on_unit(&unit, d->owner);
	} else if (item->codec == MEDIA_CODEC_OTHER) {
		d->events->on_foreign(item->video, item->name, d->owner);
	} else {
		d->events->on_end(d->owner);
	}
}

static void free_items(struct item *item)
{
	while (item) {
		struct item *next = item->next;

		av_packet_free(&item->packet);
		free(item);
		item = next;
	}
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
	struct tsdemux *d = wake->data;
	struct item *items;

	(void)loop;
	(void)events;
	pthread_mutex_lock(&d->lock);
	items = d->first;
	d->first = NULL;
	d->end = &d->first;
	d->waiting = 0;
	pthread_cond_signal(&d->room);
	pthread_mutex_unlock(&d->lock);
	for (struct item *i = items; i; i = i->next)
		deliver(d, i);
	free_items(items);
}

struct tsdemux *tsdemux_new(struct ev_loop *loop, int fd, const struct tsdemux_events *events,
			    void *owner)
{
	struct tsdemux *d = calloc(1, sizeof(*d));
	sigset_t all, before;

	if (!d)
		return NULL;
	d->loop = loop;
	d->fd = fd;
	d->events = events;
	d->owner = owner;
	d->end = &d->first;
	(void)pthread_mutex_init(&d->lock, NULL);
	(void)pthread_cond_init(&d->room, NULL);
	ev_async_init(&d->wake, on_wake);
	d->wake.data = d;
	ev_async_start(loop, &d->wake);
	d->stop_fd = eventfd(0, EFD_CLOEXEC);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
	d->running = d->stop_fd >= 0 && !pthread_create(&d->thread, NULL, demux_thread, d);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return d->running ? d : tsdemux_free(d);
}

struct tsdemux *tsdemux_free(struct tsdemux *d)
{
	uint64_t one = 1;

	if (!d)
		return NULL;
	if (d->running) {
		pthread_mutex_lock(&d->lock);
		d->stop = true;
		pthread_cond_signal(&d->room);
		pthread_mutex_unlock(&d->lock);
		(void)!write(d->stop_fd, &one, sizeof(one));
		(void)pthread_join(d->thread, NULL);
	}
	ev_async_stop(d->loop, &d->wake);
	free_items(d->first);
	if (d->stop_fd >= 0)
		(void)close(d->stop_fd);
	(void)pthread_cond_destroy(&d->room);
	(void)pthread_mutex_destroy(&d->lock);
	free(d);
	return NULL;
}

void tsdemux_stats(struct tsdemux *d, struct tsdemux_stats *ret_stats)
{
	pthread_mutex_lock(&d->lock);
	*ret_stats = d->stats;
	pthread_mutex_unlock(&d->lock);
}
