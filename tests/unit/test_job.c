#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "job.h"
#include "sys/log.h"

/* A job whose worker is a shell script; what the journal keeps of it. */
struct place {
	struct loop *loop;
	struct journal journal;
	struct job *job;
	char script[64];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	log_open("test", LOG_LEVEL_ERR);
	place->loop = loop_new();
	(void)strcpy(place->script, "/tmp/uplinkd-job-XXXXXX");
	(void)close(mkstemp(place->script));
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	place->job = job_free(place->job);
	(void)unlink(place->script);
	loop_free(place->loop);
	free(place);
	return 0;
}

static void start(struct place *place, const char *script)
{
	struct job_config config = { .kind = STATS_JOB_OUTPUT,
				     .where = "",
				     .journal = &place->journal };
	struct job_args args;
	FILE *file = fopen(place->script, "we");

	(void)fprintf(file, "#!/bin/sh\necho '{\"event\":\"ready\"}' >&3\n%s\n", script);
	(void)fclose(file);
	assert_int_equal(chmod(place->script, 0700), 0);
	job_args_init(&args, "worker", place->script);
	place->job = job_new(place->loop, &config, &args);
	assert_non_null(place->job);
}

static void on_tick(struct loop_timer *timer)
{
	(void)timer;
}

/* How many entries of the journal have @text. */
static unsigned noted(const struct place *place, const char *text)
{
	unsigned n = 0;

	for (uint64_t i = 0; i < place->journal.count && i < STATS_LOG_MAX; i++)
		n += strstr(place->journal.ring[i].text, text) != NULL;
	return n;
}

/* Turns the loop until @text is noted; false: it was not. */
static bool turn_until_noted(struct place *place, const char *text)
{
	struct loop_timer tick;
	usec_t end = loop_clock() + 20 * USEC_PER_SEC;

	loop_timer_init(&tick, place->loop, on_tick, NULL);
	while (!noted(place, text) && loop_clock() < end) {
		loop_timer_set(&tick, loop_clock() + 5000);
		loop_turn(place->loop, true);
		job_tick(place->job);
	}
	loop_timer_deinit(&tick);
	return noted(place, text);
}

#define ALARM(text)                                                                                \
	"echo '{\"event\":\"alarm\",\"id\":\"x\",\"text\":\"" text "\"}' >&3; sleep 0.05\n"

static void an_alarm_is_noted_once_and_not_with_each_of_its_figures(void **state)
{
	struct place *place = *state;

	start(place, ALARM("6 s behind") ALARM("7 s behind") ALARM("10 s behind")
			     ALARM("1000 s behind") ALARM("out of paper") "exec sleep 1000");
	assert_true(turn_until_noted(place, "out of paper"));
	assert_int_equal(noted(place, "behind"), 1);
}

static void what_ended_does_not_work_again(void **state)
{
	struct place *place = *state;

	start(place, ALARM("out of paper") "sleep 0.1; [ -e \"$0\" ] && rm \"$0\"");
	assert_true(turn_until_noted(place, "out of paper"));
	/* It ends, and cannot be started any more. */
	assert_false(noted(place, "works again"));
	for (usec_t end = loop_clock() + USEC_PER_SEC / 2; loop_clock() < end;) {
		loop_turn(place->loop, false);
		job_tick(place->job);
	}
	assert_false(noted(place, "works again"));
}

static void what_goes_on_does(void **state)
{
	struct place *place = *state;

	start(place,
	      ALARM("out of paper") "echo '{\"event\":\"alarm\",\"id\":\"x\",\"active\":false}' "
				    ">&3\n"
				    "exec sleep 1000");
	assert_true(turn_until_noted(place, "works again"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_alarm_is_noted_once_and_not_with_each_of_its_figures),
		TEST(what_ended_does_not_work_again),
		TEST(what_goes_on_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
