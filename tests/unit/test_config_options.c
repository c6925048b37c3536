#include "unit/configured.h"

static void the_options_of_the_sender_are_the_contract(void **state)
{
	(void)state;
	assert_int_equal(ARGUMENTS("--input", "udp://127.0.0.1:5000", "--to", "h:7000",
				   "--key-file", "/k", "--latency", "1000ms", "--uplink",
				   "lan=eth0", "--uplink=lte=192.0.2.7,to=h2:7001,cost=paid",
				   "--record", "/r", "--policy=broadcast", "--encoder", "builtin",
				   "--control", "/c", "--log-level", "debug"),
			 0);
	assert_null(errors.text);
	assert_string_equal(config.input.host, "127.0.0.1");
	assert_int_equal(config.latency, USEC_PER_SEC);
	assert_int_equal(config.uplink_count, 2);
	assert_string_equal(config.uplinks[0].device, "eth0");
	assert_string_equal(config.uplinks[1].name, "lte");
	assert_string_equal(config.uplinks[1].address, "192.0.2.7");
	assert_string_equal(config.uplinks[1].to, "h2:7001");
	assert_int_equal(config.uplinks[1].cost, CONFIG_COST_PAID);
	assert_int_equal(config.policy, BOND_POLICY_BROADCAST);
	assert_string_equal(config.control_path, "/c");
}

static void the_options_of_the_receiver_are_the_contract(void **state)
{
	(void)state;
	config_defaults(&config, CONFIG_ROLE_RECEIVER);
	assert_int_equal(ARGUMENTS("--listen", "0.0.0.0:7000", "--key-file", "/k", "--output",
				   "udp://127.0.0.1:6000", "--output", "tube=rtmp://h/app/key?a=b",
				   "--output", "pipe:", "--latency", "1000ms"),
			 0);
	assert_string_equal(config.listen, "0.0.0.0:7000");
	assert_int_equal(config.output_count, 3);
	assert_string_equal(config.outputs[0].name, "1");
	assert_string_equal(config.outputs[1].name, "tube");
	assert_string_equal(config.outputs[2].name, "2");
	assert_int_equal(config.outputs[2].url.scheme, CONFIG_URL_PIPE);
}

static void options_win_over_the_file_and_replace_its_lists(void **state)
{
	const char *path = file("o.conf",
				"[sender]\nto = a:1\nlatency = 3s\nrate-max = 50M\n"
				"[uplink a]\ndevice = eth0\n",
				0644);

	(void)state;
	assert_int_equal(
		ARGUMENTS("--to", "b:2", "--latency", "2s", "--uplink", "eth9", "--config", path),
		0);
	assert_int_equal(config.receivers, 1);
	assert_string_equal(config.to[0], "b:2");
	assert_int_equal(config.latency, 2 * USEC_PER_SEC);
	assert_int_equal(config.rate_max_bps, 50000000);
	assert_int_equal(config.uplink_count, 1);
	assert_string_equal(config.uplinks[0].device, "eth9");
}

static void wrong_options_are_all_told(void **state)
{
	(void)state;
	assert_int_equal(ARGUMENTS("--latancy", "1s", "stray", "--to", "--listen", "x:1",
				   "--uplink", "=eth0", "--uplink", "a=eth0,latency=3", "--uplink",
				   "a=eth1", "--latency", "soon"),
			 -EINVAL);
	assert_string_equal(errors.text,
			    "--latancy: unknown option, did you mean --latency?\n"
			    "stray: not an option; see --help\n"
			    "--to: needs a value\n"
			    "--listen: unknown option; see --help\n"
			    "--uplink =eth0: must be NAME=INTERFACE or NAME=ADDRESS\n"
			    "--uplink a=eth0,latency=3: unknown key \"latency\"\n"
			    "--uplink a=eth1: the name is taken\n"
			    "--latency: must be a time with its unit, such as 500ms or 2s\n");
}

static void a_wrong_output_does_not_tell_its_key(void **state)
{
	(void)state;
	config_defaults(&config, CONFIG_ROLE_RECEIVER);
	assert_int_equal(ARGUMENTS("--output", "rtpm://h/app/SECRET"), -EINVAL);
	assert_null(strstr(errors.text, "SECRET"));
}

static void the_whole_is_checked(void **state)
{
	(void)state;
	assert_int_equal(parse("[encoder]\ncontrol = exec\n[advice]\nmin = 3M\nstart = 2M\n"), 0);
	assert_int_equal(config_finish(&config, &errors), -EINVAL);
	assert_int_equal(errors.count, 5);
	assert_non_null(strstr(errors.text, "no receiver"));
	assert_non_null(strstr(errors.text, "no input"));
	assert_non_null(strstr(errors.text, "needs command"));
	assert_non_null(strstr(errors.text, "start must lie between"));
	assert_non_null(strstr(errors.text, "uplinkctl genkey"));
	config_errors_clear(&errors);
	config_defaults(&config, CONFIG_ROLE_RECEIVER);
	assert_int_equal(config_finish(&config, &errors), -EINVAL);
	assert_non_null(strstr(errors.text, "no address to listen on"));
	assert_non_null(strstr(errors.text, "nowhere to go"));
}

static void who_listens_needs_an_address_of_this_machine(void **state)
{
	static const char *const good[] = { "srt://:5", "srt://localhost:5", "rtmp://[::1]/live",
					    "udp://127.0.0.1:5", "srt://:5?latency=300" };
	static const char *const bad[] = { "srt://studio.example.org:5", "rtmp://studio/live",
					   "udp://studio:5", "srt://:5?streamid=x" };
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(text, sizeof(text), "[input]\nurl = %s\n", good[i]);
		assert_int_equal(parse(text), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(text, sizeof(text), "[input]\nurl = %s\n", bad[i]);
		assert_int_equal(parse(text), -EINVAL);
	}
	config_defaults(&config, CONFIG_ROLE_RECEIVER);
	assert_int_equal(parse("[receiver]\nlisten = localhost:7000\n"), -EINVAL);
	assert_int_equal(parse("[receiver]\nlisten = [::]:7000\n"), 0);
}

static void help_tells_every_option(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	char option[64];

	(void)state;
	config_help(stream, CONFIG_ROLE_SENDER);
	config_help(stream, CONFIG_ROLE_RECEIVER);
	(void)fclose(stream);
	for (size_t i = 0; i < config_key_count; i++) {
		if (!config_keys[i].option)
			continue;
		(void)snprintf(option, sizeof(option), "  --%s ", config_keys[i].option);
		assert_non_null(strstr(text, option));
	}
	assert_non_null(strstr(text, "(default: 1s)"));
	for (char *line = text; (line = strchr(line, '\n')); line++)
		assert_true(strcspn(line + 1, "\n") <= 80);
	free(text);
}

/* A whole file of the tree; tests run at its top. */
static const char *page(const char *name)
{
	static char text[65536];
	FILE *f = fopen(name, "r");

	assert_non_null(f);
	memset(text, 0, sizeof(text));
	assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
	(void)fclose(f);
	return text;
}

static void the_manual_tells_every_setting_with_its_default(void **state)
{
	char item[128];

	(void)state;
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		enum config_role role = key->roles & 1u << CONFIG_ROLE_SENDER
						? CONFIG_ROLE_SENDER
						: CONFIG_ROLE_RECEIVER;
		char title[32] = ".Sh SECTION ";
		const char *section, *end, *found;

		for (const char *p = config_section_name(key->section, role); *p; p++)
			title[strlen(title)] = (char)(*p - 'a' + 'A');
		section = strstr(page("systemd/man/uplinkd.conf.5"), title);
		assert_non_null(section);
		end = strstr(section + 1, "\n.Sh ");
		(void)snprintf(item, sizeof(item), "\n.It Cm %s No = ", key->name);
		found = strstr(section, item);
		if (!found || found > end)
			fail_msg("uplinkd.conf(5) does not tell of %s in%s", key->name, title + 11);
		if (found && key->fallback) {
			const char *next = strstr(found + 1, "\n.It ");

			(void)snprintf(item, sizeof(item), "Default: %s", key->fallback);
			found = strstr(found, item);
			if (!found || (next && next < end && found > next))
				fail_msg("uplinkd.conf(5) has no \"%s\" for %s", item, key->name);
		}
		if (key->section == CONFIG_SECTION_UPLINK) {
			const char *keys = strstr(page("systemd/man/uplinkd.8"), ".Bq uplink :");

			found = keys ? strstr(keys, key->name) : NULL;
			if (!found || found > strstr(keys, "\n.It "))
				fail_msg("uplinkd(8) does not tell of --uplink NAME=...,%s=",
					 key->name);
		}
		if (!key->option)
			continue;
		(void)snprintf(item, sizeof(item), "Fl Fl %s Ar ", key->option);
		if (!strstr(page("systemd/man/uplinkd.8"), item))
			fail_msg("uplinkd(8) does not tell of --%s", key->option);
	}
}

/* An example with every comment taken off that hides a setting. */
static void check_example(const char *name, enum config_role role)
{
	char text[65536] = "", *rest = strdup(page(name)), *all = rest;
	unsigned settings = 0;

	for (char *line; (line = strsep(&rest, "\n"));) {
		bool setting = (strncmp(line, "# ", 2) != 0 && strstr(line, " =")) ||
			       !strncmp(line, "#[", 2);

		/* What an empty value stands for is shown as "key =". */
		settings += setting;
		if (*line == '#' && setting)
			line++;
		(void)strcat(strcat(text, line), "\n");
	}
	free(all);
	(void)setenv("CREDENTIALS_DIRECTORY", directory, 1);
	config_defaults(&config, role);
	assert_int_equal(config_parse(&config, name, text, strlen(text), &errors), 0);
	assert_true(settings > 10);
	for (size_t i = 0; i < config_key_count; i++) {
		char item[64];

		(void)snprintf(item, sizeof(item), "\n%s =", config_keys[i].name);
		if (config_keys[i].roles & 1u << role && !strstr(text, item))
			fail_msg("%s does not show %s", name, config_keys[i].name);
	}
	(void)unsetenv("CREDENTIALS_DIRECTORY");
}

static void the_examples_show_every_setting_and_are_right(void **state)
{
	(void)state;
	check_example("systemd/sender.conf", CONFIG_ROLE_SENDER);
	assert_string_equal(errors.text ?: "", "");
	check_example("systemd/receiver.conf", CONFIG_ROLE_RECEIVER);
	assert_string_equal(errors.text ?: "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(the_options_of_the_sender_are_the_contract),
		TEST(the_options_of_the_receiver_are_the_contract),
		TEST(options_win_over_the_file_and_replace_its_lists),
		TEST(wrong_options_are_all_told),
		TEST(a_wrong_output_does_not_tell_its_key),
		TEST(the_whole_is_checked),
		TEST(who_listens_needs_an_address_of_this_machine),
		TEST(help_tells_every_option),
		TEST(the_manual_tells_every_setting_with_its_default),
		TEST(the_examples_show_every_setting_and_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
