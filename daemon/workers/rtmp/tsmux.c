#include "workers/rtmp/tsmux.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>

/*
 * libavformat's muxer, set for low delay: no interleaving queue (av_write_frame), no gathering of
 * audio (pes_payload_size 0), a PCR with every picture, tables every 100 ms, no mux delay.
 *
 * A set of streams cannot change within one of its contexts, so a change means a new one. That one
 * would begin its continuity counters at 0, which receivers take for loss; so the counters are
 * written here, over what the muxer says, per PID and over all contexts.
 */
#define TS_SIZE	    188
#define TS_BATCH    (TS_SIZE * 174) /* 32 kB to a write */
#define PIDS_MAX    8		    /* PAT, SDT, PMT, video, audio */
#define START_TIME  MEDIA_CLOCK	    /* all times 1 s later: no time is negative for a decoder */
#define SAMPLE_RATE 48000	    /* the muxer wants some rate; MPEG-TS does not carry it */

struct tsmux {
	AVFormatContext *context;
	AVPacket *packet;
	enum media_codec video;
	enum media_codec audio;
	int video_index;
	int audio_index;
	int64_t last_dts[2];
	unsigned version; /* of the tables, 5 bits */
	struct {
		uint16_t pid;
		uint8_t counter; /* of the last packet with payload */
	} pids[PIDS_MAX];
	unsigned pid_count;
	void (*on_packets)(const uint8_t *data, size_t len, void *owner);
	void *owner;
};

static void renumber(struct tsmux *m, uint8_t *packet)
{
	uint16_t pid = (uint16_t)((packet[1] & 0x1f) << 8 | packet[2]);
	bool payload = packet[3] & 0x10;
	unsigned i = 0;

	while (i < m->pid_count && m->pids[i].pid != pid)
		i++;
	if (i == m->pid_count) {
		if (i == PIDS_MAX)
			return;
		m->pids[m->pid_count++].pid = pid;
		m->pids[i].counter = 0xf;
	}
	if (payload)
		m->pids[i].counter = (m->pids[i].counter + 1) & 0xf;
	packet[3] = (uint8_t)((packet[3] & 0xf0) | m->pids[i].counter);
}

static int on_write(void *opaque, uint8_t *data, int len)
{
	struct tsmux *m = opaque;

	for (int at = 0; at + TS_SIZE <= len; at += TS_SIZE)
		renumber(m, data + at);
	m->on_packets(data, (size_t)len, m->owner);
	return len;
}

struct tsmux *tsmux_new(void (*on_packets)(const uint8_t *data, size_t len, void *owner),
			void *owner)
{
	struct tsmux *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->on_packets = on_packets;
	m->owner = owner;
	m->last_dts[0] = m->last_dts[1] = INT64_MIN;
	m->packet = av_packet_alloc();
	if (!m->packet)
		return tsmux_free(m);
	return m;
}

static void tsmux_close(struct tsmux *m)
{
	if (!m->context)
		return;
	if (m->context->pb) {
		av_freep(&m->context->pb->buffer);
		avio_context_free(&m->context->pb);
	}
	avformat_free_context(m->context);
	m->context = NULL;
}

struct tsmux *tsmux_free(struct tsmux *m)
{
	if (!m)
		return NULL;
	tsmux_close(m);
	av_packet_free(&m->packet);
	free(m);
	return NULL;
}

static int add_stream(struct tsmux *m, enum media_codec codec)
{
	AVStream *stream = avformat_new_stream(m->context, NULL);
	bool audio = codec == MEDIA_CODEC_AAC;

	if (!stream)
		return AVERROR(ENOMEM);
	stream->codecpar->codec_type = audio ? AVMEDIA_TYPE_AUDIO : AVMEDIA_TYPE_VIDEO;
	stream->codecpar->codec_id = audio			 ? AV_CODEC_ID_AAC
				     : codec == MEDIA_CODEC_HEVC ? AV_CODEC_ID_HEVC
								 : AV_CODEC_ID_H264;
	if (audio)
		stream->codecpar->sample_rate = SAMPLE_RATE;
	stream->time_base = (AVRational){ 1, MEDIA_CLOCK };
	return stream->index;
}

static int write_header(struct tsmux *m)
{
	AVDictionary *options = NULL;
	int r;

	(void)av_dict_set(&options, "pes_payload_size", "0", 0);
	(void)av_dict_set(&options, "pcr_period", "10", 0);
	(void)av_dict_set(&options, "pat_period", "0.1", 0);
	(void)av_dict_set(&options, "sdt_period", "0.5", 0);
	(void)av_dict_set_int(&options, "tables_version", m->version, 0);
	r = avformat_write_header(m->context, &options);
	av_dict_free(&options);
	return r < 0 ? r : 0;
}

int tsmux_open(struct tsmux *m, enum media_codec video, enum media_codec audio)
{
	uint8_t *buffer;
	int r;

	if (m->context) {
		tsmux_close(m);
		m->version = (m->version + 1) & 0x1f;
	}
	m->video = video;
	m->audio = audio;
	r = avformat_alloc_output_context2(&m->context, NULL, "mpegts", NULL);
	if (r < 0)
		return r;
	buffer = av_malloc(TS_BATCH);
	if (!buffer)
		return AVERROR(ENOMEM);
	m->context->pb = avio_alloc_context(buffer, TS_BATCH, 1, m, NULL, on_write, NULL);
	if (!m->context->pb) {
		av_free(buffer);
		return AVERROR(ENOMEM);
	}
	m->context->pb->seekable = 0;
	m->context->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_FLUSH_PACKETS;
	m->context->flags &= ~AVFMT_FLAG_AUTO_BSF;
	m->context->max_delay = 0;
	m->context->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
	m->video_index = m->audio_index = -1;
	if (video != MEDIA_CODEC_NONE)
		m->video_index = add_stream(m, video);
	if (audio != MEDIA_CODEC_NONE)
		m->audio_index = add_stream(m, audio);
	return write_header(m);
}

int tsmux_write(struct tsmux *m, const struct media_unit *u)
{
	int index = u->video ? m->video_index : m->audio_index;
	int64_t dts = u->dts + START_TIME, pts = u->pts + START_TIME;
	int r;

	if (!m->context || index < 0)
		return 1;
	if (dts <= m->last_dts[u->video]) {
		/* A frame of sound can be spared, a picture that others refer to cannot. */
		if (!u->video)
			return 1;
		dts = m->last_dts[1] + 1;
	}
	m->last_dts[u->video] = dts;
	m->packet->stream_index = index;
	m->packet->dts = dts;
	m->packet->pts = pts > dts ? pts : dts;
	m->packet->flags = u->key ? AV_PKT_FLAG_KEY : 0;
	m->packet->data = (uint8_t *)(uintptr_t)u->data;
	m->packet->size = (int)u->len;
	r = av_write_frame(m->context, m->packet);
	m->packet->data = NULL;
	m->packet->size = 0;
	/* The muxer keeps short audio frames back for a common packet; it is not to. */
	if (r >= 0 && !u->video)
		r = av_write_frame(m->context, NULL);
	if (r >= 0)
		avio_flush(m->context->pb);
	return r < 0;
}

enum media_codec tsmux_video(const struct tsmux *m)
{
	return m->context ? m->video : MEDIA_CODEC_NONE;
}

enum media_codec tsmux_audio(const struct tsmux *m)
{
	return m->context ? m->audio : MEDIA_CODEC_NONE;
}
