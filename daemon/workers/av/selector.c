#include "workers/av/selector.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

void selector_init(struct selector *selector)
{
	memset(selector, 0, sizeof(*selector));
	selector->followed[MEDIA_VIDEO] = selector->followed[MEDIA_AUDIO] = -1;
}

static void selector_forget(struct selector *selector, enum media_kind kind)
{
	for (unsigned i = 0; i < selector->candidate[kind].count; i++)
		av_packet_free(&selector->candidate[kind].packets[i]);
	selector->candidate[kind].count = 0;
}

void selector_deinit(struct selector *selector)
{
	selector_forget(selector, MEDIA_VIDEO);
	selector_forget(selector, MEDIA_AUDIO);
}

static bool kind_of(const AVStream *stream, enum media_kind *ret_kind)
{
	enum AVMediaType type = stream->codecpar->codec_type;

	if (stream->codecpar->codec_id == AV_CODEC_ID_NONE ||
	    (type != AVMEDIA_TYPE_VIDEO && type != AVMEDIA_TYPE_AUDIO))
		return false;
	*ret_kind = type == AVMEDIA_TYPE_VIDEO ? MEDIA_VIDEO : MEDIA_AUDIO;
	return true;
}

static bool programme_has(const AVProgram *programme, int index)
{
	for (unsigned i = 0; programme && i < programme->nb_stream_indexes; i++)
		if (programme->stream_index[i] == (unsigned)index)
			return true;
	return false;
}

/* Whether a stream may be followed. At first only one of a programme, as far as programmes are
 * known; then not one of another programme. libavformat's lists say less than one would think: a
 * stream which comes back with a PMT that was seen before is in none of them. */
static bool selector_wants(const struct selector *selector, AVFormatContext *format, int index,
			   enum media_kind kind)
{
	int other = selector->followed[kind == MEDIA_VIDEO ? MEDIA_AUDIO : MEDIA_VIDEO];
	AVProgram *theirs = av_find_program_from_stream(format, NULL, index);
	AVProgram *ours = other < 0 ? NULL : av_find_program_from_stream(format, NULL, other);

	if (!theirs)
		return !format->nb_programs || selector->followed[kind] >= 0;
	return kind == MEDIA_VIDEO || !ours || programme_has(ours, index);
}

/* Keeps a packet of a stream that may take over; true: it does so now. */
static bool selector_consider(struct selector *selector, AVPacket *packet, enum media_kind kind)
{
	if (selector->candidate[kind].index != packet->stream_index)
		selector_forget(selector, kind);
	selector->candidate[kind].index = packet->stream_index;
	selector->candidate[kind].packets[selector->candidate[kind].count++] = packet;
	return selector->followed[kind] < 0 || selector->candidate[kind].count == SELECTOR_PATIENCE;
}

unsigned selector_take(struct selector *selector, AVFormatContext *format, AVPacket *packet,
		       enum media_kind *ret_kind, AVPacket *ret_packets[SELECTOR_PATIENCE])
{
	const AVStream *stream = format->streams[packet->stream_index];
	int index = packet->stream_index;
	unsigned count = 1;
	enum media_kind kind;

	if (!kind_of(stream, &kind) ||
	    (selector->followed[kind] != index && !selector_wants(selector, format, index, kind))) {
		av_packet_free(&packet);
		return 0;
	}
	ret_packets[0] = packet;
	if (selector->followed[kind] != index) {
		if (!selector_consider(selector, packet, kind))
			return 0;
		count = selector->candidate[kind].count;
		for (unsigned i = 0; i < count; i++)
			ret_packets[i] = selector->candidate[kind].packets[i];
		selector->candidate[kind].count = 0;
		selector->followed[kind] = index;
		selector->source[kind]++;
	}
	selector_forget(selector, kind);
	if (selector->codec[kind] != stream->codecpar->codec_id) {
		selector->codec[kind] = stream->codecpar->codec_id;
		selector->source[kind]++;
	}
	*ret_kind = kind;
	return count;
}

enum AVCodecID selector_codec(const struct selector *selector, const AVFormatContext *format,
			      enum media_kind kind)
{
	enum media_kind other;

	if (selector->followed[kind] >= 0)
		return selector->codec[kind];
	for (unsigned i = 0; i < format->nb_streams; i++)
		if (kind_of(format->streams[i], &other) && other == kind)
			return format->streams[i]->codecpar->codec_id;
	return AV_CODEC_ID_NONE;
}

void selector_programme(const struct selector *selector, AVFormatContext *format,
			struct programme *ret_programme)
{
	int video = selector->followed[MEDIA_VIDEO];
	AVProgram *programme = video < 0 ? NULL : av_find_program_from_stream(format, NULL, video);

	*ret_programme = (struct programme){ .version = UINT_MAX };
	for (enum media_kind kind = 0; kind < MEDIA_KINDS; kind++)
		if (selector->followed[kind] >= 0)
			ret_programme->pid[kind] =
				(uint16_t)format->streams[selector->followed[kind]]->id;
	if (!programme)
		return;
	ret_programme->number = (uint16_t)programme->program_num;
	ret_programme->pmt_pid = (uint16_t)programme->pmt_pid;
	if (programme->pmt_version >= 0)
		ret_programme->version = (unsigned)programme->pmt_version;
}
