#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * What the two uplinkd tell each other in CONTROL frames, beside what belongs to the feed; the form
 * is in include/uplinkd/wire.h, section 6.
 */
enum note_kind {
	NOTE_NONE, /* not a note: it belongs to the feed */
	NOTE_BAD,  /* a note that is unknown, or damaged: ignored */
	NOTE_LIMIT,
};

struct note {
	enum note_kind kind;
	uint64_t video_max_bps; /* LIMIT; 0: no limit */
};

#define NOTE_MAX 5 /* bytes */

/* The number of bytes written. */
size_t note_encode(const struct note *note, uint8_t out[static NOTE_MAX]);
struct note note_decode(const uint8_t *data, size_t len);
