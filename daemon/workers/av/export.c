#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <libavformat/avformat.h>

#include "workers/av/role.h"
#include "sys/log.h"
#include "workers/av/timeline.h"
#include "uplinkd/worker.h"

/*
 * Segments of a recording to one MP4. The segments are cuts of one transport stream, so they are
 * read as one; every packet of picture and sound is copied. The file gets its name when it is
 * complete: what has the name is playable.
 *
 * Where the recorded source restarted its clock, the recording goes on a frame later; a hole up to
 * HOLE_MAX (the source was away) stays as long as it was.
 */
#define READ_BYTES 65536
#define WRAP	   (INT64_C(1) << 33)
#define HOLE_MAX   (INT64_C(3600) * TIMELINE_HZ)

struct export
{
	char **segments; /* those still to be opened */
	char **end;
	int fd; /* of the open one; -1: none */
	AVIOContext *io;
	AVFormatContext *input, *output;
	struct timeline timeline;
	int *map;	   /* stream of the input -> of the output; -1: left out */
	int64_t *last_dts; /* by stream of the output */
	int64_t *next_dts; /* where the last packet ended; AV_NOPTS_VALUE: not known */
	unsigned mapped;
	uint64_t packets, dropped;
	bool failed; /* a segment could not be read */
};

static int export_read(void *owner, uint8_t *data, int size)
{
	struct export *export = owner;

	for (;;) {
		ssize_t n = export->fd < 0 ? 0 : read(export->fd, data, (size_t)size);

		if (n > 0)
			return (int)n;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			log_err("%s: cannot read: %s", export->segments[-1], strerror(errno));
			export->failed = true;
		}
		if (export->fd >= 0)
			(void)close(export->fd);
		export->fd = -1;
		if (export->failed || export->segments == export->end)
			return AVERROR_EOF;
		export->fd = open(*export->segments++, O_RDONLY | O_CLOEXEC);
		if (export->fd < 0) {
			log_err("%s: cannot open: %s", export->segments[-1], strerror(errno));
			export->failed = true;
		}
	}
}

static bool export_open_input(struct export *export)
{
	uint8_t *buffer = av_malloc(READ_BYTES);

	if (buffer)
		export->io =
			avio_alloc_context(buffer, READ_BYTES, 0, export, export_read, NULL, NULL);
	if (!export->io)
		av_free(buffer);
	export->input = avformat_alloc_context();
	if (!export->io || !export->input)
		return false;
	export->input->pb = export->io;
	export->input->flags |= AVFMT_FLAG_CUSTOM_IO;
	export->input->correct_ts_overflow = 0;
	return avformat_open_input(&export->input, NULL, av_find_input_format("mpegts"), NULL) ==
		       0 &&
	       avformat_find_stream_info(export->input, NULL) >= 0;
}

static bool export_map(struct export *export, unsigned index)
{
	const AVStream *in = export->input->streams[index];
	AVStream *out;

	export->map[index] = -1;
	if ((in->codecpar->codec_type != AVMEDIA_TYPE_VIDEO || !in->codecpar->width) &&
	    (in->codecpar->codec_type != AVMEDIA_TYPE_AUDIO || !in->codecpar->sample_rate))
		return true;
	out = avformat_new_stream(export->output, NULL);
	if (!out || avcodec_parameters_copy(out->codecpar, in->codecpar) < 0)
		return false;
	out->codecpar->codec_tag = 0;
	if (in->codecpar->codec_id == AV_CODEC_ID_HEVC)
		out->codecpar->codec_tag = MKTAG('h', 'v', 'c', '1');
	out->time_base = in->time_base;
	out->avg_frame_rate = in->avg_frame_rate;
	export->map[index] = out->index;
	export->last_dts[out->index] = INT64_MIN;
	export->next_dts[out->index] = AV_NOPTS_VALUE;
	return true;
}

static bool export_open_output(struct export *export, const char *file)
{
	AVDictionary *options = NULL;
	unsigned count = export->input->nb_streams;
	bool done;

	export->map = calloc(count + 1, sizeof(*export->map));
	export->last_dts = calloc(count + 1, sizeof(*export->last_dts));
	export->next_dts = calloc(count + 1, sizeof(*export->next_dts));
	export->mapped = count;
	if (!export->map || !export->last_dts || !export->next_dts ||
	    avformat_alloc_output_context2(&export->output, NULL, "mp4", file) < 0)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!export_map(export, i))
			return false;
	if (!export->output->nb_streams) {
		log_err("the segments hold neither picture nor sound");
		return false;
	}
	(void)av_dict_set(&options, "movflags", "faststart", 0);
	done = avio_open(&export->output->pb, file, AVIO_FLAG_WRITE) >= 0 &&
	       avformat_write_header(export->output, &options) >= 0;
	av_dict_free(&options);
	if (!done)
		log_err("%s: cannot write: %s", file, strerror(errno));
	return done;
}

/* Puts the packet's time stamps on the timeline; false: it has none, and none follows from the
 * packets before (of several audio frames in one PES packet only the first is stamped). */
static bool export_place(struct export *export, AVPacket *packet, int index)
{
	const AVStream *stream = export->input->streams[packet->stream_index];
	int64_t length = av_rescale(
		av_get_audio_frame_duration2(stream->codecpar, packet->size), TIMELINE_HZ,
		stream->codecpar->sample_rate ? stream->codecpar->sample_rate : 1);
	int64_t ahead = 0;

	if (packet->dts == AV_NOPTS_VALUE) {
		packet->dts = export->next_dts[index];
	} else {
		if (packet->pts != AV_NOPTS_VALUE)
			ahead = (packet->pts - packet->dts) & (WRAP - 1);
		packet->dts = timeline_place(&export->timeline, packet->dts, 0) - WRAP;
	}
	if (packet->dts == AV_NOPTS_VALUE)
		return false;
	packet->pts = packet->dts + (ahead < 60 * TIMELINE_HZ ? ahead : 0);
	export->next_dts[index] = length > 0 ? packet->dts + length : AV_NOPTS_VALUE;
	return true;
}

/* False: the output cannot be written. */
static bool export_packet(struct export *export, AVPacket *packet)
{
	int index =
		packet->stream_index < (int)export->mapped ? export->map[packet->stream_index] : -1;
	AVRational from = export->input->streams[packet->stream_index]->time_base;

	if (index < 0)
		return true;
	if (!export_place(export, packet, index) || packet->dts <= export->last_dts[index]) {
		export->dropped++;
		return true;
	}
	export->last_dts[index] = packet->dts;
	packet->stream_index = index;
	packet->pos = -1;
	av_packet_rescale_ts(packet, from, export->output->streams[index]->time_base);
	/* A damaged packet may be refused; only the file's own errors are fatal. */
	if (av_interleaved_write_frame(export->output, packet) < 0)
		export->dropped++;
	else
		export->packets++;
	return export->output->pb->error >= 0;
}

static int export_copy(struct export *export, const char *file)
{
	AVPacket *packet = av_packet_alloc();
	bool good = packet;
	int r = 0;

	while (good && r >= 0) {
		r = av_read_frame(export->input, packet);
		/* A damaged stretch: the recording goes on behind it. */
		if (r == AVERROR_INVALIDDATA && !avio_feof(export->io))
			r = 0;
		else if (r >= 0)
			good = export_packet(export, packet);
		if (packet)
			av_packet_unref(packet);
	}
	av_packet_free(&packet);
	good = good && av_write_trailer(export->output) >= 0;
	good = avio_closep(&export->output->pb) >= 0 && good;
	if (!good)
		log_err("%s: cannot write: %s", file, strerror(errno));
	return export->failed || !good ? WORKER_EXIT_IO : WORKER_EXIT_OK;
}

static void export_close(struct export *export)
{
	avformat_close_input(&export->input);
	if (export->io)
		av_freep(&export->io->buffer);
	avio_context_free(&export->io);
	if (export->output && export->output->pb)
		(void)avio_closep(&export->output->pb);
	avformat_free_context(export->output);
	free(export->map);
	free(export->last_dts);
	free(export->next_dts);
	if (export->fd >= 0)
		(void)close(export->fd);
}

/* On the disk before it has the name. */
static bool publish(const char *part, const char *file)
{
	int fd = open(part, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && !fsync(fd) && !rename(part, file);

	if (fd >= 0)
		(void)close(fd);
	if (!good)
		log_err("%s: cannot complete: %s", file, strerror(errno));
	return good;
}

static int export_file(char **segments, char **end, const char *file)
{
	struct export export = {
		.segments = segments,
		.end = end,
		.fd = -1,
		.timeline = { .hole_max = HOLE_MAX },
	};
	char part[4096];
	int status = WORKER_EXIT_DATA;

	if (snprintf(part, sizeof(part), "%s.part", file) >= (int)sizeof(part))
		return WORKER_EXIT_USAGE;
	if (!export_open_input(&export))
		log_err("%s: cannot be read as MPEG-TS", *segments);
	else if (!export_open_output(&export, part))
		status = export.output && export.output->nb_streams ? WORKER_EXIT_CANTCREAT
								    : WORKER_EXIT_DATA;
	else
		status = export_copy(&export, file);
	if (export.failed)
		status = WORKER_EXIT_IO;
	export_close(&export);
	if (status == WORKER_EXIT_OK && !publish(part, file))
		status = WORKER_EXIT_IO;
	if (status != WORKER_EXIT_OK)
		(void)unlink(part);
	else
		log_info("%s: %llu packets copied, %llu left out (damaged, or no or a repeated "
			 "time stamp)",
			 file, (unsigned long long)export.packets,
			 (unsigned long long)export.dropped);
	return status;
}

int export_run(int argc, char **argv)
{
	static const struct option options[] = { { "output", 1, NULL, 'o' }, { 0 } };
	const char *file = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'o')
			return WORKER_EXIT_USAGE;
		file = optarg;
	}
	if (!file || optind == argc) {
		log_err("export: --output FILE.mp4 and at least one segment are needed");
		return WORKER_EXIT_USAGE;
	}
	return export_file(argv + optind, argv + argc, file);
}
