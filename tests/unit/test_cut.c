#include "unit/test.h"

#include <string.h>

#include "workers/record/cut.h"

enum kind { MEDIA, PAT, VIDEO_KEY, VIDEO_OTHER, AUDIO_KEY };

static void packet_make(uint8_t *p, enum kind kind)
{
	static const uint8_t pes[] = { 0, 0, 1, 0xe0 };

	memset(p, 0xff, CUT_PACKET);
	p[0] = 0x47;
	p[1] = 0x01;
	p[2] = 0x00;
	p[3] = 0x10;
	if (kind == PAT) {
		p[1] = 0x40;
	} else if (kind != MEDIA) {
		p[1] = 0x41;
		p[3] = 0x30;
		p[4] = 7;
		p[5] = kind == VIDEO_OTHER ? 0x10 : 0x50;
		memcpy(p + 12, pes, sizeof(pes));
		if (kind == AUDIO_KEY)
			p[15] = 0xc0;
	}
}

static size_t cut_of(const enum kind *kinds, size_t count, enum cut_rule rule)
{
	uint8_t data[16 * CUT_PACKET];

	for (size_t i = 0; i < count; i++)
		packet_make(data + i * CUT_PACKET, kinds[i]);
	return cut_find(data, count * CUT_PACKET, rule) / CUT_PACKET;
}

static void cuts_at_the_table_in_front_of_a_key_picture(void **state)
{
	static const enum kind kinds[] = { VIDEO_KEY,	PAT, AUDIO_KEY, VIDEO_OTHER, MEDIA,
					   VIDEO_OTHER, PAT, AUDIO_KEY, MEDIA,	     VIDEO_KEY };

	(void)state;
	assert_int_equal(cut_of(kinds, 10, CUT_RULE_KEYFRAME), 6);
	assert_int_equal(cut_of(kinds, 10, CUT_RULE_TABLE), 1);
	assert_int_equal(cut_of(kinds, 10, CUT_RULE_ANY), 0);
}

static void does_not_cut_without_tables(void **state)
{
	static const enum kind kinds[] = { VIDEO_KEY, MEDIA, AUDIO_KEY };

	(void)state;
	assert_int_equal(cut_of(kinds, 3, CUT_RULE_KEYFRAME), 3);
	assert_int_equal(cut_of(kinds, 3, CUT_RULE_TABLE), 3);
	assert_int_equal(cut_of(kinds, 0, CUT_RULE_TABLE), 0);
}

static void reads_no_further_than_the_packet(void **state)
{
	uint8_t data[2 * CUT_PACKET];

	(void)state;
	packet_make(data, PAT);
	packet_make(data + CUT_PACKET, VIDEO_KEY);
	for (unsigned length = 0; length < 256; length++) {
		data[CUT_PACKET + 4] = (uint8_t)length;
		(void)cut_find(data, sizeof(data), CUT_RULE_KEYFRAME);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_at_the_table_in_front_of_a_key_picture),
		cmocka_unit_test(does_not_cut_without_tables),
		cmocka_unit_test(reads_no_further_than_the_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
