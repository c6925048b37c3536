#pragma once

#include <stdatomic.h>

#include "base/meter.h"
#include "sys/supervisor.h"
#include "workers/av/backend.h"
#include "workers/av/coder.h"
#include "workers/av/debt.h"
#include "workers/av/decoder.h"
#include "workers/av/demuxer.h"
#include "workers/av/fit.h"
#include "workers/av/ladder.h"
#include "workers/av/muxer.h"
#include "workers/av/output.h"
#include "workers/av/pace.h"
#include "workers/av/passage.h"
#include "workers/av/picture.h"
#include "workers/av/ratecontrol.h"
#include "workers/av/report.h"
#include "workers/av/settings.h"
#include "workers/av/sound.h"
#include "workers/av/timeline.h"

/*
 * The live encoder. The way of a picture:
 *
 *   demuxer (thread) -> timeline -> decoder -> pace -> picture -> coder -> muxer -> output
 *                 `---------------> raw ---------------> passage ----------------'
 *
 * and sound goes demuxer -> timeline -> sound -> muxer. Everything behind the demuxer is this one
 * thread: a picture is decoded, encoded and written before the next one is looked at, so nothing is
 * held back. Each stage takes any change of the stream at any packet (codec, size, PIDs, clock) by
 * starting itself anew, and the next picture is a keyframe then.
 *
 * The advice reaches the encoder as soon as it comes. It is the rate of the whole stream; what
 * sound and tables take is measured at the output and subtracted (ratecontrol), and what is sent
 * beyond it is taken back (debt).
 *
 * What fits the advice as it is (fit) takes the lower way. It is decoded all the same, so that the
 * encoder can take over at the next picture when the advice falls, without waiting for a keyframe
 * of the source: its own first picture is one. Into the lower way the stream goes with a keyframe
 * of the source. To be cut anywhere, the lower way is as late as the demuxer.
 */
struct encode {
	struct settings settings;
	struct supervisor *supervisor;
	_Atomic uint64_t advice_bps; /* the last that came, by the supervisor's thread */
	_Atomic bool ready;	     /* the demuxer can be poked */
	_Atomic bool key_asked;	     /* a keyframe is wanted before its time */
	struct raw *raw;	     /* NULL: nothing passes */
	struct demuxer *demuxer;
	struct timeline timeline;
	struct decoder decoder;
	struct picture *picture;
	struct pace pace;
	struct ladder ladder;
	struct ratecontrol rate;
	struct debt debt;
	struct coder *coder;
	struct sound *sound;
	struct muxer *muxer;
	struct fit fit;
	struct passage *passage;
	struct output output;
	struct report report;

	unsigned choice; /* backend_choice() */
	int preset;
	int height, source_height;  /* of the pictures given to the encoder, and as they come */
	enum AVCodecID sound_codec; /* of the packets that come; NONE: none yet */
	int64_t sound_place;	    /* of the sound that went to the muxer last; -1: not known */
	AVCodecParameters *video;   /* of the encoder; for the muxer */
	uint64_t video_bps;	    /* what the encoder was told last */
	int64_t last_pts, last_dts; /* of the last picture given to the encoder, and out of it */
	int64_t reorder;	    /* ticks by which decoding runs ahead in the source */
	double interval;	    /* mean distance of such pictures, ticks; 0: not known */
	usec_t started, stopping;   /* when; stopping: USEC_NEVER */
	bool cut;		    /* video is skipped up to a keyframe */
	unsigned skipped;	    /* packets before the first keyframe */
	bool fits;
	struct {
		int64_t pts, dts; /* the largest */
		unsigned breaks, source;
		usec_t at;
	} passed;   /* of the passage */
	int status; /* WORKER_EXIT_*; negative: goes on */

	/* Measured. */
	struct meter other;   /* bytes of sound and tables */
	uint64_t other_bytes; /* those that the meter has seen */
	uint64_t input_bytes; /* those that `fit` has seen */
	uint64_t debt_bytes;  /* those that `debt` has seen */
	struct report_numbers numbers;
};

/* --- encode_output.c: packets to the output --------------------------------------------------- */

void encode_check_output(struct encode *encode);
void encode_write(struct encode *encode, enum media_kind kind, AVPacket *packet);
/* Writes what the encoder has ready. */
void encode_drain(struct encode *encode);
/* Everything that the encoder holds; the next picture needs another one. */
void encode_finish_coder(struct encode *encode);

/* --- encode_video.c: the upper way of pictures ------------------------------------------------ */

const struct backend *encode_backend(const struct encode *encode);
double encode_fps(const struct encode *encode);
/* What sound and tables take; asked often. */
void encode_measure(struct encode *encode, usec_t now);
/* Tells the encoder what the advice leaves for it. */
void encode_set_rate(struct encode *encode);
/* Hardware is tried before the first picture comes: who asked for it learns at once. */
void encode_try_hardware(struct encode *encode);
/* Everything that the decoder holds back, because its stream ends here. */
void encode_finish_decoder(struct encode *encode);
void encode_video(struct encode *encode, const struct media *media);

/* --- encode_pass.c: the lower way ------------------------------------------------------------- */

/* Sends the picture of @media on the lower way, or sees that it goes the upper one. */
void encode_choose(struct encode *encode, const struct media *media);
void encode_end_passage(struct encode *encode);
