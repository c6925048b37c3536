#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tools/linksim/link.h"

#define MS  USEC_PER_MS
#define SEC USEC_PER_SEC

static const uint8_t bytes[LINK_PACKET_MAX];

static struct link *link_of(struct link_config config, uint64_t rate_bps)
{
	struct link *link = link_new(&config, 0, 1, 0);

	assert_non_null(link);
	link_set_rate(link, rate_bps, 0);
	return link;
}

/* Sends @count packets of @len bytes, one each @every, and receives as the contract says. The
 * arrival of packet i goes to @at[i] (USEC_NEVER: lost). Returns how many came out of order. */
static unsigned flow(struct link *link, unsigned count, size_t len, usec_t begin, usec_t every,
		     usec_t *at)
{
	unsigned sent = 0, disordered = 0;
	uint64_t highest = 0;

	for (unsigned i = 0; i < count; i++)
		at[i] = USEC_NEVER;
	while (sent < count || link_held(link)) {
		usec_t next = sent < count ? begin + sent * every : USEC_NEVER;
		usec_t now = usec_min(next, link_next_at(link));
		const struct link_packet *packet;

		assert_true(now != USEC_NEVER);
		if (now == next)
			(void)link_send(link, bytes, len, sent++, now);
		while ((packet = link_receive(link, now))) {
			assert_int_equal(packet->len, len);
			assert_true(packet->tag < count);
			disordered += packet->tag < highest;
			if (packet->tag > highest)
				highest = packet->tag;
			if (at[packet->tag] == USEC_NEVER)
				at[packet->tag] = now;
		}
	}
	return disordered;
}

static unsigned arrived(const usec_t *at, unsigned count)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++)
		n += at[i] != USEC_NEVER;
	return n;
}

static void carries_its_rate_to_the_bit(void **state)
{
	/* An odd rate: rounding per packet would show after 10,000 of them. */
	struct link *link = link_of((struct link_config){ .overhead_bytes = 28 }, 7777777);
	static usec_t at[8000];

	(void)state;
	assert_int_equal(flow(link, 8000, 1300, 0, 0, at), 0);
	assert_int_equal(arrived(at, 8000), 8000);
	assert_int_equal(at[7999], (UINT64_C(8000) * 1328 * 8 * SEC + 7777776) / 7777777);
	link_free(link);
}

static void adds_delay_after_the_bottleneck(void **state)
{
	struct link *link = link_of((struct link_config){ .delay = 40 * MS }, 8000000);
	usec_t at[3];

	(void)state;
	(void)flow(link, 3, 1000, 5 * MS, 0, at);
	assert_int_equal(at[0], 46 * MS);
	assert_int_equal(at[1], 47 * MS);
	assert_int_equal(at[2], 48 * MS);
	link_free(link);
}

static void jitter_stays_in_its_bounds_and_keeps_the_order(void **state)
{
	struct link *link = link_of((struct link_config){ .delay = 50 * MS, .jitter = 20 * MS }, 0);
	static usec_t at[5000];
	usec_t least = USEC_NEVER, most = 0;

	(void)state;
	assert_int_equal(flow(link, 5000, 100, 0, MS, at), 0);
	for (unsigned i = 0; i < 5000; i++) {
		usec_t delay = at[i] - i * MS;

		least = usec_min(least, delay);
		most = usec_max(most, delay);
	}
	assert_in_range(least, 30 * MS, 42 * MS);
	/* Kept order may hold a packet behind a late one for as long as a grain. */
	assert_in_range(most, 58 * MS, 80 * MS);
	link_free(link);
}

static void reorders_only_when_it_is_told_to(void **state)
{
	struct link *link = link_of(
		(struct link_config){ .delay = 50 * MS, .jitter = 20 * MS, .reorder = true }, 0);
	static usec_t at[1000];

	(void)state;
	assert_true(flow(link, 1000, 100, 0, MS, at) > 100);
	assert_int_equal(arrived(at, 1000), 1000);
	link_free(link);
}

static void loses_the_share_that_it_is_told_to(void **state)
{
	struct link *link = link_of((struct link_config){ .loss_ppm = 50000 }, 0);
	static usec_t at[20000];

	(void)state;
	(void)flow(link, 20000, 100, 0, 10, at);
	assert_in_range(arrived(at, 20000), 18850, 19150);
	assert_int_equal(link_counters(link)->lost, 20000 - arrived(at, 20000));
	link_free(link);
}

static void loses_in_bursts_of_the_mean_length(void **state)
{
	/* 5 % in runs of 8: leave 1/8, enter 1/8 * 5/95. */
	struct link *link = link_of((struct link_config){ .burst_enter_ppm = 6579,
							  .burst_leave_ppm = 125000,
							  .burst_loss_ppm = 1000000 },
				    0);
	static usec_t at[100000];
	unsigned lost = 0, runs = 0;

	(void)state;
	(void)flow(link, 100000, 100, 0, 10, at);
	for (unsigned i = 0; i < 100000; i++) {
		if (at[i] != USEC_NEVER)
			continue;
		lost++;
		runs += !i || at[i - 1] != USEC_NEVER;
	}
	assert_in_range(lost, 4500, 5500);
	assert_in_range(lost * 10 / runs, 70, 90);
	link_free(link);
}

static void drops_what_does_not_fit_into_the_queue(void **state)
{
	/* 100 ms at 8 Mb/s are 100 packets of 1000 bytes. */
	struct link *link = link_of((struct link_config){ .queue = 100 * MS }, 8000000);
	static usec_t at[500];

	(void)state;
	(void)flow(link, 500, 1000, 0, 0, at);
	assert_int_equal(arrived(at, 500), 100);
	assert_int_equal(link_counters(link)->dropped_queue, 400);
	assert_int_equal(link_counters(link)->queue_bytes_max, 100000);
	link_free(link);

	link = link_of((struct link_config){ .queue = SEC, .queue_bytes = 30000 }, 8000000);
	(void)flow(link, 500, 1000, 0, 0, at);
	assert_int_equal(arrived(at, 500), 30);
	link_free(link);
}

static void passes_no_packet_larger_than_its_mtu(void **state)
{
	struct link *link = link_of((struct link_config){ .mtu = 1400, .overhead_bytes = 28 }, 0);

	(void)state;
	assert_int_equal(link_send(link, bytes, 1373, 0, 0), LINK_DROPPED);
	assert_int_equal(link_send(link, bytes, 1372, 0, 0), LINK_TAKEN);
	assert_int_equal(link_send(link, bytes, LINK_PACKET_MAX + 1, 0, 0), LINK_DROPPED);
	assert_int_equal(link_counters(link)->dropped_mtu, 2);
	link_free(link);
}

static void duplicates_arrive_twice(void **state)
{
	struct link *link = link_of((struct link_config){ .duplicate_ppm = 1000000 }, 0);

	(void)state;
	(void)link_send(link, bytes, 10, 7, 0);
	assert_int_equal(link_receive(link, 0)->tag, 7);
	assert_int_equal(link_receive(link, 0)->tag, 7);
	assert_null(link_receive(link, 0));
	assert_int_equal(link_counters(link)->duplicated, 1);
	link_free(link);
}

static void a_black_hole_takes_all_and_gives_nothing(void **state)
{
	struct link *link = link_of((struct link_config){ .delay = 10 * MS }, 8000000);

	(void)state;
	link_set_outage(link, LINK_OUTAGE_BLACKHOLE, 0);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(link_send(link, bytes, 1000, i, i * MS), LINK_TAKEN);
	assert_null(link_receive(link, SEC));
	assert_int_equal(link_counters(link)->dropped_outage, 50);
	link_set_outage(link, LINK_OUTAGE_NONE, SEC);
	(void)link_send(link, bytes, 1000, 99, SEC);
	assert_int_equal(link_receive(link, SEC + 11 * MS)->tag, 99);
	link_free(link);
}

static void a_stall_holds_back_and_drains_at_the_rate(void **state)
{
	struct link *link = link_of((struct link_config){ .delay = 10 * MS }, 8000000);

	(void)state;
	(void)link_send(link, bytes, 1000, 0, 0);
	/* Half of the first packet is out by then. */
	link_set_outage(link, LINK_OUTAGE_STALL, 500);
	(void)link_send(link, bytes, 1000, 1, MS);
	assert_int_equal(link_next_at(link), USEC_NEVER);
	assert_null(link_receive(link, 600 * MS));
	link_set_outage(link, LINK_OUTAGE_NONE, 600 * MS);
	assert_null(link_receive(link, 610 * MS + 499));
	assert_int_equal(link_receive(link, 610 * MS + 500)->tag, 0);
	assert_null(link_receive(link, 611 * MS + 499));
	assert_int_equal(link_receive(link, 611 * MS + 500)->tag, 1);
	link_free(link);
}

static void a_suspended_link_holds_what_is_on_its_way_too(void **state)
{
	struct link *link = link_of((struct link_config){ .delay = 10 * MS }, 0);

	(void)state;
	(void)link_send(link, bytes, 1000, 0, 0);
	assert_null(link_receive(link, 5 * MS));
	link_set_outage(link, LINK_OUTAGE_SUSPEND, 5 * MS);
	(void)link_send(link, bytes, 1000, 1, 6 * MS);
	assert_null(link_receive(link, SEC));
	assert_int_equal(link_next_at(link), USEC_NEVER);
	link_set_outage(link, LINK_OUTAGE_NONE, SEC);
	assert_int_equal(link_receive(link, SEC)->tag, 0);
	assert_null(link_receive(link, SEC));
	assert_int_equal(link_receive(link, SEC + 10 * MS)->tag, 1);
	link_free(link);
}

static void a_link_that_is_down_refuses_and_forgets(void **state)
{
	struct link *link = link_of((struct link_config){ .delay = 10 * MS }, 8000000);

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		(void)link_send(link, bytes, 1000, i, 0);
	link_set_outage(link, LINK_OUTAGE_DOWN, 2 * MS + 500);
	assert_int_equal(link_send(link, bytes, 1000, 9, 3 * MS), LINK_IS_DOWN);
	assert_int_equal(link_held(link), 0);
	assert_int_equal(link_counters(link)->dropped_outage, 6);
	link_set_outage(link, LINK_OUTAGE_NONE, SEC);
	(void)link_send(link, bytes, 1000, 10, SEC);
	assert_int_equal(link_receive(link, SEC + 11 * MS)->tag, 10);
	link_free(link);
}

static void a_change_of_rate_counts_what_was_already_sent(void **state)
{
	struct link *link = link_of((struct link_config){ 0 }, 8000000);

	(void)state;
	(void)link_send(link, bytes, 1000, 0, 0);
	link_set_rate(link, 800000, 750);
	/* A quarter is left: 250 us at the old rate, ten times that at the new one. */
	assert_int_equal(link_next_at(link), 750 + 2500);
	link_set_rate(link, 0, 1000);
	assert_int_equal(link_receive(link, 1000)->tag, 0);
	link_free(link);
}

static void a_table_of_rates_repeats(void **state)
{
	static const struct capacity_step steps[] = { { 0, 8000000 }, { 10 * MS, 0 } };
	struct link *link = link_of((struct link_config){ 0 }, 0);
	usec_t at[25];

	(void)state;
	link_set_steps(link, steps, 2, 100 * MS, 0);
	assert_int_equal(link_rate_bps(link), 800000);
	(void)flow(link, 25, 1000, 0, 0, at);
	assert_int_equal(at[9], 10 * MS);
	assert_int_equal(at[10], 101 * MS);
	assert_int_equal(at[24], 205 * MS);
	link_free(link);
}

static void a_trace_gives_each_opportunity_once(void **state)
{
	/* Two opportunities at 10 ms, one at 30 ms; period 30 ms. */
	static const uint32_t trace[] = { 10, 10, 30 };
	struct link *link = link_of((struct link_config){ 0 }, 0);
	usec_t at[6];

	(void)state;
	link_set_trace(link, trace, 3, 0);
	assert_int_equal(link_rate_bps(link), 1200000);
	(void)flow(link, 6, 1500, 0, 0, at);
	assert_int_equal(at[0], 10 * MS);
	assert_int_equal(at[1], 10 * MS);
	assert_int_equal(at[2], 30 * MS);
	assert_int_equal(at[3], 40 * MS);
	assert_int_equal(at[5], 60 * MS);
	link_free(link);
}

static void small_packets_share_an_opportunity(void **state)
{
	static const uint32_t trace[] = { 10, 20, 30 };
	struct link *link = link_of((struct link_config){ 0 }, 0);
	usec_t at[7];

	(void)state;
	link_set_trace(link, trace, 3, 0);
	/* 3.75 to an opportunity: what is left of one carries the beginning of the next packet. */
	(void)flow(link, 7, 400, 0, 0, at);
	assert_int_equal(at[2], 10 * MS);
	assert_int_equal(at[3], 20 * MS);
	assert_int_equal(at[6], 20 * MS);
	link_free(link);

	/* An opportunity that nobody was there for is gone. */
	link = link_of((struct link_config){ 0 }, 0);
	link_set_trace(link, trace, 3, 0);
	(void)flow(link, 1, 1500, 11 * MS, 0, at);
	assert_int_equal(at[0], 20 * MS);
	link_free(link);
}

/* Of all that comes out of a link with everything on. */
static uint64_t digest(uint64_t seed)
{
	static const uint32_t trace[] = { 3, 4, 4, 9, 17 };
	const struct link_config config = { .delay = 30 * MS,
					    .jitter = 9 * MS,
					    .loss_ppm = 20000,
					    .burst_enter_ppm = 5000,
					    .burst_leave_ppm = 200000,
					    .burst_loss_ppm = 700000,
					    .duplicate_ppm = 10000,
					    .queue = 80 * MS };
	struct link *link = link_new(&config, 256, seed, 0);
	struct rng rng = rng_of(99);
	uint64_t hash = 0;
	usec_t now = 0, next_send = 0;

	link_set_trace(link, trace, 5, 0);
	while (now < 5 * SEC || link_held(link)) {
		const struct link_packet *packet;

		now = usec_min(link_next_at(link), now < 5 * SEC ? next_send : USEC_NEVER);
		if (now == next_send) {
			(void)link_send(link, bytes, 40 + rng_below(&rng, 1400), now, now);
			next_send = now + 1 + rng_below(&rng, 4000);
		}
		while ((packet = link_receive(link, now)))
			hash = (hash ^ packet->tag ^ packet->due << 20) * UINT64_C(0x100000001b3);
		assert_true(link_next_at(link) > now);
	}
	hash ^= link_counters(link)->dropped_queue << 40 ^ link_counters(link)->lost;
	link_free(link);
	return hash;
}

static void the_same_seed_gives_the_same_result(void **state)
{
	(void)state;
	assert_true(digest(5) == digest(5));
	assert_true(digest(5) != digest(6));
}

static void the_result_does_not_depend_on_how_often_it_is_called(void **state)
{
	static const struct capacity_step steps[] = { { 0, 3000000 }, { 70 * MS, 500000 } };
	static usec_t fine[300], coarse[300];

	(void)state;
	for (int often = 0; often < 2; often++) {
		struct link *link = link_of((struct link_config){ .delay = 20 * MS,
								  .jitter = 5 * MS,
								  .loss_ppm = 100000,
								  .queue = 200 * MS },
					    0);
		usec_t *due = often ? fine : coarse;

		link_set_steps(link, steps, 2, 100 * MS, 0);
		for (unsigned i = 0; i < 300; i++) {
			const struct link_packet *packet;
			usec_t at = i * 3 * MS;

			(void)link_send(link, bytes, 900, i, at);
			/* Coarse: only now and then; fine: each 100 us. */
			for (usec_t t = at; often && t < at + 3 * MS; t += 100)
				while ((packet = link_receive(link, t)))
					due[packet->tag] = packet->due;
			while (!often && i % 50 == 49 && (packet = link_receive(link, at)))
				due[packet->tag] = packet->due;
		}
		for (const struct link_packet *packet; (packet = link_receive(link, 10 * SEC));)
			due[packet->tag] = packet->due;
		assert_int_equal(link_held(link), 0);
		link_free(link);
	}
	assert_memory_equal(fine, coarse, sizeof(fine));
}

static void never_holds_more_than_its_slots_and_leaks_none(void **state)
{
	const struct link_config config = { .delay = SEC, .duplicate_ppm = 500000 };
	struct link *link = link_new(&config, 16, 3, 0);

	(void)state;
	for (unsigned round = 0; round < 100; round++) {
		usec_t now = round * 10 * SEC;
		unsigned taken = 0, came = 0;

		for (unsigned i = 0; i < 40; i++)
			taken += link_send(link, bytes, 100, 0, now) == LINK_TAKEN;
		assert_in_range(taken, 8, 16);
		assert_true(link_held(link) <= 16);
		while (link_receive(link, now + 2 * SEC))
			came++;
		assert_int_equal(came, 16);
		assert_int_equal(link_held(link), 0);
	}
	link_free(link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_its_rate_to_the_bit),
		cmocka_unit_test(adds_delay_after_the_bottleneck),
		cmocka_unit_test(jitter_stays_in_its_bounds_and_keeps_the_order),
		cmocka_unit_test(reorders_only_when_it_is_told_to),
		cmocka_unit_test(loses_the_share_that_it_is_told_to),
		cmocka_unit_test(loses_in_bursts_of_the_mean_length),
		cmocka_unit_test(drops_what_does_not_fit_into_the_queue),
		cmocka_unit_test(passes_no_packet_larger_than_its_mtu),
		cmocka_unit_test(duplicates_arrive_twice),
		cmocka_unit_test(a_black_hole_takes_all_and_gives_nothing),
		cmocka_unit_test(a_stall_holds_back_and_drains_at_the_rate),
		cmocka_unit_test(a_suspended_link_holds_what_is_on_its_way_too),
		cmocka_unit_test(a_link_that_is_down_refuses_and_forgets),
		cmocka_unit_test(a_change_of_rate_counts_what_was_already_sent),
		cmocka_unit_test(a_table_of_rates_repeats),
		cmocka_unit_test(a_trace_gives_each_opportunity_once),
		cmocka_unit_test(small_packets_share_an_opportunity),
		cmocka_unit_test(the_same_seed_gives_the_same_result),
		cmocka_unit_test(the_result_does_not_depend_on_how_often_it_is_called),
		cmocka_unit_test(never_holds_more_than_its_slots_and_leaks_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
