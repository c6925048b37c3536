#include "unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_table.h"
#include "outputs.h"

static struct config config;
static struct config_errors errors;
static char directory[64];

static int setup(void **state)
{
	(void)state;
	(void)strcpy(directory, "/tmp/uplinkd-config-XXXXXX");
	assert_non_null(mkdtemp(directory));
	config_defaults(&config, CONFIG_ROLE_SENDER);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	config_errors_clear(&errors);
	(void)snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static int parse(const char *text)
{
	return config_parse(&config, "f", text, strlen(text), &errors);
}

/* A file in the directory of the test; the name in a buffer that the next but seven overwrites. */
static const char *file(const char *name, const char *text, mode_t mode)
{
	static char paths[8][256];
	static unsigned next;
	char *path = paths[next++ % 8];
	FILE *f;

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

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

#define ARGUMENTS(...)                                                                             \
	config_arguments(&config, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *),        \
			 (const char *[]){ __VA_ARGS__ }, &errors)

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

/* All that --check says of an output. */
static const char *output_verdict(const char *settings)
{
	char text[512];

	config_errors_clear(&errors);
	config_defaults(&config, CONFIG_ROLE_RECEIVER);
	(void)snprintf(text, sizeof(text), "[receiver]\nlisten = :1\nkey-file = %s\n[output o]\n%s",
		       file("output-key", KEY, 0600), settings);
	if (parse(text) == 0)
		(void)config_finish(&config, &errors);
	return errors.text ? errors.text : "";
}

static void an_output_that_cannot_work_is_told_before_it_is_needed(void **state)
{
	char text[512];

	(void)state;
	assert_string_equal(output_verdict("url = rtmp://h/app/key\n"), "");
	assert_non_null(strstr(output_verdict("url = rtmp://h/app\n"), "no stream key"));
	assert_non_null(strstr(output_verdict("url = rtmps://h/app/\n"), "no stream key"));
	(void)snprintf(text, sizeof(text), "url = rtmps://h/app\nkey-file = %s\n",
		       file("stream-key", "abcd\n", 0600));
	assert_string_equal(output_verdict(text), "");
	assert_string_equal(output_verdict("url = srt://h:9\nlatency = 0s\n"), "");
	assert_non_null(strstr(output_verdict("url = srt://h:9\nlatency = 5ms\n"), "from 20ms"));
	(void)snprintf(text, sizeof(text), "url = udp://h:9\npassphrase-file = %s\n",
		       file("passphrase", "0123456789\n", 0600));
	assert_non_null(strstr(output_verdict(text), "for srt:// alone"));
}

static void another_stream_key_in_the_same_file_is_seen(void **state)
{
	uint8_t before[32];
	char text[512];

	(void)state;
	(void)snprintf(text, sizeof(text), "url = rtmps://h/app\nkey-file = %s\n",
		       file("stream-key", "abcd\n", 0600));
	assert_string_equal(output_verdict(text), "");
	memcpy(before, config.outputs[0].secrets, sizeof(before));
	assert_string_equal(output_verdict(text), "");
	assert_memory_equal(config.outputs[0].secrets, before, sizeof(before));
	(void)file("stream-key", "abce\n", 0600);
	assert_string_equal(output_verdict(text), "");
	assert_memory_not_equal(config.outputs[0].secrets, before, sizeof(before));
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

/* What config_finish() says of a key file, "" when nothing. */
static const char *key_verdict(const char *path)
{
	config_errors_clear(&errors);
	config_defaults(&config, CONFIG_ROLE_RECEIVER);
	assert_int_equal(ARGUMENTS("--listen", ":1", "--output", "pipe:", "--key-file", path), 0);
	(void)config_finish(&config, &errors);
	return errors.text ? errors.text : "";
}

static void a_key_is_loaded_with_its_fingerprint(void **state)
{
	(void)state;
	assert_string_equal(key_verdict(file("k", KEY, 0600)), "");
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(config.key[i], i);
	assert_int_equal(strlen(config.fingerprint), 19);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
	(void)state;
	assert_non_null(strstr(key_verdict(file("k1", KEY, 0640)), "can be read by others"));
	assert_non_null(strstr(key_verdict(file("k2", KEY, 0604)), "chmod 600"));
	assert_non_null(strstr(key_verdict("/nonexistent"), "genkey"));
	assert_non_null(strstr(key_verdict(directory), "is not a file"));
	assert_non_null(strstr(key_verdict(file("k3", "", 0600)), "is empty"));
	assert_non_null(strstr(key_verdict(file("k4", "AAAA\n", 0600)), "44 characters"));
	if (geteuid() == 0) {
		const char *path = file("k5", KEY, 0600);

		assert_int_equal(chown(path, 12345, 12345), 0);
		assert_non_null(strstr(key_verdict(path), "another user"));
	}
}

static void a_credential_is_found_by_its_name(void **state)
{
	(void)state;
	(void)file("key", KEY, 0440);
	(void)file("secrets_other", KEY, 0440);
	(void)unsetenv("CREDENTIALS_DIRECTORY");
	config_defaults(&config, CONFIG_ROLE_RECEIVER);
	assert_int_equal(ARGUMENTS("--key-file", "credential:key"), -EINVAL);
	assert_non_null(strstr(errors.text, "LoadCredential="));
	(void)setenv("CREDENTIALS_DIRECTORY", directory, 1);
	assert_string_equal(key_verdict("credential:key"), "");
	assert_string_equal(key_verdict("credential:other"), "");
	(void)unsetenv("CREDENTIALS_DIRECTORY");
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
		TEST(the_options_of_the_sender_are_the_contract),
		TEST(the_options_of_the_receiver_are_the_contract),
		TEST(options_win_over_the_file_and_replace_its_lists),
		TEST(wrong_options_are_all_told),
		TEST(a_wrong_output_does_not_tell_its_key),
		TEST(the_whole_is_checked),
		TEST(an_output_that_cannot_work_is_told_before_it_is_needed),
		TEST(another_stream_key_in_the_same_file_is_seen),
		TEST(who_listens_needs_an_address_of_this_machine),
		TEST(a_reload_tells_what_it_does_not_change),
		TEST(another_key_takes_effect_at_the_next_start),
		TEST(a_key_is_loaded_with_its_fingerprint),
		TEST(a_key_that_others_can_read_is_refused),
		TEST(a_credential_is_found_by_its_name),
		TEST(help_tells_every_option),
		TEST(the_manual_tells_every_setting_with_its_default),
		TEST(the_examples_show_every_setting_and_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
