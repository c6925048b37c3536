#include "bond/engine.h"
#include "unit/pair.h"

static struct bond_stats stats_of(struct pair *w, struct bond *b)
{
	struct bond_stats s;

	bond_stats(b, &s, w->now);
	return s;
}

static void the_session_comes_up_on_all_paths(void **state)
{
	struct pair w;
	struct bond_stats s;

	(void)state;
	pair_init(&w, 3);
	pair_run(&w, USEC_PER_SEC);
	s = stats_of(&w, w.sender);
	assert_true(s.session_up);
	assert_int_equal(s.sessions, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(s.path[i].state, BOND_PATH_UP);
	assert_in_range(s.rtt_min, 10000, 12000);
	s = stats_of(&w, w.receiver);
	assert_true(s.session_up);
	assert_int_equal(s.hello_refused, 0);
	assert_int_equal(s.input_forged + s.input_malformed + s.input_replayed, 0);
	pair_deinit(&w);
}

/* Datagrams upwards as long as those of a trial. */
static uint64_t trial_packets(const struct pair *w)
{
	uint64_t packets = 0;

	for (size_t len = 1320; len <= WIRE_DATAGRAM_MAX; len++)
		packets += w->size[len];
	return packets;
}

static void each_path_is_tried_before_media_comes(void **state)
{
	struct bond_room room;
	uint64_t first_bps;
	struct pair w;

	(void)state;
	pair_init(&w, 3);
	w.delay[1] = w.delay[2] = 150 * USEC_PER_MS;
	pair_run(&w, 20 * USEC_PER_MS);
	bond_room(w.sender, &room, w.now);
	assert_true(room.session_up && !room.tried);
	assert_int_equal(room.rate_bps, 0);
	/* One is, the others not yet: only that one counts. */
	pair_run(&w, 80 * USEC_PER_MS);
	bond_room(w.sender, &room, w.now);
	assert_true(room.tried);
	first_bps = room.rate_bps;
	assert_in_range(first_bps, 1000000, 9000000);
	pair_run(&w, USEC_PER_SEC);
	bond_room(w.sender, &room, w.now);
	assert_in_range(room.rate_bps, first_bps + 1000000, 27000000);
	assert_int_equal(trial_packets(&w), 3 * PATH_TRIAL);
	/* And again only when somebody asks. */
	pair_run(&w, 5 * USEC_PER_SEC);
	assert_int_equal(trial_packets(&w), 3 * PATH_TRIAL);
	bond_try(w.sender, w.now);
	bond_try(w.sender, w.now);
	pair_run(&w, USEC_PER_SEC);
	assert_int_equal(trial_packets(&w), 6 * PATH_TRIAL);
	pair_deinit(&w);
}

static void a_new_session_tries_only_what_was_not_tried(void **state)
{
	struct bond_room room;
	struct pair w;

	(void)state;
	pair_init(&w, 1);
	w.delay[0] = 200 * USEC_PER_MS;
	pair_run(&w, 500 * USEC_PER_MS);
	bond_room(w.sender, &room, w.now);
	assert_true(room.session_up && !room.tried);
	w.receiver = bond_free(w.receiver);
	pair_start_receiver(&w, 3);
	pair_run(&w, 20 * USEC_PER_SEC);
	bond_room(w.sender, &room, w.now);
	assert_true(room.session_up && room.tried);
	assert_in_range(trial_packets(&w), PATH_TRIAL + 1, 2 * PATH_TRIAL);
	w.receiver = bond_free(w.receiver);
	pair_start_receiver(&w, 4);
	pair_run(&w, 20 * USEC_PER_SEC);
	bond_room(w.sender, &room, w.now);
	assert_true(room.session_up && room.tried);
	assert_in_range(trial_packets(&w), PATH_TRIAL + 1, 2 * PATH_TRIAL);
	pair_deinit(&w);
}

static void media_arrives_once_in_order_and_whole(void **state)
{
	struct pair w;
	struct bond_stats s;

	(void)state;
	pair_init(&w, 3);
	w.every = 2000;
	pair_run(&w, 10 * USEC_PER_SEC);
	w.every = 0;
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_in_range(w.submitted, 4990, 5010);
	assert_int_equal(w.received, w.submitted);
	assert_int_equal(w.lost, 0);
	s = stats_of(&w, w.sender);
	assert_int_equal(s.media_delivered, w.submitted);
	assert_int_equal(s.media_queued, 0);
	pair_deinit(&w);
}

/* With IP, UDP and the seal; 1316 bytes are seven packets of MPEG-TS, 16 the header of SRT, which
 * crosses a path only with an anchor. */
static void a_full_packet_costs_52_bytes_on_the_way(void **state)
{
	enum { IP_UDP = 28, PAYLOAD = 1316 };
	uint64_t packets = 0, bytes = 0, ordinary;
	struct pair w;

	(void)state;
	pair_init(&w, 3);
	w.every = 2000;
	w.prefix = 16;
	pair_run(&w, 2 * USEC_PER_SEC);
	memset(w.size, 0, sizeof(w.size));
	pair_run(&w, 20 * USEC_PER_SEC);
	for (size_t len = PAYLOAD; len <= WIRE_DATAGRAM_MAX; len++) {
		packets += w.size[len];
		bytes += w.size[len] * (IP_UDP + len);
	}
	ordinary = w.size[PAYLOAD + 52 - IP_UDP];
	print_message("%.2f bytes beyond the payload on average, 52 in %.2f %% of %u packets\n",
		      (double)(bytes - packets * PAYLOAD) / (double)packets,
		      (double)ordinary * 100 / (double)packets, (unsigned)packets);
	assert_in_range(packets, 9900, 12000);
	/* The others: anchors, and a long header once a second and path. */
	assert_true(ordinary * 100 >= packets * 98);
	assert_true(bytes <= packets * (PAYLOAD + 52) + packets / 2);
	pair_deinit(&w);
}

static void what_cannot_be_read_counts_as_lost_and_is_sent_again(void **state)
{
	struct pair w;
	struct bond_stats s;

	(void)state;
	pair_init(&w, 2);
	w.every = 2000;
	w.prefix = 16;
	pair_run(&w, 2 * USEC_PER_SEC);
	/* The receiver has lost what the sender refers to; it cannot, but were it so: */
	w.receiver->path[0].anchors_held = (struct anchor_receiver){ 0 };
	pair_run(&w, 4 * USEC_PER_SEC);
	s = stats_of(&w, w.receiver);
	assert_in_range(s.input_unanchored, 1, 1500);
	w.every = 0;
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(w.received, w.submitted);
	assert_int_equal(w.lost, 0);
	/* And it is over with the next anchor. */
	assert_int_equal(stats_of(&w, w.receiver).input_unanchored, s.input_unanchored);
	pair_deinit(&w);
}

static void loss_on_one_path_costs_nothing(void **state)
{
	struct pair w;

	(void)state;
	pair_init(&w, 2);
	w.drop_every[0] = 10;
	w.every = 2000;
	pair_run(&w, 10 * USEC_PER_SEC);
	w.every = 0;
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(w.received, w.submitted);
	assert_int_equal(w.lost, 0);
	pair_deinit(&w);
}

static void loss_on_the_only_path_is_mended_on_it(void **state)
{
	struct pair w;

	(void)state;
	pair_init(&w, 1);
	w.drop_every[0] = 10;
	w.every = 2000;
	pair_run(&w, 10 * USEC_PER_SEC);
	w.every = 0;
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(w.received, w.submitted);
	assert_int_equal(w.lost, 0);
	pair_deinit(&w);
}

static void a_path_that_falls_silent_costs_no_packet(void **state)
{
	struct pair w;
	struct bond_stats s;

	(void)state;
	pair_init(&w, 2);
	w.every = 2000;
	pair_run(&w, 3 * USEC_PER_SEC);
	w.cut[0] = true;
	w.delay_max = 0;
	pair_run(&w, 5 * USEC_PER_SEC);
	s = stats_of(&w, w.sender);
	assert_int_not_equal(s.path[0].state, BOND_PATH_UP);
	assert_int_equal(s.path[0].reason, BOND_REASON_SILENT);
	assert_in_range(w.delay_max, 0, 150000);
	w.cut[0] = false;
	pair_run(&w, 3 * USEC_PER_SEC);
	s = stats_of(&w, w.sender);
	assert_int_equal(s.path[0].state, BOND_PATH_UP);
	w.every = 0;
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(w.received, w.submitted);
	assert_int_equal(w.lost, 0);
	pair_deinit(&w);
}

static void control_packets_pass_both_ways_once(void **state)
{
	struct pair w;
	uint8_t data[20] = { 0 };

	(void)state;
	pair_init(&w, 2);
	w.drop_every[0] = 3;
	pair_run(&w, USEC_PER_SEC);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(
			bond_submit(w.sender, i % 10 ? BOND_MEDIA_CONTROL : BOND_MEDIA_URGENT,
				    WIRE_CLASS_REFERENCE, data, sizeof(data), w.now, w.now),
			0);
		assert_int_equal(bond_submit(w.receiver, BOND_MEDIA_CONTROL, WIRE_CLASS_REFERENCE,
					     data, sizeof(data), w.now, w.now),
				 0);
		pair_run(&w, 10 * USEC_PER_MS);
	}
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(w.control[0], 100);
	assert_int_equal(w.control[1], 100);
	assert_int_equal(bond_submit(w.receiver, BOND_MEDIA_DATA, WIRE_CLASS_REFERENCE, data,
				     sizeof(data), w.now, w.now),
			 -1);
	pair_deinit(&w);
}

static void a_restarted_receiver_is_found_within_a_second(void **state)
{
	struct pair w;
	struct bond_stats s;
	uint64_t before;

	(void)state;
	pair_init(&w, 2);
	w.every = 2000;
	pair_run(&w, 3 * USEC_PER_SEC);
	w.receiver = bond_free(w.receiver);
	pair_start_receiver(&w, 3);
	w.anew = true;
	before = w.received;
	pair_run(&w, USEC_PER_SEC);
	s = stats_of(&w, w.sender);
	assert_int_equal(s.sessions, 2);
	assert_true(w.received > before + 200);
	pair_deinit(&w);
}

static void a_restarted_sender_takes_over(void **state)
{
	struct pair w;
	struct bond_stats s;
	uint64_t before;

	(void)state;
	pair_init(&w, 2);
	w.every = 2000;
	pair_run(&w, 3 * USEC_PER_SEC);
	w.sender = bond_free(w.sender);
	pair_start_sender(&w, 4);
	w.anew = true;
	before = w.received;
	pair_run(&w, USEC_PER_SEC);
	s = stats_of(&w, w.receiver);
	assert_int_equal(s.sessions, 2);
	assert_true(w.received > before + 400);
	pair_deinit(&w);
}

static void a_sender_whose_clock_was_wrong_is_taken_once_it_is_right(void **state)
{
	struct pair w;
	struct bond_stats stats;
	uint64_t right = UINT64_C(1700000000000000);

	(void)state;
	pair_init(&w, 2);
	pair_run(&w, USEC_PER_SEC);
	/* It is switched off and on again and has lost a year, until it hears of the time. */
	w.sender = bond_free(w.sender);
	pair_run(&w, 10 * USEC_PER_SEC);
	pair_start_sender(&w, 5);
	bond_set_clock(w.sender, right - UINT64_C(365) * 86400 * USEC_PER_SEC);
	pair_run(&w, 10 * USEC_PER_SEC);
	stats = stats_of(&w, w.sender);
	assert_false(stats.session_up);
	bond_set_clock(w.sender, right);
	pair_run(&w, 5 * USEC_PER_SEC);
	stats = stats_of(&w, w.sender);
	assert_true(stats.session_up);
	pair_deinit(&w);
}

static void feed_ts_is_used_when_both_ends_have_it(void **state)
{
	struct pair w;

	(void)state;
	pair_begin(&w, 1, true);
	w.every = 2000;
	pair_run(&w, USEC_PER_SEC);
	assert_int_equal(stats_of(&w, w.sender).feed, BOND_FEED_TS);
	assert_int_equal(stats_of(&w, w.receiver).feed, BOND_FEED_TS);
	w.receiver = bond_free(w.receiver);
	w.feed_ts = false;
	w.anew = true;
	pair_start_receiver(&w, 3);
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(stats_of(&w, w.sender).sessions, 2);
	assert_int_equal(stats_of(&w, w.sender).feed, BOND_FEED_SRT);
	assert_int_equal(stats_of(&w, w.receiver).feed, BOND_FEED_SRT);
	pair_deinit(&w);
}

/* So far away that the deadline leaves no time for a repair. */
static void parity_is_sent_when_both_ends_have_it(void **state)
{
	struct pair w;
	uint64_t lost;

	(void)state;
	pair_begin(&w, 2, false);
	w.delay[0] = w.delay[1] = 400 * USEC_PER_MS;
	w.drop_every[0] = w.drop_every[1] = 25;
	w.receiver = bond_free(w.receiver);
	w.off = BOND_OFF_PARITY;
	pair_start_receiver(&w, 3);
	w.every = 4000;
	pair_run(&w, 5 * USEC_PER_SEC);
	lost = w.lost;
	pair_run(&w, 10 * USEC_PER_SEC);
	assert_int_equal(stats_of(&w, w.sender).parity_packets, 0);
	assert_int_equal(stats_of(&w, w.receiver).media_recovered, 0);
	assert_in_range(w.lost - lost, 70, 130); /* of 2500 */
	assert_int_equal(stats_of(&w, w.receiver).input_malformed, 0);

	w.receiver = bond_free(w.receiver);
	w.off = 0;
	pair_start_receiver(&w, 4);
	pair_run(&w, 5 * USEC_PER_SEC);
	lost = w.lost;
	pair_run(&w, 10 * USEC_PER_SEC);
	assert_true(stats_of(&w, w.sender).parity_packets > 0);
	assert_true(stats_of(&w, w.receiver).media_recovered > 100);
	assert_in_range(w.lost - lost, 0, 3);
	pair_deinit(&w);
}

static void feed_ts_takes_the_whole_latency(void **state)
{
	struct pair w;

	(void)state;
	pair_begin(&w, 2, true);
	w.every = 2000;
	pair_run(&w, 3 * USEC_PER_SEC);
	assert_in_range(w.delay_max, 995 * USEC_PER_MS, 1005 * USEC_PER_MS);
	w.every = 0;
	pair_run(&w, 50 * USEC_PER_MS);
	assert_int_equal(stats_of(&w, w.sender).media_owed, 0);
	assert_in_range(stats_of(&w, w.receiver).media_held, 450, 500);
	bond_drain(w.receiver, w.now);
	pair_run(&w, USEC_PER_MS);
	assert_int_equal(w.received, w.submitted);
	assert_int_equal(w.lost, 0);
	pair_deinit(&w);
}

static void what_a_restarted_sender_had_sent_is_played_out_first(void **state)
{
	struct pair w;
	struct bond_stats s;

	(void)state;
	pair_begin(&w, 2, true);
	w.every = 2000;
	pair_run(&w, 3 * USEC_PER_SEC);
	w.sender = bond_free(w.sender);
	pair_start_sender(&w, 4);
	w.anew = true;
	pair_run(&w, 3 * USEC_PER_SEC);
	w.every = 0;
	pair_run(&w, 2 * USEC_PER_SEC);
	s = stats_of(&w, w.receiver);
	assert_int_equal(s.sessions, 2);
	assert_int_equal(s.media_held, 0);
	/* What was on its way, and nothing of what was there: 500 packets are held at any time. */
	assert_in_range(w.received, w.submitted - 20, w.submitted);
	assert_int_equal(s.media_delivered, w.received);
	assert_in_range(w.delay_max, 995 * USEC_PER_MS, 1020 * USEC_PER_MS);
	pair_deinit(&w);
}

static void a_path_follows_its_new_address(void **state)
{
	struct pair w;
	struct bond_stats s;

	(void)state;
	pair_init(&w, 1);
	w.every = 2000;
	pair_run(&w, 3 * USEC_PER_SEC);
	w.port[0] = 9;
	pair_run(&w, 2 * USEC_PER_SEC);
	s = stats_of(&w, w.receiver);
	assert_int_equal(s.path[0].remote.bytes[1], 9);
	w.every = 0;
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(w.lost, 0);
	assert_int_equal(w.received, w.submitted);
	pair_deinit(&w);
}

static void keys_change_after_an_hour_without_a_gap(void **state)
{
	struct pair w;
	struct bond_stats s;

	(void)state;
	pair_init(&w, 2);
	w.every = 500 * USEC_PER_MS;
	pair_run(&w, 7300 * USEC_PER_SEC);
	w.every = 0;
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(w.received, w.submitted);
	s = stats_of(&w, w.receiver);
	assert_int_equal(s.input_forged + s.input_unknown + s.input_replayed, 0);
	assert_int_equal(s.sessions, 1);
	pair_deinit(&w);
}

static void a_dropped_path_comes_back_under_its_old_number(void **state)
{
	struct bond_path_config p = { .name = "link0", .link = 0 };
	struct pair w;

	(void)state;
	pair_init(&w, 2);
	w.every = 2000;
	pair_run(&w, 2 * USEC_PER_SEC);
	bond_path_drop(w.sender, 0, w.now);
	assert_int_equal(stats_of(&w, w.sender).path[0].state, BOND_PATH_OFF);
	assert_int_equal(stats_of(&w, w.sender).path[0].reason, BOND_REASON_DROPPED);
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(stats_of(&w, w.receiver).path[0].state, BOND_PATH_OFF);
	p.remote = pair_address(&w, 0);
	assert_int_equal(bond_path_add(w.sender, &p, w.now), 0);
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(stats_of(&w, w.sender).path[0].state, BOND_PATH_UP);
	w.every = 0;
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(w.received, w.submitted);
	assert_int_equal(stats_of(&w, w.receiver).input_replayed, 0);
	pair_deinit(&w);
}

static void an_outage_of_all_paths_costs_nothing_within_the_latency(void **state)
{
	struct pair w;

	(void)state;
	pair_init(&w, 2);
	w.every = 2000;
	pair_run(&w, 2 * USEC_PER_SEC);
	w.cut[0] = w.cut[1] = true;
	pair_run(&w, 500 * USEC_PER_MS);
	w.cut[0] = w.cut[1] = false;
	pair_run(&w, 2 * USEC_PER_SEC);
	w.every = 0;
	pair_run(&w, 2 * USEC_PER_SEC);
	assert_int_equal(w.received, w.submitted);
	assert_int_equal(w.lost, 0);
	pair_deinit(&w);
}

static void goodbye_is_heard(void **state)
{
	struct pair w;
	struct bond_event e;
	bool down = false;

	(void)state;
	pair_init(&w, 2);
	pair_run(&w, USEC_PER_SEC);
	while (bond_next_event(w.receiver, &e))
		;
	bond_close(w.sender, WIRE_CLOSE_DONE, w.now);
	pair_run(&w, USEC_PER_SEC);
	while (bond_next_event(w.receiver, &e))
		down = down ||
		       (e.kind == BOND_EVENT_SESSION_DOWN && e.reason == BOND_REASON_CLOSED);
	assert_true(down);
	assert_false(stats_of(&w, w.receiver).session_up);
	pair_deinit(&w);
}

static void a_stranger_gets_no_answer(void **state)
{
	struct pair w;
	struct bond_config c = pair_config(BOND_ROLE_RECEIVER, 2);

	(void)state;
	pair_init(&w, 1);
	w.receiver = bond_free(w.receiver);
	c.key[0] ^= 1;
	w.receiver = bond_new(&c, w.now);
	pair_run(&w, 3 * USEC_PER_SEC);
	assert_int_equal(w.sent[1], 0);
	assert_false(stats_of(&w, w.sender).session_up);
	pair_deinit(&w);
}

static void a_configuration_out_of_range_is_refused(void **state)
{
	struct bond_config c = pair_config(BOND_ROLE_SENDER, 1);

	(void)state;
	c.latency = BOND_LATENCY_MIN - 1;
	assert_null(bond_new(&c, 0));
	c.latency = BOND_LATENCY_MAX + 1;
	assert_null(bond_new(&c, 0));
	bond_config_defaults(&c);
	c.advice_min_bps = c.advice_max_bps + 1;
	assert_null(bond_new(&c, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_session_comes_up_on_all_paths),
		cmocka_unit_test(each_path_is_tried_before_media_comes),
		cmocka_unit_test(a_new_session_tries_only_what_was_not_tried),
		cmocka_unit_test(media_arrives_once_in_order_and_whole),
		cmocka_unit_test(a_full_packet_costs_52_bytes_on_the_way),
		cmocka_unit_test(what_cannot_be_read_counts_as_lost_and_is_sent_again),
		cmocka_unit_test(loss_on_one_path_costs_nothing),
		cmocka_unit_test(loss_on_the_only_path_is_mended_on_it),
		cmocka_unit_test(a_path_that_falls_silent_costs_no_packet),
		cmocka_unit_test(control_packets_pass_both_ways_once),
		cmocka_unit_test(a_restarted_receiver_is_found_within_a_second),
		cmocka_unit_test(a_restarted_sender_takes_over),
		cmocka_unit_test(a_sender_whose_clock_was_wrong_is_taken_once_it_is_right),
		cmocka_unit_test(feed_ts_is_used_when_both_ends_have_it),
		cmocka_unit_test(parity_is_sent_when_both_ends_have_it),
		cmocka_unit_test(feed_ts_takes_the_whole_latency),
		cmocka_unit_test(what_a_restarted_sender_had_sent_is_played_out_first),
		cmocka_unit_test(a_path_follows_its_new_address),
		cmocka_unit_test(keys_change_after_an_hour_without_a_gap),
		cmocka_unit_test(a_dropped_path_comes_back_under_its_old_number),
		cmocka_unit_test(an_outage_of_all_paths_costs_nothing_within_the_latency),
		cmocka_unit_test(goodbye_is_heard),
		cmocka_unit_test(a_stranger_gets_no_answer),
		cmocka_unit_test(a_configuration_out_of_range_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
