#include "unit/test.h"

#include <string.h>

#include "workers/srt/endpoint.h"
#include "workers/srt/framer.h"
#include "workers/srt/leg.h"
#include "workers/srt/streamid.h"

#define P FRAMER_PACKET

static void stream_make(uint8_t *data, size_t packets)
{
	for (size_t i = 0; i < packets * P; i++)
		data[i] = (uint8_t)(i % P ? i * 7 % 251 : 0x47);
}

static size_t push_in_pieces(struct framer *framer, const uint8_t *data, size_t len, size_t piece,
			     uint8_t *out)
{
	size_t n = 0;

	for (size_t at = 0; at < len; at += piece)
		n += framer_push(framer, data + at, len - at < piece ? len - at : piece, out + n);
	return n;
}

static void packets_pass_untouched_however_they_are_cut(void **state)
{
	static const size_t pieces[] = { 1, 13, 187, 188, 189, 1000, 1316, 1456 };
	uint8_t data[20 * P], out[22 * P];

	(void)state;
	stream_make(data, 20);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct framer framer = { 0 };

		assert_int_equal(push_in_pieces(&framer, data, sizeof(data), pieces[i], out),
				 sizeof(data));
		assert_memory_equal(out, data, sizeof(data));
		assert_int_equal(framer.garbage, 0);
	}
}

static void garbage_is_dropped_and_the_packets_behind_it_found(void **state)
{
	uint8_t data[10 * P + 50], out[12 * P];
	struct framer framer = { 0 };
	size_t n;

	(void)state;
	stream_make(data + 50, 10);
	memset(data, 0x47, 10); /* sync bytes that are none */
	memset(data + 10, 0xaa, 40);
	n = framer_push(&framer, data, sizeof(data), out);
	assert_int_equal(n, 10 * P);
	assert_memory_equal(out, data + 50, n);
	assert_int_equal(framer.garbage, 50);
}

static void a_packet_whose_end_was_lost_is_dropped(void **state)
{
	uint8_t data[4 * P], out[6 * P];
	struct framer framer = { 0 };

	(void)state;
	stream_make(data, 4);
	assert_int_equal(framer_push(&framer, data, P + 100, out), P);
	/* The message with the rest of the second packet is lost. */
	assert_int_equal(framer_push(&framer, data + 2 * P, 2 * P, out), 2 * P);
	assert_memory_equal(out, data + 2 * P, 2 * P);
	assert_int_equal(framer.garbage, 100);
}

static void random_bytes_never_give_more_than_came_in(void **state)
{
	uint8_t data[1456], out[1456 + P];
	struct framer framer = { 0 };
	uint32_t x = 1;
	uint64_t in = 0, passed = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		size_t len = (x >> 8) % sizeof(data);

		for (size_t k = 0; k < len; k++) {
			x = x * 1664525 + 1013904223;
			data[k] = x >> 28 ? (uint8_t)(x >> 16) : 0x47;
		}
		x = x * 1664525 + 1013904223;
		in += len;
		passed += framer_push(&framer, data, len, out);
		assert_int_equal(passed % P, 0);
		assert_int_equal(passed + framer.garbage + framer.carried, in);
	}
}

static void stream_ids_are_judged_in_every_form(void **state)
{
	static const struct {
		const char *given, *wanted;
		int publishes;
		enum streamid_verdict verdict;
	} rows[] = {
		{ "live/cam1", "live/cam1", 1, STREAMID_VERDICT_FITS },
		{ "live/cam1", "live/cam2", 1, STREAMID_VERDICT_OTHER },
		{ "live/cam", "live/cam1", 1, STREAMID_VERDICT_OTHER },
		{ "", "live/cam1", 1, STREAMID_VERDICT_OTHER },
		{ "", "", 1, STREAMID_VERDICT_FITS },
		{ "anything", "", 1, STREAMID_VERDICT_FITS },
		{ "#!::r=live/cam1,m=publish", "live/cam1", 1, STREAMID_VERDICT_FITS },
		{ "#!::m=publish,r=/live/cam1", "live/cam1", 1, STREAMID_VERDICT_FITS },
		{ "#!::r=live/cam1", "live/cam1", 1, STREAMID_VERDICT_FITS },
		{ "#!::r=live/cam1,m=request", "live/cam1", 1, STREAMID_VERDICT_MODE },
		{ "#!::r=live/cam1,m=request", "live/cam1", 0, STREAMID_VERDICT_FITS },
		{ "#!::r=live/cam1,m=bidirectional", "live/cam1", 0, STREAMID_VERDICT_FITS },
		{ "#!::r=live/cam1,m=publish", "", 0, STREAMID_VERDICT_MODE },
		{ "#!::m=publish", "live/cam1", 1, STREAMID_VERDICT_OTHER },
		{ "#!::", "live/cam1", 1, STREAMID_VERDICT_OTHER },
		{ "#!::,,r=", "live/cam1", 1, STREAMID_VERDICT_OTHER },
		{ "#!::r=x,m=publish", "#!::r=x,m=publish", 1, STREAMID_VERDICT_FITS },
		{ "publish:live/cam1", "live/cam1", 1, STREAMID_VERDICT_FITS },
		{ "read:live/cam1", "live/cam1", 1, STREAMID_VERDICT_MODE },
		{ "read:live/cam1", "live/cam1", 0, STREAMID_VERDICT_FITS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (streamid_judge(rows[i].given, rows[i].wanted, rows[i].publishes) !=
		    rows[i].verdict)
			fail_msg("%s for %s", rows[i].given, rows[i].wanted);
}

static void endpoints_are_read_and_nonsense_is_refused(void **state)
{
	static const struct {
		const char *text;
		bool listens;
		const char *host, *port; /* NULL: refused */
	} rows[] = {
		{ "example.org:9000", false, "example.org", "9000" },
		{ "192.0.2.1:1", false, "192.0.2.1", "1" },
		{ "[2001:db8::1]:9000", false, "2001:db8::1", "9000" },
		{ ":9000", true, "", "9000" },
		{ "127.0.0.1:0", true, "127.0.0.1", "0" },
		{ ":9000", false, NULL, NULL },
		{ "host:0", false, NULL, NULL },
		{ "host", false, NULL, NULL },
		{ "host:", false, NULL, NULL },
		{ "host:65536", false, NULL, NULL },
		{ "host:-1", false, NULL, NULL },
		{ "host:1x", false, NULL, NULL },
		{ "2001:db8::1:9000", false, NULL, NULL },
		{ "", true, NULL, NULL },
	};
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool valid = endpoint_parse(rows[i].text, rows[i].listens, &endpoint);

		if (valid != (rows[i].host != NULL))
			fail_msg("%s", rows[i].text);
		if (valid) {
			assert_string_equal(endpoint.host, rows[i].host);
			assert_string_equal(endpoint.port, rows[i].port);
		}
	}
}

static void buffers_hold_the_span_and_stay_within_an_int(void **state)
{
	struct leg leg = { .rate_max_bps = 20000000 };

	(void)state;
	/* 20 Mb/s for 60 s are 114 000 full messages. */
	assert_true(leg_packets(&leg, 60000) >= 114000 * 5 / 4);
	leg.rate_max_bps = UINT64_C(2000000000);
	assert_true((int64_t)leg_packets(&leg, 130000) * 1472 <= INT32_MAX);
	leg.rate_max_bps = 1;
	assert_int_equal(leg_packets(&leg, 1), 25600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_pass_untouched_however_they_are_cut),
		cmocka_unit_test(garbage_is_dropped_and_the_packets_behind_it_found),
		cmocka_unit_test(a_packet_whose_end_was_lost_is_dropped),
		cmocka_unit_test(random_bytes_never_give_more_than_came_in),
		cmocka_unit_test(stream_ids_are_judged_in_every_form),
		cmocka_unit_test(endpoints_are_read_and_nonsense_is_refused),
		cmocka_unit_test(buffers_hold_the_span_and_stay_within_an_int),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
