#include "bond/throughput.h"
#include "unit/test.h"

#define MS   USEC_PER_MS
#define MBPS UINT64_C(1000000)
#define SIZE 1250u /* 10 000 bits */

/* Sends @packets, one each @apart, into a bottleneck of @bps that is @delay long and empty; the
 * packets after them come @pause later. */
struct feed {
	struct throughput throughput;
	usec_t now, free_at;
	uint64_t bytes;
};

static void send(struct feed *f, unsigned packets, usec_t apart, uint64_t bps, usec_t pause,
		 bool standing)
{
	for (unsigned n = 0; n < packets; n++, f->now += apart) {
		usec_t begin = usec_max(f->now, f->free_at);

		f->free_at = begin + SIZE * 8 * USEC_PER_SEC / bps;
		f->bytes += SIZE;
		throughput_packet(&f->throughput, f->now, (int64_t)(f->free_at - f->now), 0,
				  f->bytes, standing, f->now);
	}
	f->now += pause;
}

static struct feed feed_of(usec_t now)
{
	struct feed f = { .now = now };

	throughput_init(&f.throughput, now);
	return f;
}

static void a_burst_shows_the_capacity_of_a_path_that_is_mostly_idle(void **state)
{
	struct feed f = feed_of(USEC_PER_SEC);

	(void)state;
	/* 12 packets at 20 Mb/s into 5 Mb/s each 100 ms: a load of 1.2 Mb/s. */
	for (unsigned i = 0; i < 10; i++)
		send(&f, 12, 500, 5 * MBPS, 94 * MS, false);
	assert_in_range(throughput_fast_bps(&f.throughput, f.now), 4900000, 5100000);
	assert_in_range(throughput_slow_bps(&f.throughput, f.now), 4900000, 5100000);
}

static void a_stream_that_meets_no_queue_shows_nothing(void **state)
{
	struct feed f = feed_of(USEC_PER_SEC);

	(void)state;
	send(&f, 200, 10 * MS, 20 * MBPS, 0, false);
	assert_int_equal(throughput_fast_bps(&f.throughput, f.now), 0);
	assert_int_equal(throughput_slow_bps(&f.throughput, f.now), 0);
	assert_int_equal(throughput_best_bps(&f.throughput, f.now), 0);
}

/* 200 kb/s: 50 ms a packet, so eight of them would take too long. */
static void a_few_packets_behind_a_queue_show_a_slow_path(void **state)
{
	struct feed standing = feed_of(USEC_PER_SEC), moving = feed_of(USEC_PER_SEC);

	(void)state;
	send(&standing, 4, 10 * MS, 200000, 0, true);
	assert_in_range(throughput_fast_bps(&standing.throughput, standing.now), 199000, 201000);
	send(&moving, 4, 10 * MS, 200000, 0, false);
	assert_int_equal(throughput_fast_bps(&moving.throughput, moving.now), 0);
}

static void a_slow_moment_counts_for_its_time_and_not_for_its_load(void **state)
{
	struct feed f = feed_of(USEC_PER_SEC);

	(void)state;
	/* Half of the second at 8 Mb/s, half at 2 Mb/s, always busy: 5 in the mean. */
	for (unsigned i = 0; i < 5; i++) {
		send(&f, 80, 1250, 8 * MBPS, 0, true);
		send(&f, 20, 5 * MS, 2 * MBPS, 0, true);
	}
	assert_in_range(throughput_slow_bps(&f.throughput, f.now), 4500000, 5500000);
}

static void what_a_radio_lets_go_at_once_is_not_its_capacity(void **state)
{
	struct throughput t;

	(void)state;
	throughput_init(&t, USEC_PER_SEC);
	/* 12 packets left over 22 ms and all arrived at the same time. */
	for (unsigned n = 0; n < 12; n++)
		throughput_packet(&t, USEC_PER_SEC + n * 2 * MS, 100000 - (int64_t)n * 2000, 0,
				  (n + 1) * SIZE, false, USEC_PER_SEC + 100 * MS);
	throughput_packet(&t, 2 * USEC_PER_SEC, 0, 0, 13 * SIZE, false, USEC_PER_SEC + 100 * MS);
	assert_in_range(throughput_best_bps(&t, USEC_PER_SEC + 100 * MS), 4900000, 5100000);
}

static void what_is_older_than_the_window_is_forgotten(void **state)
{
	struct feed f = feed_of(USEC_PER_SEC);

	(void)state;
	send(&f, 100, MS, 5 * MBPS, 0, true);
	assert_true(throughput_fast_bps(&f.throughput, f.now) > 0);
	assert_int_equal(throughput_fast_bps(&f.throughput, f.now + 300 * MS), 0);
	assert_int_equal(throughput_slow_bps(&f.throughput, f.now + 1200 * MS), 0);
	assert_true(throughput_best_bps(&f.throughput, f.now + 1200 * MS) > 0);
	assert_int_equal(throughput_best_bps(&f.throughput, f.now + 2500 * MS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_shows_the_capacity_of_a_path_that_is_mostly_idle),
		cmocka_unit_test(a_stream_that_meets_no_queue_shows_nothing),
		cmocka_unit_test(a_few_packets_behind_a_queue_show_a_slow_path),
		cmocka_unit_test(a_slow_moment_counts_for_its_time_and_not_for_its_load),
		cmocka_unit_test(what_a_radio_lets_go_at_once_is_not_its_capacity),
		cmocka_unit_test(what_is_older_than_the_window_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
