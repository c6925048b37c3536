#include "fuzz/fuzz.h"

#include <string.h>

#include "wire/note.h"

/* Any bytes are a note, a bad one, or none; a good one comes out again as it was read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct note note = note_decode(data, size);
	uint8_t bytes[NOTE_MAX];

	switch (note.kind) {
	case NOTE_NONE:
		FUZZ_CHECK(!size || data[0] >= 0x80);
		break;
	case NOTE_BAD:
		break;
	case NOTE_LIMIT:
		FUZZ_CHECK(note_encode(&note, bytes) == NOTE_MAX);
		FUZZ_CHECK(size >= NOTE_MAX && !memcmp(bytes, data, NOTE_MAX));
		break;
	}
	return 0;
}
