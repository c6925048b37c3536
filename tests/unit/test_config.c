#include "unit/configured.h"

#include "outputs.h"

static void defaults_are_those_of_the_table(void **state)
{
	(void)state;
	assert_int_equal(config.latency, USEC_PER_SEC);
	assert_int_equal(config.policy, BOND_POLICY_AGGREGATE);
	assert_int_equal(config.rate_max_bps, 100000000);
	assert_int_equal(config.advice_min_bps, 1000000);
	assert_int_equal(config.advice_max_bps, 10000000);
	assert_int_equal(config.advice_start_bps, 2500000);
	assert_int_equal(config.record.segment_seconds, 60);
	assert_int_equal(config.record.free_min_bytes, 1 << 30);
	assert_string_equal(config.log_level, "info");
	assert_string_equal(config.encoder_preset, "superfast");
	assert_int_equal(config.uplink_count, 0);
}

static void only_presets_that_the_encoder_takes_are_accepted(void **state)
{
	(void)state;
	assert_int_equal(parse("[encoder]\npreset = veryfast\n"), 0);
	assert_string_equal(config.encoder_preset, "veryfast");
	assert_int_equal(parse("[encoder]\npreset = medium\n"), -EINVAL);
	assert_string_equal(config.encoder_preset, "veryfast");
}

static void an_output_takes_what_its_platform_does_or_what_is_set(void **state)
{
	(void)state;
	config_defaults(&config, CONFIG_ROLE_RECEIVER);
	assert_int_equal(parse("[output a]\nurl = udp://127.0.0.1:1\n"
			       "[output b]\nurl = udp://127.0.0.1:2\nplatform = youtube\n"),
			 0);
	assert_int_equal(outputs_video_max_bps(&config), 10000000);
	assert_int_equal(parse("[output c]\nurl = udp://127.0.0.1:3\nplatform = twitch\n"), 0);
	assert_int_equal(outputs_video_max_bps(&config), 6000000);
	assert_int_equal(parse("[output c]\nrate-max = 4.5M\n"), 0);
	assert_int_equal(outputs_video_max_bps(&config), 4500000);
	assert_int_equal(parse("[output c]\nplatform = tictoc\n"), -EINVAL);
}

static void the_encoder_s_settings_are_those_that_it_takes(void **state)
{
	(void)state;
	assert_string_equal(config.encoder_name, "x264");
	assert_string_equal(config.encoder_codec, "h264");
	assert_string_equal(config.encoder_ladder, "no");
	assert_true(config.encoder_pass);
	assert_string_equal(config.encoder_sound, "aac");
	assert_int_equal(parse("[encoder]\nencoder = nvenc\ncodec = h265\npass-through = no\n"
			       "ladder = 1080:3.5M,720:1500k,480\n"),
			 0);
	assert_string_equal(config.encoder_name, "nvenc");
	assert_string_equal(config.encoder_codec, "h265");
	assert_string_equal(config.encoder_ladder, "1080:3500000,720:1500000,480:0");
	assert_false(config.encoder_pass);
	assert_int_equal(parse("[encoder]\nladder = on\n"), 0);
	assert_string_equal(config.encoder_ladder, "yes");
	assert_int_equal(parse("[encoder]\nencoder = videotoolbox\n"), -EINVAL);
	assert_int_equal(parse("[encoder]\ncodec = av1\n"), -EINVAL);
	assert_int_equal(parse("[encoder]\nsound = mp3\n"), -EINVAL);
}

static void ladders_that_lead_nowhere_are_refused(void **state)
{
	static const char *const texts[] = {
		"720:1M,1080:2M",
		"720:1M,480:2M",
		"720:",
		"721:1M",
		"720:1M,,",
		"8:1M",
		"high",
		"720 1M",
		"720:1M,480:1M",
		"720:1M,480:0,240",
		"8000:9M,7000:8M,6000:7M,5000:6M,4000:5M,3000:4M,2000:3M,1000:2M,900:1M,800:90k",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text), "[encoder]\nladder = %s\n", texts[i]);
		assert_int_equal(parse(text), -EINVAL);
	}
	assert_string_equal(config.encoder_ladder, "no");
}

static void a_file_sets_every_kind_of_value(void **state)
{
	(void)state;
	assert_int_equal(parse("# comment\n; comment\n\n"
			       "[sender]\n"
			       "to = a.example:7000\n"
			       "  to=[2001:db8::1]:7001\r\n"
			       "latency = 1.5s\n"
			       "policy = backup\n"
			       "[input]\n"
			       "url = srt://:5000\n"
			       "[encoder]\ncontrol = builtin\n"
			       "[record]\ndirectory = /srv/a b\nsegment = 2min\nfree-min = 500M\n"
			       "[uplink modem.1]\n"
			       "device = wwan0\ncost = paid\nrate-max = 8M\nto = b.example:1\n"
			       "[uplink lan]\naddress = 192.0.2.1\nuse = no\n"
			       "[uplink modem.1]\nrate-max = 9M"),
			 0);
	assert_null(errors.text);
	assert_int_equal(config.receivers, 2);
	assert_string_equal(config.to[0], "a.example:7000");
	assert_string_equal(config.to[1], "[2001:db8::1]:7001");
	assert_int_equal(config.latency, 1500 * USEC_PER_MS);
	assert_int_equal(config.policy, BOND_POLICY_BACKUP);
	assert_int_equal(config.input.scheme, CONFIG_URL_SRT);
	assert_int_equal(config.input.port, 5000);
	assert_int_equal(config.encoder_control, CONFIG_CONTROL_BUILTIN);
	assert_string_equal(config.record.directory, "/srv/a b");
	assert_int_equal(config.record.segment_seconds, 120);
	assert_int_equal(config.record.free_min_bytes, 500 << 20);
	assert_int_equal(config.uplink_count, 2);
	assert_string_equal(config.uplinks[0].name, "modem.1");
	assert_string_equal(config.uplinks[0].device, "wwan0");
	assert_int_equal(config.uplinks[0].cost, CONFIG_COST_PAID);
	assert_int_equal(config.uplinks[0].rate_max_bps, 9000000);
	assert_string_equal(config.uplinks[0].to, "b.example:1");
	assert_true(config.uplinks[0].use);
	assert_string_equal(config.uplinks[1].address, "192.0.2.1");
	assert_false(config.uplinks[1].use);
}

static void all_errors_are_told_at_once_and_nothing_changes(void **state)
{
	struct config before;

	(void)state;
	before = config;
	assert_int_equal(parse("to = early:1\n"
			       "[sender]\n"
			       "latancy = 2s\n"
			       "latency = 2\n"
			       "latency = 61s\n"
			       "policy = agregate\n"
			       "nonsense\n"
			       "to = host\n"
			       "listen = 0.0.0.0:1\n"
			       "[recrod]\n"
			       "directory = /x\n"
			       "[output a]\n"
			       "[uplink]\n"
			       "[uplink a/b]\n"
			       "[input]\n"
			       "url = http://x\n"
			       "bad\001byte = 1\n"),
			 -EINVAL);
	assert_memory_equal(&before, &config, sizeof(config));
	assert_string_equal(
		errors.text,
		"f:1: a setting must stand in a section, such as [sender]\n"
		"f:3: [sender] unknown key \"latancy\", did you mean \"latency\"?\n"
		"f:4: [sender] latency: must be a time with its unit, such as 500ms or 2s\n"
		"f:5: [sender] latency: must be from 100ms to 1min\n"
		"f:6: [sender] policy: must be one of aggregate, broadcast, backup; did you mean "
		"\"aggregate\"?\n"
		"f:7: \"nonsense\" is not a section, a setting \"key = value\" or a comment\n"
		"f:8: [sender] to: must be HOST:PORT, such as example.net:7000 or "
		"[2001:db8::1]:7000\n"
		"f:9: [sender] unknown key \"listen\"\n"
		"f:10: [recrod] unknown section, did you mean [record]?\n"
		"f:12: [output] is for a receiver, but this is a sender\n"
		"f:13: [uplink] needs a name of at most 31 characters: [uplink NAME]\n"
		"f:14: [uplink a/b] a name has letters, digits, '.', '_' and '-', at most 31\n"
		"f:16: [input] url: must begin with udp://, srt://, rtmp://, rtmps:// or pipe:\n"
		"f:17: the line is not text\n");
	assert_int_equal(errors.count, 14);
}

static void an_empty_value_brings_the_default_back(void **state)
{
	(void)state;
	assert_int_equal(parse("[sender]\nto = a:1\nto =\nto = b:2\nlatency = 3s\nlatency =\n"
			       "[record]\ndirectory = /x\ndirectory=\n"),
			 0);
	assert_int_equal(config.receivers, 1);
	assert_string_equal(config.to[0], "b:2");
	assert_int_equal(config.latency, USEC_PER_SEC);
	assert_string_equal(config.record.directory, "");
}

static void lists_have_a_bound(void **state)
{
	char text[4096] = "[sender]\n";

	(void)state;
	for (int i = 0; i <= CONFIG_RECEIVERS_MAX; i++)
		(void)strcat(text, "to = h:1\n");
	for (int i = 0; i <= CONFIG_UPLINKS_MAX; i++)
		(void)sprintf(text + strlen(text), "[uplink u%d]\n", i);
	assert_int_equal(parse(text), -EINVAL);
	assert_int_equal(errors.count, 2);
	assert_non_null(strstr(errors.text, "at most 4 receivers"));
	assert_non_null(strstr(errors.text, "is one too many"));
}

static void a_garbage_file_does_not_fill_the_screen(void **state)
{
	char *text = calloc(1, 100001);

	(void)state;
	memset(text, '\n', 100000);
	for (size_t i = 0; i < 100000; i += 2)
		text[i] = 'x';
	memcpy(text, "[input]", 7);
	assert_int_equal(parse(text), -EINVAL);
	assert_true(strlen(errors.text) < 16384);
	free(text);
}

static void drop_ins_are_read_in_the_order_of_their_names(void **state)
{
	const char *main_file = file("a.conf", "[sender]\nlatency = 1s\nto = a:1\n", 0644);
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/a.conf.d", directory);
	assert_int_equal(mkdir(path, 0755), 0);
	(void)file("a.conf.d/20.conf", "[sender]\nlatency = 3s\n", 0644);
	(void)file("a.conf.d/10.conf", "[sender]\nlatency = 2s\nto = b:2\n", 0644);
	(void)file("a.conf.d/30.conf.bak", "[sender]\nlatency = 4s\n", 0644);
	assert_int_equal(config_read(&config, main_file, &errors), 0);
	assert_int_equal(config.latency, 3 * USEC_PER_SEC);
	assert_int_equal(config.receivers, 2);
}

static void an_unreadable_file_is_told(void **state)
{
	(void)state;
	assert_int_equal(config_read(&config, "/nonexistent/x.conf", &errors), -EINVAL);
	assert_string_equal(errors.text,
			    "/nonexistent/x.conf: cannot be read: No such file or directory\n");
}

static void the_role_of_a_file_is_its_section(void **state)
{
	enum config_role role = CONFIG_ROLE_SENDER;

	(void)state;
	assert_int_equal(
		config_file_role(file("r", "#[sender]\n [receiver] \n", 0644), &role, &errors), 0);
	assert_int_equal(role, CONFIG_ROLE_RECEIVER);
	assert_int_equal(config_file_role(file("n", "[input]\n", 0644), &role, &errors), -EINVAL);
	assert_int_equal(
		config_file_role(file("b", "[sender]\n[receiver]\n", 0644), &role, &errors),
		-EINVAL);
	assert_int_equal(errors.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(defaults_are_those_of_the_table),
		TEST(only_presets_that_the_encoder_takes_are_accepted),
		TEST(an_output_takes_what_its_platform_does_or_what_is_set),
		TEST(the_encoder_s_settings_are_those_that_it_takes),
		TEST(ladders_that_lead_nowhere_are_refused),
		TEST(a_file_sets_every_kind_of_value),
		TEST(all_errors_are_told_at_once_and_nothing_changes),
		TEST(an_empty_value_brings_the_default_back),
		TEST(lists_have_a_bound),
		TEST(a_garbage_file_does_not_fill_the_screen),
		TEST(drop_ins_are_read_in_the_order_of_their_names),
		TEST(an_unreadable_file_is_told),
		TEST(the_role_of_a_file_is_its_section),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
