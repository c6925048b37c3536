#include "workers/av/muxer.h"

#include <errno.h>
#include <stdlib.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>

#include "workers/av/timeline.h"

/*
 * libavformat's multiplexer, told not to wait for anything: each packet is written and flushed at
 * once, audio is not gathered (pes_payload_size=0; the default of 2930 bytes is 0.18 s at
 * 128 kb/s), and no constant rate is kept up with null packets.
 *
 * mpegts_copyts keeps the time stamps; the clock reference runs CLOCK_LEAD before them, which is
 * what a receiver's buffer is given: the encoder's VBV of 0.3 s, and some.
 *
 * A change of the streams needs another muxer context. Its tables carry the next version number.
 */
#define CLOCK_LEAD   (400 * 1000) /* microseconds */
#define BUFFER_BYTES (188 * 7 * 100)
#define VERSIONS     32 /* of tables */

static const struct programme usual = {
	.number = 1,
	.pmt_pid = 0x1000,
	.pid = { [MEDIA_VIDEO] = 0x100, [MEDIA_AUDIO] = 0x101 },
	.version = VERSIONS,
};

struct muxer {
	struct output *output;
	AVFormatContext *format;
	AVIOContext *io;
	int index[MEDIA_KINDS]; /* of the streams; -1: none */
	int64_t last_dts[MEDIA_KINDS];
	struct programme wanted, layout; /* the latter is in use */
	unsigned version;		 /* of the next tables */
	uint64_t bytes, video_bytes;
};

static int muxer_flush(void *owner, uint8_t *data, int size)
{
	struct muxer *muxer = owner;

	for (int i = 0; i + 188 <= size; i += 188)
		if (((data[i + 1] & 0x1f) << 8 | data[i + 2]) == muxer->layout.pid[MEDIA_VIDEO])
			muxer->video_bytes += 188;
	muxer->bytes += (uint64_t)size;
	output_write(muxer->output, data, (size_t)size);
	return muxer->output->gone ? AVERROR(EPIPE) : size;
}

struct muxer *muxer_new(struct output *output)
{
	struct muxer *muxer = calloc(1, sizeof(*muxer));
	uint8_t *buffer = av_malloc(BUFFER_BYTES);

	if (muxer && buffer)
		muxer->io =
			avio_alloc_context(buffer, BUFFER_BYTES, 1, muxer, NULL, muxer_flush, NULL);
	if (!muxer || !muxer->io) {
		av_free(buffer);
		return muxer_free(muxer);
	}
	muxer->output = output;
	muxer->wanted = muxer->layout = usual;
	muxer->index[MEDIA_VIDEO] = muxer->index[MEDIA_AUDIO] = -1;
	muxer->last_dts[MEDIA_VIDEO] = muxer->last_dts[MEDIA_AUDIO] = INT64_MIN;
	return muxer;
}

static void muxer_close(struct muxer *muxer)
{
	if (!muxer->format)
		return;
	(void)av_write_trailer(muxer->format);
	avformat_free_context(muxer->format);
	muxer->format = NULL;
}

struct muxer *muxer_free(struct muxer *muxer)
{
	if (!muxer)
		return NULL;
	muxer_close(muxer);
	if (muxer->io)
		av_freep(&muxer->io->buffer);
	avio_context_free(&muxer->io);
	free(muxer);
	return NULL;
}

static int muxer_add(struct muxer *muxer, enum media_kind kind, const AVCodecParameters *parameters)
{
	AVStream *stream;

	muxer->index[kind] = -1;
	if (!parameters)
		return 0;
	stream = avformat_new_stream(muxer->format, NULL);
	if (!stream || avcodec_parameters_copy(stream->codecpar, parameters) < 0)
		return -ENOMEM;
	stream->codecpar->codec_tag = 0;
	stream->id = muxer->layout.pid[kind];
	stream->time_base = (AVRational){ 1, TIMELINE_HZ };
	muxer->index[kind] = stream->index;
	return 0;
}

static bool muxer_is_so(const struct muxer *muxer, enum media_kind kind,
			const AVCodecParameters *parameters)
{
	const AVCodecParameters *now;

	if (!parameters || muxer->index[kind] < 0)
		return !parameters && muxer->index[kind] < 0;
	now = muxer->format->streams[muxer->index[kind]]->codecpar;
	/* Parameter sets of the video travel in band; those of the audio are in the extradata. */
	return now->codec_id == parameters->codec_id &&
	       (kind == MEDIA_VIDEO || !now->extradata_size == !parameters->extradata_size);
}

void muxer_follow(struct muxer *muxer, const struct programme *programme)
{
	bool usable = programme->number && programme->pmt_pid >= 0x20 &&
		      programme->pid[MEDIA_VIDEO] >= 0x20 &&
		      programme->pid[MEDIA_VIDEO] != programme->pid[MEDIA_AUDIO];

	muxer->wanted = usable ? *programme : usual;
	/* Sound that was not there yet, or that has another table, gets a PID nobody has. */
	if (usable && programme->pid[MEDIA_AUDIO] < 0x20)
		muxer->wanted.pid[MEDIA_AUDIO] =
			programme->pid[MEDIA_VIDEO] == 0x101 ? 0x102 : 0x101;
}

void muxer_resume(struct muxer *muxer, const int64_t dts[MEDIA_KINDS])
{
	muxer_close(muxer);
	for (enum media_kind kind = 0; kind < MEDIA_KINDS; kind++)
		if (dts[kind] > muxer->last_dts[kind])
			muxer->last_dts[kind] = dts[kind];
}

static int muxer_open(struct muxer *muxer)
{
	AVDictionary *options = NULL;
	int r;

	if (muxer->version % VERSIONS == muxer->layout.version)
		muxer->version++;
	(void)av_dict_set(&options, "mpegts_copyts", "1", 0);
	(void)av_dict_set(&options, "pes_payload_size", "0", 0);
	(void)av_dict_set_int(&options, "tables_version", muxer->version++ % VERSIONS, 0);
	(void)av_dict_set_int(&options, "mpegts_service_id", muxer->layout.number, 0);
	(void)av_dict_set_int(&options, "mpegts_pmt_start_pid", muxer->layout.pmt_pid, 0);
	output_change(muxer->output);
	r = avformat_write_header(muxer->format, &options);
	av_dict_free(&options);
	return r;
}

int muxer_describe(struct muxer *muxer, const AVCodecParameters *video,
		   const AVCodecParameters *audio)
{
	int r;

	if (muxer->format && muxer_is_so(muxer, MEDIA_VIDEO, video) &&
	    muxer_is_so(muxer, MEDIA_AUDIO, audio))
		return 0;
	muxer_close(muxer);
	muxer->layout = muxer->wanted;
	if (avformat_alloc_output_context2(&muxer->format, NULL, "mpegts", NULL) < 0)
		return -ENOMEM;
	muxer->format->pb = muxer->io;
	muxer->format->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_FLUSH_PACKETS;
	muxer->format->max_delay = CLOCK_LEAD;
	if (muxer_add(muxer, MEDIA_VIDEO, video) || muxer_add(muxer, MEDIA_AUDIO, audio))
		return -ENOMEM;
	r = muxer_open(muxer);
	return muxer->output->gone ? -EPIPE : r < 0 ? -EINVAL : 0;
}

bool muxer_has(const struct muxer *muxer, enum media_kind kind)
{
	return muxer->index[kind] >= 0;
}

int muxer_write(struct muxer *muxer, enum media_kind kind, AVPacket *packet)
{
	int r;

	if (!muxer->format || muxer->index[kind] < 0)
		return -EINVAL;
	if (packet->dts == AV_NOPTS_VALUE || packet->dts <= muxer->last_dts[kind])
		return -ERANGE;
	muxer->last_dts[kind] = packet->dts;
	packet->stream_index = muxer->index[kind];
	r = av_write_frame(muxer->format, packet);
	/* Audio of less than a transport packet is kept for more, whatever was said at the start.
	 */
	if (r >= 0 && kind == MEDIA_AUDIO)
		r = av_write_frame(muxer->format, NULL);
	avio_flush(muxer->io);
	return muxer->output->gone ? -EPIPE : r < 0 ? -EINVAL : 0;
}

uint64_t muxer_bytes(const struct muxer *muxer)
{
	return muxer->bytes;
}

uint64_t muxer_video_bytes(const struct muxer *muxer)
{
	return muxer->video_bytes;
}
