#include "unit/test.h"

#include <string.h>

#include "wire/rehearse.h"
#include "wire/srthdr.h"

static void media_is_told_from_the_stream(void **state)
{
	const uint8_t ts = 0x47, srt_data = 0x7f, srt_control = 0x80;
	struct rng rng = rng_of(1);
	enum rehearse_kind kind;
	uint8_t data[1316];
	uint32_t id;

	(void)state;
	rehearse_media(data, sizeof(data), 0xcafebabe, &rng);
	assert_true(rehearse_is(data, sizeof(data)));
	assert_true(rehearse_decode(data, sizeof(data), &kind, &id));
	assert_int_equal(kind, REHEARSE_MEDIA);
	assert_int_equal(id, 0xcafebabe);
	assert_false(srthdr_is_sane(data, sizeof(data)));
	assert_false(rehearse_is(&ts, 1));
	assert_false(rehearse_is(&srt_data, 1));
	assert_false(rehearse_is(&srt_control, 1));
	assert_false(rehearse_is(data, 0));
	assert_false(rehearse_decode(data, REHEARSE_HEADER_BYTES - 1, &kind, &id));
	data[1] = 3;
	assert_false(rehearse_decode(data, sizeof(data), &kind, &id));
}

static void a_report_comes_back_as_it_was(void **state)
{
	struct rehearse_report report = { .packets = UINT64_C(1) << 40, .lost = 7 }, again;
	uint8_t data[REHEARSE_REPORT_MAX];
	enum rehearse_kind kind;
	uint32_t id;
	size_t len;

	(void)state;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		report.delays.bucket[i] = UINT32_MAX - i;
		report.delays.total += UINT32_MAX - i;
	}
	len = rehearse_report_encode(data, 5, &report);
	assert_in_range(len, 1, REHEARSE_REPORT_MAX);
	assert_true(len <= WIRE_MEDIA_MAX - 1);
	assert_true(rehearse_decode(data, len, &kind, &id));
	assert_int_equal(kind, REHEARSE_REPORT);
	assert_int_equal(id, 5);
	assert_true(rehearse_report_decode(data, len, &again));
	assert_memory_equal(&again, &report, sizeof(report));
	for (size_t cut = 0; cut < len; cut++)
		assert_false(rehearse_report_decode(data, cut, &again));
	assert_memory_equal(&again, &report, sizeof(report));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(media_is_told_from_the_stream),
		cmocka_unit_test(a_report_comes_back_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
