#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "stream/mix.h"
#include "stream/ts.h"

/*
 * Makes a stream smaller that is larger than the bond can carry in time: whole pictures are left
 * out, in the order of the ladder below, so that a decoder sees a picture that stands still for a
 * while and never a broken one. Audio, tables, data and the clock always pass. It is the safety net
 * behind an encoder that follows the advice; then it passes everything, bit for bit and at once.
 *
 * Pictures are told apart in H.264 and H.265, by PES packet: mostly one access unit in each, as
 * muxers make them. What holds several is judged by the most important one. Video of other codecs,
 * scrambled video, and such whose PES packets do not begin with a picture pass whole.
 *
 * Use: gate_view() whenever something new is known of the bond, some ten times a picture; for each
 * packet gate_put(), then gate_next() until it returns NULL.
 */
#define GATE_HELD_MAX  4096 /* packets: 0.75 MB, more than a keyframe has below some 20 Mb/s */
#define GATE_SLICE_MAX 64   /* packets: 12 KB, more than stands in front of the first slice */

enum gate_level {
	GATE_LEVEL_ALL,	      /* everything passes */
	GATE_LEVEL_START,     /* no pictures yet: it is not known what the bond carries */
	GATE_LEVEL_REFERENCE, /* without the pictures that no other needs */
	GATE_LEVEL_WAIT,      /* nothing until the next keyframe */
	GATE_LEVEL_KEYS,      /* keyframes alone */
	GATE_LEVEL_AUDIO,     /* no pictures */
};

/* A word for the status, and what it means. */
const char *gate_level_name(enum gate_level level);
const char *gate_level_text(enum gate_level level);

/* What is known of the bond. */
struct gate_view {
	usec_t queue_age;      /* how long its oldest unsent packet waits */
	uint64_t queued_bytes; /* what waits there */
	bool direct;	       /* all that passed is among it; else the last moment is on its way */
	uint64_t rate_bps;     /* what it carries now; 0: not known */
	bool starting;	       /* it was never known: pictures wait for it */
	bool follows;	       /* the encoder does: what is too much now will soon be less */
	usec_t hold;	       /* how long a packet may wait and still be in time; 0: there is no
				  session, everything passes */
};

struct gate_counters {
	uint64_t packets; /* put */
	uint64_t dropped_packets;
	uint64_t nulls;	     /* null packets left out, while pictures are */
	uint64_t clocks;     /* packets of which only the clock passed */
	uint64_t units;	     /* access units, all */
	uint64_t cuts;	     /* how often a picture that others need was left out */
	uint64_t disposable; /* access units left out: no other needs them */
	uint64_t waiting;    /* between a cut and the next keyframe, the first one included */
	uint64_t leading;    /* shown before the keyframe that the stream went on with */
	uint64_t keys;	     /* keyframes that would not have arrived in time */
};

enum gate_verdict {
	GATE_PASS,
	GATE_DROP,
	GATE_HOLD, /* not known yet: waits for the slice of its access unit */
};

struct gate_video {
	bool used;
	uint16_t pid;
	uint64_t seen; /* number of its newest packet: the oldest gives way to a new PID */

	/* The access unit under way. */
	enum gate_verdict verdict;
	bool random_access, has_pts;
	uint64_t pts;
	uint64_t bytes;
	bool ended, holed; /* all of it is there; something of it is missing */
	usec_t began_at;
	uint64_t began;		/* its first packet, as counted by packets */
	struct picture picture; /* as far as it was read */

	/* What was found out about the stream. */
	bool unaligned;	 /* its PES packets begin somewhere within pictures: it passes whole */
	bool mixed;	 /* they hold pictures of unequal importance: none of them is disposable */
	bool mixed_open; /* ... and what is shown before an open entry: it is no entry */

	/* The chain of pictures that need each other. */
	bool broken;	       /* one was left out: nothing passes until the next entry */
	enum gate_level level; /* while broken: why */
	bool leading;	       /* went on at an open entry: what is shown before it is left out */
	uint64_t entry_pts;
	bool sized;	    /* a keyframe was seen, and `key_bytes` is: */
	uint64_t key_bytes; /* the largest of late */
	usec_t clean_at;    /* the last IDR picture, or the first packet */

	/* The continuity counter of what is handed on. */
	bool touched; /* something was left out: it is counted anew */
	bool after_drop;
	uint8_t sent;
};

struct gate_packet {
	uint8_t data[TS_PACKET_BYTES];
	enum gate_verdict verdict;
	uint8_t video; /* of gate.video; GATE_NO_VIDEO */
	uint8_t missing;
	bool has_payload, repeated, has_pcr;
};

#define GATE_NO_VIDEO 0xff

struct gate {
	struct ts ts;
	struct mix mix; /* of what was put */
	struct gate_view view;
	uint64_t recent[2]; /* bytes passed of late and just before: the bond may not have counted
			       them */
	usec_t recent_at;   /* since when the first are counted */
	bool thin;	    /* disposable pictures are left out */
	struct gate_video video[TS_VIDEOS_MAX];
	struct gate_packet held[GATE_HELD_MAX]; /* ring */
	unsigned first, count;
	bool lent; /* held[first] was given out by gate_next() */
	struct gate_counters counters;
};

void gate_init(struct gate *gate, usec_t now);
void gate_view(struct gate *gate, const struct gate_view *view, usec_t now);
void gate_put(struct gate *gate, const uint8_t packet[static TS_PACKET_BYTES], usec_t now);
/* The next packet to be handed on, valid until the next call; NULL: none now. */
const uint8_t *gate_next(struct gate *gate);
/* The end of the stream, or a pause in it: what is held back is decided upon. */
void gate_flush(struct gate *gate, usec_t now);

enum gate_level gate_level(const struct gate *gate);
/* The picture stands still, and could go on if a keyframe came now. */
bool gate_wants_key(const struct gate *gate);
