#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/linksim/scenario.h"
#include "tools/linksim/timeline.h"

#define MS  USEC_PER_MS
#define SEC USEC_PER_SEC

static bool event(const char *target, const char *word)
{
	(void)target;
	return !strcmp(word, "rebind");
}

/* What scenario_parse() says of @text: its errors, "" for none. The caller frees. */
static char *errors_of(const char *text)
{
	struct scenario *scenario = calloc(1, sizeof(*scenario));
	char *errors = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&errors, &size);
	int r = scenario_parse(scenario, text, "s", event, file);

	(void)fclose(file);
	assert_true((r < 0) == (size > 0));
	scenario_deinit(scenario);
	free(scenario);
	return errors;
}

static void values_have_units_and_bounds(void **state)
{
	static const struct {
		const char *word;
		int result;
		uint64_t value;
	} rows[] = {
		{ "rate=20M", 0, 20000000 },
		{ "rate=1.5M", 0, 1500000 },
		{ "rate=800k", 0, 800000 },
		{ "rate=none", 0, 0 },
		{ "rate=0", -22, 0 },
		{ "rate=20Q", -22, 0 },
		{ "rate=", -22, 0 },
		{ "rate=99999999999999999999", -22, 0 },
		{ "delay=40ms", 0, 40000 },
		{ "delay=0", 0, 0 },
		{ "delay=1.5s", 0, 1500000 },
		{ "delay=40", -22, 0 },
		{ "delay=-1ms", -22, 0 },
		{ "delay=1..5s", -22, 0 },
		{ "loss=0.05%", 0, 500 },
		{ "loss=200ppm", 0, 200 },
		{ "loss=100%", 0, 1000000 },
		{ "loss=101%", -22, 0 },
		{ "queue=none", 0, 0 },
		{ "queue-bytes=64k", 0, 64000 },
		{ "outage=blackhole", 0, LINK_OUTAGE_BLACKHOLE },
		{ "outage=sometimes", -22, 0 },
		{ "reorder=yes", 0, 1 },
		{ "speed=1", -22, 0 },
		{ "rate", -22, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct setting setting = { 0 };
		const char *why;
		int r = setting_parse(rows[i].word, &setting, &why);

		if (r != rows[i].result || (!r && setting.value != rows[i].value))
			fail_msg("%s: %d, %llu", rows[i].word, r,
				 (unsigned long long)setting.value);
	}
}

static void a_burst_has_the_share_and_the_length(void **state)
{
	struct setting setting;
	const char *why;

	(void)state;
	assert_int_equal(setting_parse("burst=5%:8", &setting, &why), 0);
	assert_int_equal(setting.burst[0], 6578);
	assert_int_equal(setting.burst[1], 125000);
	assert_int_equal(setting.burst[2], 1000000);
}

static void every_error_is_told_with_its_line(void **state)
{
	char *errors = errors_of("link lan rate=20M colour=red\n"
				 "link lan rate=1M\n"
				 "at soon lan loss=1%\n"
				 "at 1s wan loss=1%\n"
				 "at 1s lan\n"
				 "link x trace=/nowhere/to/be/found\n"
				 "at 1s lan loss=1% rebind # fine; really\n");

	(void)state;
	assert_string_equal(
		errors,
		"s:1: colour=red is not a setting of a link\n"
		"s:2: there is a link lan already\n"
		"s:3: at wants a time such as 12s or 600ms\n"
		"s:4: there is no link wan\n"
		"s:5: lan: nothing to change\n"
		"s:6: cannot read the trace /nowhere/to/be/found: No such file or directory\n");
	free(errors);
}

static void targets_name_links_and_directions(void **state)
{
	(void)state;
	assert_int_equal(scenario_names("*", "lan"), SCENARIO_UP | SCENARIO_DOWN);
	assert_int_equal(scenario_names("*.up", "lan"), SCENARIO_UP);
	assert_int_equal(scenario_names("cell+lan.down", "lan"), SCENARIO_DOWN);
	assert_int_equal(scenario_names("lan2", "lan"), 0);
	assert_int_equal(scenario_names("la", "lan"), 0);
	assert_int_equal(scenario_names("lan.left", "lan"), 0);
}

struct fixture {
	struct scenario scenario;
	struct timeline_link link[2];
	struct timeline *timeline;
};

static struct fixture *fixture_new(const char *text)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct link_config config = { 0 };

	assert_int_equal(scenario_parse(&f->scenario, text, "s", event, stderr), 0);
	for (unsigned i = 0; i < f->scenario.links; i++) {
		f->link[i] = (struct timeline_link){ .name = f->scenario.link[i].name,
						     .up = link_new(&config, 8, 1, 0),
						     .down = link_new(&config, 8, 2, 0) };
		timeline_begin(&f->scenario, &f->scenario.link[i], &f->link[i], 0);
	}
	f->timeline = timeline_new(&f->scenario, f->link, f->scenario.links, 0);
	return f;
}

static void fixture_free(struct fixture *f)
{
	for (unsigned i = 0; i < f->scenario.links; i++) {
		link_free(f->link[i].up);
		link_free(f->link[i].down);
	}
	timeline_free(f->timeline);
	scenario_deinit(&f->scenario);
	free(f);
}

/* Runs to @now; the number of events. */
static unsigned run_to(struct fixture *f, usec_t now)
{
	struct timeline_event event;
	unsigned events = 0;

	while (timeline_next(f->timeline, now, &event))
		events++;
	assert_true(timeline_next_at(f->timeline) > now);
	return events;
}

static void a_link_begins_with_its_settings(void **state)
{
	struct fixture *f = fixture_new("link a up.rate=8M down.rate=30M delay=40ms, loss=1%");

	(void)state;
	assert_int_equal(link_rate_bps(f->link[0].up), 8000000);
	assert_int_equal(link_rate_bps(f->link[0].down), 30000000);
	assert_int_equal(link_config(f->link[0].up)->delay, 40 * MS);
	assert_int_equal(link_config(f->link[0].down)->loss_ppm, 10000);
	fixture_free(f);
}

static void what_lasts_for_a_while_is_undone(void **state)
{
	struct fixture *f = fixture_new("link a rate=8M; link b rate=4M\n"
					"at 10s for 5s a outage=blackhole rate=1M\n"
					"at 12s for 1s a.up rate=2M\n"
					"at 20s every 10s until 45s b for 1s loss=50%\n"
					"at 30s b rebind\n"
					"at 50s end\n");

	(void)state;
	assert_int_equal(run_to(f, 9 * SEC), 0);
	assert_int_equal(timeline_next_at(f->timeline), 10 * SEC);
	run_to(f, 11 * SEC);
	assert_int_equal(link_outage(f->link[0].up), LINK_OUTAGE_BLACKHOLE);
	assert_int_equal(link_rate_bps(f->link[0].down), 1000000);
	run_to(f, 12 * SEC);
	assert_int_equal(link_rate_bps(f->link[0].up), 2000000);
	run_to(f, 15 * SEC);
	assert_int_equal(link_outage(f->link[0].down), LINK_OUTAGE_NONE);
	assert_int_equal(link_rate_bps(f->link[0].up), 8000000);
	assert_int_equal(link_rate_bps(f->link[0].down), 8000000);
	run_to(f, 20 * SEC);
	assert_int_equal(link_config(f->link[1].up)->loss_ppm, 500000);
	run_to(f, 21 * SEC);
	assert_int_equal(link_config(f->link[1].up)->loss_ppm, 0);
	assert_int_equal(run_to(f, 40 * SEC), 1);
	assert_int_equal(link_config(f->link[1].up)->loss_ppm, 500000);
	assert_false(timeline_has_ended(f->timeline));
	run_to(f, 50 * SEC);
	assert_true(timeline_has_ended(f->timeline));
	assert_int_equal(link_config(f->link[1].up)->loss_ppm, 0);
	assert_int_equal(timeline_next_at(f->timeline), USEC_NEVER);
	fixture_free(f);
}

static void commands_can_be_given_while_it_runs(void **state)
{
	struct fixture *f = fixture_new("link a rate=8M");
	struct scenario_command command;

	(void)state;
	run_to(f, SEC);
	assert_int_equal(scenario_parse_command(&f->scenario, "a for 2s outage=stall\n", "stdin",
						event, stderr, &command),
			 0);
	assert_true(timeline_add(f->timeline, &command, 3 * SEC));
	run_to(f, 3 * SEC);
	assert_int_equal(link_outage(f->link[0].up), LINK_OUTAGE_STALL);
	run_to(f, 5 * SEC);
	assert_int_equal(link_outage(f->link[0].up), LINK_OUTAGE_NONE);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_have_units_and_bounds),
		cmocka_unit_test(a_burst_has_the_share_and_the_length),
		cmocka_unit_test(every_error_is_told_with_its_line),
		cmocka_unit_test(targets_name_links_and_directions),
		cmocka_unit_test(a_link_begins_with_its_settings),
		cmocka_unit_test(what_lasts_for_a_while_is_undone),
		cmocka_unit_test(commands_can_be_given_while_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
