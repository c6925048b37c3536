#include "wire/note.h"

#include <assert.h>

#include "base/cursor.h"
#include "uplinkd/wire.h"

#define UNIT_BPS 1000

size_t note_encode(const struct note *note, uint8_t out[static NOTE_MAX])
{
	struct writer w = writer_of(out, NOTE_MAX);
	uint64_t limit = note->video_max_bps / UNIT_BPS;

	assert(note->kind == NOTE_LIMIT);
	writer_u8(&w, WIRE_NOTE_LIMIT);
	writer_u32(&w, limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX);
	return writer_len(&w);
}

struct note note_decode(const uint8_t *data, size_t len)
{
	struct cursor in = cursor_of(data, len);
	uint8_t type = cursor_u8(&in);
	uint32_t limit = cursor_u32(&in);

	if (!len || type >= WIRE_NOTES)
		return (struct note){ .kind = NOTE_NONE };
	/* What a later version adds behind it is not for us. */
	if (in.failed || type != WIRE_NOTE_LIMIT)
		return (struct note){ .kind = NOTE_BAD };
	return (struct note){ .kind = NOTE_LIMIT, .video_max_bps = (uint64_t)limit * UNIT_BPS };
}
