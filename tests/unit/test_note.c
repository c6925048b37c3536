#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "wire/note.h"

/* Notes: what is written is read, and anything else is told apart. */

static void a_limit_is_read_as_it_was_written(void **state)
{
	static const uint64_t limits[] = { 0, 1000, 6000000, UINT64_C(4294967295000) };
	uint8_t bytes[NOTE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct note note = { .kind = NOTE_LIMIT, .video_max_bps = limits[i] };

		assert_int_equal(note_encode(&note, bytes), NOTE_MAX);
		note = note_decode(bytes, sizeof(bytes));
		assert_int_equal(note.kind, NOTE_LIMIT);
		assert_true(note.video_max_bps == limits[i]);
	}
	(void)note_encode(&(struct note){ .kind = NOTE_LIMIT, .video_max_bps = UINT64_MAX }, bytes);
	assert_true(note_decode(bytes, NOTE_MAX).video_max_bps == limits[3]);
}

static void what_is_no_note_belongs_to_the_feed(void **state)
{
	(void)state;
	assert_int_equal(note_decode((const uint8_t *)"\x80\x02\0\0\0\0", 6).kind, NOTE_NONE);
	assert_int_equal(note_decode((const uint8_t *)"\xff\xff", 2).kind, NOTE_NONE);
	assert_int_equal(note_decode(NULL, 0).kind, NOTE_NONE);
}

static void unknown_and_cut_notes_are_bad(void **state)
{
	(void)state;
	for (size_t len = 1; len < NOTE_MAX; len++) {
		uint8_t *exact = malloc(len);

		assert_non_null(exact);
		memcpy(exact, "\1\0\0\1", len);
		assert_int_equal(note_decode(exact, len).kind, NOTE_BAD);
		free(exact);
	}
	assert_int_equal(note_decode((const uint8_t *)"\0\0\0\0\1", 5).kind, NOTE_BAD);
	assert_int_equal(note_decode((const uint8_t *)"\x7f\0\0\0\1", 5).kind, NOTE_BAD);
	/* A later version may say more. */
	assert_int_equal(note_decode((const uint8_t *)"\1\0\0\0\1more", 9).kind, NOTE_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_is_read_as_it_was_written),
		cmocka_unit_test(what_is_no_note_belongs_to_the_feed),
		cmocka_unit_test(unknown_and_cut_notes_are_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
