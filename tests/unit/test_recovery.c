#include "bond/recovery.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "unit/test.h"

/*
 * A stream of one packet a millisecond and a sum over the last 100 after every fourth, in which
 * whatever a test wants to be lost is lost and the rest comes when it wants.
 */
#define MS	USEC_PER_MS
#define PACKETS 600
#define SPAN	(99 * MS)
#define QUIET	80 /* packets at the end that are not lost: there is not enough behind them */

struct stream {
	struct parity_sender sender;
	struct recovery recovery;
	struct playout playout;
	bool lost[PACKETS], sum_lost[PACKETS]; /* by the packet that the sum is sent behind */
	unsigned delay[PACKETS], sum_delay[PACKETS];
	bool has_sum[PACKETS];
	struct frame_parity sum[PACKETS];
	uint8_t sum_data[PACKETS][PARITY_SYMBOL_MAX];
	unsigned released;
};

static size_t packet_of(uint32_t seq, uint8_t *data)
{
	struct rng rng = { seq + 1000 };
	size_t len = 1 + rng_below(&rng, WIRE_PARITY_MEDIA_MAX);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)rng_u64(&rng);
	return len;
}

static struct stream *stream_new(void)
{
	struct stream *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	assert_int_equal(parity_init(&t->sender), 0);
	assert_int_equal(recovery_init(&t->recovery), 0);
	assert_int_equal(playout_init(&t->playout, 1024, 400 * MS, 0), 0);
	return t;
}

static void stream_free(struct stream *t)
{
	playout_deinit(&t->playout);
	recovery_deinit(&t->recovery);
	parity_deinit(&t->sender);
	free(t);
}

static void put(struct stream *t, uint32_t seq, usec_t now)
{
	uint8_t data[WIRE_MEDIA_MAX];
	struct frame_data frame = { .seq = seq, .time = (uint32_t)(seq * MS), .data = data };

	frame.len = (uint16_t)packet_of(seq, data);
	playout_put(&t->playout, &frame, now);
	recovery_media(&t->recovery, &t->playout, seq, now);
}

static void release(struct stream *t, usec_t now)
{
	uint8_t data[WIRE_MEDIA_MAX];
	struct bond_media m;

	while (playout_next(&t->playout, &m, now)) {
		assert_int_equal(m.captured, m.seq * MS);
		assert_int_equal(m.len, packet_of((uint32_t)m.seq, data));
		assert_memory_equal(m.data, data, m.len);
		t->released++;
	}
}

static void send_all(struct stream *t)
{
	t->sender.share = PARITY_UNIT / 4;
	for (uint32_t seq = 0; seq < PACKETS; seq++) {
		uint8_t data[WIRE_MEDIA_MAX];
		size_t len = packet_of(seq, data);

		parity_add(&t->sender, seq, data, len, seq * MS, SPAN);
		if (!parity_is_due(&t->sender))
			continue;
		assert_true(parity_make(&t->sender, 0, &t->sum[seq]));
		memcpy(t->sum_data[seq], t->sum[seq].data, t->sum[seq].len);
		t->sum[seq].data = t->sum_data[seq];
		t->has_sum[seq] = true;
		parity_sent(&t->sender, 0);
	}
}

static void run(struct stream *t)
{
	send_all(t);
	for (unsigned at = 0; at < PACKETS + 500; at++) {
		for (uint32_t seq = at < 100 ? 0 : at - 100; seq < PACKETS && seq <= at; seq++) {
			if (!t->lost[seq] && seq + t->delay[seq] == at)
				put(t, seq, at * MS);
			if (t->has_sum[seq] && !t->sum_lost[seq] && seq + t->sum_delay[seq] == at)
				recovery_parity(&t->recovery, &t->playout, &t->sum[seq], at * MS);
		}
		assert_in_range(t->recovery.rows, 0, RECOVERY_ROWS);
		release(t, at * MS);
	}
	assert_int_equal(t->recovery.dropped, 0);
	assert_int_equal(t->playout.lost, PACKETS - t->released);
}

static void a_burst_comes_back_from_the_sums_behind_it(void **state)
{
	for (unsigned length = 1; length <= 26; length++) {
		struct stream *t = stream_new();
		unsigned got;

		(void)state;
		memset(t->lost + 200, true, length);
		run(t);
		got = t->released;
		/* 100 packets, 25 sums; one of them is behind the burst only in part. */
		if (length <= 24)
			assert_int_equal(got, PACKETS);
		assert_int_equal(t->recovery.recovered, got - (PACKETS - length));
		stream_free(t);
	}
	(void)state;
}

static void losses_and_disorder_of_all_kinds_are_mended(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct stream *t = stream_new();
		struct rng rng = { seed };
		unsigned lost = 0;

		for (unsigned i = 0; i < PACKETS; i++) {
			t->lost[i] = i > 0 && i < PACKETS - QUIET && !rng_below(&rng, 15);
			t->sum_lost[i] = !rng_below(&rng, 15);
			/* Two paths, one of them slower. */
			t->delay[i] = seed % 4 * 10 * (unsigned)rng_below(&rng, 2);
			t->sum_delay[i] = (unsigned)rng_below(&rng, 1 + seed % 3 * 20);
			lost += t->lost[i];
		}
		run(t);
		assert_int_equal(t->released, PACKETS);
		/* What is late is not waited for. */
		assert_in_range(t->recovery.recovered, lost, seed % 4 ? PACKETS : lost);
		assert_int_equal(t->playout.duplicate, t->recovery.recovered - lost);
		assert_int_equal(t->recovery.rows, 0);
		stream_free(t);
	}
}

static void more_than_can_be_had_is_given_up_and_what_follows_is_mended(void **state)
{
	struct stream *t = stream_new();

	(void)state;
	memset(t->lost + 150, true, 90);
	for (unsigned i = 260; i < PACKETS - QUIET; i += 13)
		t->lost[i] = true;
	run(t);
	assert_in_range(t->playout.lost, 60, 90);
	assert_int_equal(t->released, PACKETS - t->playout.lost);
	assert_true(t->recovery.recovered >= (PACKETS - QUIET - 260) / 13);
	stream_free(t);
}

static void what_is_complete_needs_no_sums(void **state)
{
	struct stream *t = stream_new();

	(void)state;
	run(t);
	assert_int_equal(t->recovery.useless, PACKETS / 4);
	assert_int_equal(t->recovery.recovered, 0);
	stream_free(t);
}

static void a_sum_of_nothing_known_is_dropped(void **state)
{
	struct stream *t = stream_new();
	struct frame_parity f = { .first = 5, .packets = 3, .len = 100, .data = t->sum_data[0] };

	(void)state;
	recovery_parity(&t->recovery, &t->playout, &f, 0);
	assert_int_equal(t->recovery.dropped, 1);
	put(t, 0, 0);
	f.first = 1024; /* further ahead than there is room */
	recovery_parity(&t->recovery, &t->playout, &f, 0);
	assert_int_equal(t->recovery.dropped, 2);
	recovery_restart(&t->recovery);
	assert_int_equal(t->recovery.rows, 0);
	stream_free(t);
}

static void void_sums_do_no_harm(void **state)
{
	struct stream *t = stream_new();
	struct rng rng = { 1 };

	(void)state;
	put(t, 0, 0);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t *sum = t->sum_data[0];
		struct frame_parity f = {
			.first = i / 50 + (uint32_t)rng_below(&rng, 300) - 150,
			.packets = (uint8_t)(1 + rng_below(&rng, WIRE_PARITY_PACKETS)),
			.row = (uint8_t)rng_below(&rng, WIRE_PARITY_ROWS),
			.len = (uint16_t)(6 + rng_below(&rng, WIRE_PARITY_MEDIA_MAX)),
			.data = sum
		};
		struct bond_media m;

		for (unsigned k = 0; k < 8; k++)
			sum[k] = k == 4 ? 0 : (uint8_t)rng_u64(&rng);
		recovery_parity(&t->recovery, &t->playout, &f, i * MS);
		if (i % 50 == 0 && i % 200)
			put(t, i / 50, i * MS);
		assert_in_range(t->recovery.rows, 0, RECOVERY_ROWS);
		while (playout_next(&t->playout, &m, i * MS))
			assert_in_range(m.len, 0, WIRE_PARITY_MEDIA_MAX);
	}
	assert_true(t->recovery.dropped > 0);
	stream_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_comes_back_from_the_sums_behind_it),
		cmocka_unit_test(losses_and_disorder_of_all_kinds_are_mended),
		cmocka_unit_test(more_than_can_be_had_is_given_up_and_what_follows_is_mended),
		cmocka_unit_test(what_is_complete_needs_no_sums),
		cmocka_unit_test(a_sum_of_nothing_known_is_dropped),
		cmocka_unit_test(void_sums_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
