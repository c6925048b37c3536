#include "unit/test.h"

#include <errno.h>
#include <string.h>

#include "config.h"

static const struct {
	const char *text;
	enum config_url_scheme scheme;
	const char *host;
	unsigned port;
	const char *path, *query, *safe; /* safe NULL: as text */
} good[] = {
	{ "udp://127.0.0.1:5000", CONFIG_URL_UDP, "127.0.0.1", 5000, "", "", NULL },
	{ "udp://239.1.2.3:5000?iface=eth0&ttl=4", CONFIG_URL_UDP, "239.1.2.3", 5000, "",
	  "iface=eth0&ttl=4", NULL },
	{ "udp://[ff02::1]:1?iface=eth0", CONFIG_URL_UDP, "ff02::1", 1, "", "iface=eth0", NULL },
	{ "srt://:9000", CONFIG_URL_SRT, "", 9000, "", "", NULL },
	{ "srt://h:9000?streamid=SECRET&latency=200", CONFIG_URL_SRT, "h", 9000, "",
	  "streamid=SECRET&latency=200", "srt://h:9000?streamid=***&latency=200" },
	{ "rtmp://:1935/live", CONFIG_URL_RTMP, "", 1935, "live", "", NULL },
	{ "rtmp://a.example/live2/SECRET", CONFIG_URL_RTMP, "a.example", 1935, "live2/SECRET", "",
	  "rtmp://a.example/live2/***" },
	{ "rtmps://a.example:443/app/inst/SECRET?token=SECRET", CONFIG_URL_RTMPS, "a.example", 443,
	  "app/inst/SECRET", "token=SECRET", "rtmps://a.example:443/app/inst/***?token=***" },
	{ "pipe:", CONFIG_URL_PIPE, "", 0, "", "", NULL },
	{ "pipe:/run/fifo?x", CONFIG_URL_PIPE, "", 0, "/run/fifo?x", "", NULL },
};

static void good_urls_are_taken_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct config_url url;
		const char *why = "";

		assert_int_equal(config_url_parse(good[i].text, &url, &why), 0);
		assert_int_equal(url.scheme, good[i].scheme);
		assert_string_equal(url.text, good[i].text);
		assert_string_equal(url.host, good[i].host);
		assert_int_equal(url.port, good[i].port);
		assert_string_equal(url.path, good[i].path);
		assert_string_equal(url.query, good[i].query);
		assert_string_equal(url.safe, good[i].safe ? good[i].safe : good[i].text);
		assert_null(strstr(url.safe, "SECRET"));
	}
}

static void bad_urls_are_refused_with_a_reason(void **state)
{
	static const char *const bad[] = {
		"",
		"udp",
		"http://a/b",
		"udp://127.0.0.1",
		"udp://127.0.0.1:",
		"udp://127.0.0.1:0",
		"udp://127.0.0.1:65536",
		"udp://127.0.0.1:1x",
		"udp://::1:5000",
		"udp://[::1:5000",
		"udp://[::1]5000",
		"udp://h:5?tll=3",
		"srt://h:5?passfrase=x",
		"srt://h:5?latency=",
		"srt://h:5?latency=200ms",
		"srt://h:5?latency=65536",
		"srt://h:5?latency=4294967297",
		"srt://h:5?passphrase=0123456789",
		"srt://h:5?pbkeylen=32",
		"srt://h:5?latency=19",
		"srt://h:5?latency=60001",
		"srt://h:5?latency",
		"udp://h:5?ttl=256",
		"udp://h:5?ttl=0",
		"rtmp://user:pass@h/app/key",
		"pipe:relative",
		"srt://h :5",
		"srt://h:5\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config_url url;
		const char *why = NULL;

		assert_int_equal(config_url_parse(bad[i], &url, &why), -EINVAL);
		assert_non_null(why);
	}
}

static void long_urls_stay_in_their_buffers(void **state)
{
	char text[2048] = "rtmp://h/app/";
	struct config_url url;
	const char *why;

	(void)state;
	memset(text + 13, 'k', sizeof(text) - 14);
	assert_int_equal(config_url_parse(text, &url, &why), -EINVAL);
	text[CONFIG_TEXT_MAX - 1] = '\0';
	assert_int_equal(config_url_parse(text, &url, &why), 0);
	assert_string_equal(url.safe, "rtmp://h/app/***");
}

static void query_values_are_decoded(void **state)
{
	struct config_url url;
	const char *why;
	char value[16];

	(void)state;
	assert_int_equal(
		config_url_parse("srt://h:1?latency=20&streamid=%23!::r%3dx%2", &url, &why), 0);
	assert_true(config_url_query(&url, "streamid", value, sizeof(value)));
	assert_string_equal(value, "#!::r=x%2");
	assert_false(config_url_query(&url, "stream", value, sizeof(value)));
	assert_false(config_url_query(&url, "streamid", value, 9));
	assert_true(config_url_query(&url, "streamid", value, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_urls_are_taken_apart),
		cmocka_unit_test(bad_urls_are_refused_with_a_reason),
		cmocka_unit_test(long_urls_stay_in_their_buffers),
		cmocka_unit_test(query_values_are_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
