#include "unit/configured.h"

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(a_key_is_loaded_with_its_fingerprint),
		TEST(a_key_that_others_can_read_is_refused),
		TEST(a_credential_is_found_by_its_name),
		TEST(an_output_that_cannot_work_is_told_before_it_is_needed),
		TEST(another_stream_key_in_the_same_file_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
