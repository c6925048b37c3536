#include <string.h>

#include "bond/scheduler.h"
#include "bond/stall.h"
#include "unit/test.h"

#define MS   USEC_PER_MS
#define SEC  USEC_PER_SEC
#define MBPS UINT64_C(1000000)
#define NOW  (100 * SEC)
#define FAR  (NOW + SEC)

static struct path paths[BOND_PATHS_MAX];
static struct scheduler s;

/* A path in use with @one_way of delay each way and @capacity. */
static void path_make(unsigned id, usec_t one_way, uint64_t capacity)
{
	struct path *p = &paths[id];

	assert_int_equal(path_init(p, id, 1024, NOW - SEC), 0);
	estimator_round_trip(&p->estimator, 2 * one_way, 0, NOW);
	p->estimator.var = 0;
	estimator_one_way(&p->estimator, NOW, (int64_t)one_way, 0, NOW);
	p->rate.capacity_bps = capacity;
	p->rate.starting = false;
	p->state = BOND_PATH_UP;
	p->progress_at = NOW;
}

static int setup(void **state)
{
	(void)state;
	memset(paths, 0, sizeof(paths));
	scheduler_init(&s, BOND_POLICY_AGGREGATE, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++)
		path_deinit(&paths[i]);
	return 0;
}

static enum scheduler_verdict choose(unsigned exclude, usec_t deadline, unsigned *path)
{
	*path = BOND_PATHS_MAX;
	return scheduler_choose(&s, paths, SCHEDULER_NEW, 1358, exclude, deadline, NOW, path);
}

/* Puts @bytes on the way on the path. */
static void load(unsigned id, unsigned bytes)
{
	for (; bytes; bytes -= 1000)
		(void)inflight_add(&paths[id].inflight, SENT_MEDIA, 0, 1000, NOW);
}

static void the_quicker_path_is_chosen(void **state)
{
	unsigned path;

	(void)state;
	path_make(0, 50 * MS, 5 * MBPS);
	path_make(1, 10 * MS, 5 * MBPS);
	scheduler_refresh(&s, paths, 0);
	assert_int_equal(choose(0, FAR, &path), SCHEDULER_SEND);
	assert_int_equal(path, 1);
	assert_int_equal(choose(1u << 1, FAR, &path), SCHEDULER_SEND);
	assert_int_equal(path, 0);
}

static void a_long_queue_makes_the_other_path_the_quicker_one(void **state)
{
	unsigned path;

	(void)state;
	path_make(0, 40 * MS, 5 * MBPS);
	path_make(1, 10 * MS, 5 * MBPS);
	load(1, 40000); /* 20 ms of pipe and 44 ms of queue */
	scheduler_refresh(&s, paths, 0);
	assert_int_equal(choose(0, FAR, &path), SCHEDULER_SEND);
	assert_int_equal(path, 0);
}

static void a_packet_waits_for_the_path_on_which_it_still_arrives_first(void **state)
{
	unsigned path;

	(void)state;
	path_make(0, 400 * MS, 5 * MBPS);
	path_make(1, 10 * MS, 5 * MBPS);
	pacer_sent(&paths[1].pacer, 6000, 5 * MBPS, NOW);
	scheduler_refresh(&s, paths, 100000);
	assert_int_equal(choose(0, FAR, &path), SCHEDULER_WAIT);
	assert_true(s.ahead[1] >= 1358);
	assert_true(s.wake_at > NOW && s.wake_at < NOW + 20 * MS);
	assert_int_equal(paths[1].hungry_at, NOW);
	/* So much may wait for it before the slow path is the better one: about 390 ms. */
	assert_in_range(s.skip, 150000, 260000);
	for (unsigned i = 0; i < 4 && choose(0, FAR, &path) == SCHEDULER_WAIT; i++)
		;
	assert_int_equal(path, 0);
}

static void a_small_advantage_does_not_change_the_path(void **state)
{
	unsigned path;

	(void)state;
	path_make(0, 20 * MS, 5 * MBPS);
	path_make(1, 21 * MS, 5 * MBPS);
	scheduler_refresh(&s, paths, 0);
	s.last = 1;
	assert_int_equal(choose(0, FAR, &path), SCHEDULER_SEND);
	assert_int_equal(path, 1);
	s.off = BOND_OFF_DAMPING;
	assert_int_equal(choose(0, FAR, &path), SCHEDULER_SEND);
	assert_int_equal(path, 0);
}

static void a_path_that_is_too_slow_for_the_deadline_is_not_used(void **state)
{
	unsigned path;

	(void)state;
	path_make(0, 100 * MS, 5 * MBPS);
	scheduler_refresh(&s, paths, 0);
	assert_int_equal(choose(0, NOW + 90 * MS, &path), SCHEDULER_LATE);
	assert_int_equal(choose(0, NOW + 130 * MS, &path), SCHEDULER_SEND);
}

/* After a stall the jitter is large for a while; what is given up is lost for certain. */
static void a_path_that_swings_is_tried_when_there_is_no_other(void **state)
{
	unsigned path;

	(void)state;
	path_make(0, 100 * MS, 5 * MBPS);
	paths[0].estimator.jitter = 50 * MS;
	scheduler_refresh(&s, paths, 0);
	assert_int_equal(choose(0, NOW + 130 * MS, &path), SCHEDULER_SEND);
	assert_int_equal(choose(0, NOW + 110 * MS, &path), SCHEDULER_LATE);
}

static void what_a_radio_held_back_is_no_queue(void **state)
{
	struct estimator *e = &paths[0].estimator;

	(void)state;
	path_make(0, 10 * MS, 5 * MBPS);
	e->queue = 800 * MS;
	e->queue_at = NOW;
	scheduler_refresh(&s, paths, 0);
	assert_true(scheduler_arrival(&s, &paths[0], 1358, NOW) > NOW + 800 * MS);
	estimator_delivery(e, 1358, NOW - 900 * MS, (int64_t)(NOW - 890 * MS), NOW - 880 * MS);
	estimator_delivery(e, 1358, NOW - 850 * MS, (int64_t)NOW, NOW);
	assert_true(scheduler_arrival(&s, &paths[0], 1358, NOW) < NOW + 20 * MS);
	/* For the fourth time it is no accident. */
	paths[0].flaps = 3;
	assert_true(scheduler_arrival(&s, &paths[0], 1358, NOW) > NOW + 800 * MS);
}

/* It would mostly arrive first, but swings by more than there is time. */
static void a_path_that_swings_is_passed_over_when_the_deadline_is_near(void **state)
{
	unsigned at = 9;

	(void)state;
	path_make(0, 10 * MS, 5 * MBPS);
	path_make(1, 60 * MS, 5 * MBPS);
	paths[0].estimator.jitter = 400 * MS;
	scheduler_refresh(&s, paths, 0);
	assert_int_equal(choose(0, NOW + 500 * MS, &at), SCHEDULER_SEND);
	assert_int_equal(at, 1);
	assert_int_equal(choose(0, NOW + 5 * SEC, &at), SCHEDULER_SEND);
	assert_int_equal(at, 0);
}

static void nothing_usable_is_said_so(void **state)
{
	unsigned path;

	(void)state;
	path_make(0, 10 * MS, 5 * MBPS);
	paths[0].state = BOND_PATH_SUSPECT;
	path_make(1, 10 * MS, 5 * MBPS);
	paths[1].config.muted = true;
	scheduler_refresh(&s, paths, 0);
	assert_int_equal(s.usable, 0);
	assert_int_equal(choose(0, FAR, &path), SCHEDULER_NONE);
	/* What must not wait takes what there is, the muted one that answers first. */
	assert_int_equal(scheduler_quickest(&s, paths, 0, NOW), 1);
}

static void a_stalled_path_is_the_slower_one(void **state)
{
	unsigned path;

	(void)state;
	path_make(0, 60 * MS, 5 * MBPS);
	path_make(1, 10 * MS, 5 * MBPS);
	load(1, 3000);
	inflight_oldest(&paths[1].inflight)->at = NOW - 200 * MS;
	paths[1].progress_at = NOW - 200 * MS;
	assert_true(path_stalled_for(&paths[1], NOW) > 100 * MS);
	scheduler_refresh(&s, paths, 0);
	assert_int_equal(choose(0, FAR, &path), SCHEDULER_SEND);
	assert_int_equal(path, 0);
}

static void backup_prefers_the_cheap_path_until_it_would_be_late(void **state)
{
	unsigned path;

	(void)state;
	scheduler_init(&s, BOND_POLICY_BACKUP, 0);
	s.hold = 800 * MS;
	path_make(0, 10 * MS, 5 * MBPS);
	paths[0].config.cost = BOND_COST_PAID;
	path_make(1, 60 * MS, 5 * MBPS);
	scheduler_refresh(&s, paths, 0);
	assert_int_equal(choose(0, FAR, &path), SCHEDULER_SEND);
	assert_int_equal(path, 1);
	paths[1].estimator.queue = 400 * MS;
	scheduler_refresh(&s, paths, 0);
	assert_int_equal(choose(0, FAR, &path), SCHEDULER_SEND);
	assert_int_equal(path, 0);
}

static void silence_leads_down_the_ladder(void **state)
{
	struct path *p = &paths[0];
	usec_t at;

	(void)state;
	path_make(0, 10 * MS, 5 * MBPS);
	load(0, 2000);
	at = stall_check(p, false, SEC, NOW);
	assert_int_equal(at, NOW + 250 * MS);
	assert_int_equal(p->state, BOND_PATH_UP);
	(void)stall_check(p, false, SEC, at);
	assert_int_equal(p->state, BOND_PATH_SUSPECT);
	assert_int_equal(p->reason, BOND_REASON_SILENT);
	at = stall_check(p, false, SEC, at);
	(void)stall_check(p, false, SEC, at);
	assert_int_equal(p->state, BOND_PATH_MUTED);
	at = stall_check(p, false, SEC, at);
	(void)stall_check(p, false, SEC, at);
	assert_int_equal(p->state, BOND_PATH_DEAD);
}

static void idleness_is_not_silence(void **state)
{
	(void)state;
	path_make(0, 10 * MS, 5 * MBPS);
	assert_int_equal(stall_check(&paths[0], false, SEC, NOW + 60 * SEC), USEC_NEVER);
	assert_int_equal(paths[0].state, BOND_PATH_UP);
}

static void a_muted_path_has_to_deliver_for_a_while(void **state)
{
	struct path *p = &paths[0];
	usec_t now = NOW;

	(void)state;
	path_make(0, 10 * MS, 5 * MBPS);
	p->state = BOND_PATH_MUTED;
	p->flaps = 1;
	stall_progress(p, 1, now, false, now);
	assert_int_equal(p->state, BOND_PATH_MUTED);
	for (unsigned i = 0; i < 30 && p->state == BOND_PATH_MUTED; i++, now += 20 * MS)
		stall_progress(p, 1, now, false, now);
	assert_int_equal(p->state, BOND_PATH_UP);
	assert_int_equal(p->reason, BOND_REASON_PROVEN);
	assert_in_range(now, NOW + 200 * MS, NOW + 300 * MS);
	/* It comes back with a part of its belief. */
	assert_true(p->rate.capacity_bps < 5 * MBPS);
}

static void a_path_that_falls_often_has_to_prove_more(void **state)
{
	struct path *p = &paths[0];
	usec_t now = NOW;

	(void)state;
	path_make(0, 10 * MS, 5 * MBPS);
	p->state = BOND_PATH_MUTED;
	p->flaps = 4;
	for (; p->state == BOND_PATH_MUTED && now < NOW + 10 * SEC; now += 20 * MS)
		stall_progress(p, 1, now, false, now);
	assert_in_range(now, NOW + 400 * MS, NOW + 3 * SEC);
}

static void the_only_path_is_trusted_at_its_first_answer(void **state)
{
	(void)state;
	path_make(0, 10 * MS, 5 * MBPS);
	paths[0].state = BOND_PATH_MUTED;
	paths[0].flaps = 4;
	stall_progress(&paths[0], 1, NOW, true, NOW);
	assert_int_equal(paths[0].state, BOND_PATH_UP);
}

static void a_path_that_loses_most_is_muted(void **state)
{
	(void)state;
	path_make(0, 10 * MS, 5 * MBPS);
	/* A few are no proof. */
	meter_add(&paths[0].lost_meter, 30, NOW);
	(void)stall_check(&paths[0], false, SEC, NOW);
	assert_int_equal(paths[0].state, BOND_PATH_UP);
	meter_add(&paths[0].lost_meter, 40, NOW);
	meter_add(&paths[0].acked_meter, 30, NOW);
	(void)stall_check(&paths[0], true, SEC, NOW);
	assert_int_equal(paths[0].state, BOND_PATH_UP);
	(void)stall_check(&paths[0], false, SEC, NOW);
	assert_int_equal(paths[0].state, BOND_PATH_MUTED);
	assert_int_equal(paths[0].reason, BOND_REASON_LOSSY);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_quicker_path_is_chosen),
		T(a_long_queue_makes_the_other_path_the_quicker_one),
		T(a_packet_waits_for_the_path_on_which_it_still_arrives_first),
		T(a_small_advantage_does_not_change_the_path),
		T(a_path_that_is_too_slow_for_the_deadline_is_not_used),
		T(nothing_usable_is_said_so),
		T(a_path_that_swings_is_passed_over_when_the_deadline_is_near),
		T(a_stalled_path_is_the_slower_one),
		T(what_a_radio_held_back_is_no_queue),
		T(a_path_that_swings_is_tried_when_there_is_no_other),
		T(backup_prefers_the_cheap_path_until_it_would_be_late),
		T(silence_leads_down_the_ladder),
		T(idleness_is_not_silence),
		T(a_muted_path_has_to_deliver_for_a_while),
		T(a_path_that_falls_often_has_to_prove_more),
		T(the_only_path_is_trusted_at_its_first_answer),
		T(a_path_that_loses_most_is_muted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
