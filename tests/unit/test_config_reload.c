#include "unit/configured.h"

/* What a reload from @before to @after tells to start again for, joined by commas. */
static const char *restarts(enum config_role role, const char *before, const char *after)
{
	static char all[512];
	struct config old;
	char name[64];

	config_defaults(&config, role);
	assert_int_equal(parse(before), 0);
	old = config;
	config_defaults(&config, role);
	assert_int_equal(parse(after), 0);
	all[0] = '\0';
	for (size_t at = 0; config_restart_next(&old, &config, &at, name, sizeof(name));)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
			       *all ? ", " : "", name);
	return all;
}

static void a_reload_tells_what_it_does_not_change(void **state)
{
	(void)state;
	assert_string_equal(restarts(CONFIG_ROLE_SENDER,
				     "[sender]\nto = a:1\npolicy = backup\nlog-level = debug\n"
				     "[uplink a]\ncost = paid\n",
				     "[sender]\nto = b:1\n[uplink b]\n"),
			    "");
	assert_string_equal(restarts(CONFIG_ROLE_SENDER, "[encoder]\npreset = veryfast\n",
				     "[encoder]\npreset = ultrafast\npreset = veryfast\n"),
			    "");
	assert_string_equal(
		restarts(CONFIG_ROLE_SENDER, "",
			 "[sender]\nlatency = 2s\nrate-max = 20M\ncontrol = /run/x\n"
			 "[input]\nurl = srt://:5\nstreamid = x\npassphrase-file = /x\n"
			 "[encoder]\ncontrol = exec\ncommand = x\nladder = yes\n"
			 "[advice]\nmax = 8M\n[record]\nsegment = 10s\nfree-min = 2G\n"),
		"[sender] latency, [sender] rate-max, [sender] control, [input] url, "
		"[input] passphrase-file, [input] streamid, [encoder] control, [encoder] command, "
		"[encoder] ladder, [advice] max, [record] segment, [record] free-min");
	assert_string_equal(restarts(CONFIG_ROLE_RECEIVER, "[receiver]\nlisten = :1\n",
				     "[receiver]\nlisten = :2\n[output a]\nurl = pipe:\n"),
			    "[receiver] listen");
}

static void another_key_takes_effect_at_the_next_start(void **state)
{
	struct config old;
	size_t at = 0;
	char name[64];

	(void)state;
	old = config;
	config.key[31] = 1;
	assert_true(config_restart_next(&old, &config, &at, name, sizeof(name)));
	assert_string_equal(name, "the key");
	assert_false(config_restart_next(&old, &config, &at, name, sizeof(name)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(a_reload_tells_what_it_does_not_change),
		TEST(another_key_takes_effect_at_the_next_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
