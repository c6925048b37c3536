#include "unit/test.h"

#include <errno.h>
#include <string.h>

#include "workers/rtmp/url.h"

static void splits_the_addresses_of_the_platforms(void **state)
{
	static const struct {
		const char *text, *key;
		bool tls;
		const char *host, *port, *app, *name, *tc_url, *shown;
	} rows[] = {
		{ "rtmp://a.rtmp.youtube.com/live2/abcd-1234", NULL, false, "a.rtmp.youtube.com",
		  "1935", "live2", "abcd-1234", "rtmp://a.rtmp.youtube.com/live2",
		  "rtmp://a.rtmp.youtube.com:1935/live2" },
		{ "rtmps://b.rtmps.youtube.com:443/live2?backup=1", "abcd-1234", true,
		  "b.rtmps.youtube.com", "443", "live2?backup=1", "abcd-1234",
		  "rtmps://b.rtmps.youtube.com/live2?backup=1",
		  "rtmps://b.rtmps.youtube.com:443/live2" },
		{ "rtmps://live-api-s.facebook.com:443/rtmp/FB-1-0-x?s_bl=1&s_l=1&a=Ab/c", NULL,
		  true, "live-api-s.facebook.com", "443", "rtmp", "FB-1-0-x?s_bl=1&s_l=1&a=Ab/c",
		  "rtmps://live-api-s.facebook.com/rtmp",
		  "rtmps://live-api-s.facebook.com:443/rtmp" },
		{ "rtmps://live-api-s.facebook.com:443/rtmp/", "FB-1", true,
		  "live-api-s.facebook.com", "443", "rtmp", "FB-1",
		  "rtmps://live-api-s.facebook.com/rtmp",
		  "rtmps://live-api-s.facebook.com:443/rtmp" },
		{ "rtmp://[::1]:1936/app/inst", "k", false, "::1", "1936", "app/inst", "k",
		  "rtmp://[::1]:1936/app/inst", "rtmp://[::1]:1936/app/inst" },
		{ "rtmp://h/app", NULL, false, "h", "1935", "app", "", "rtmp://h/app",
		  "rtmp://h:1935/app" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct url url;
		const char *error;

		assert_int_equal(url_parse(rows[i].text, rows[i].key, &url, &error), 0);
		assert_int_equal(url.tls, rows[i].tls);
		assert_string_equal(url.host, rows[i].host);
		assert_string_equal(url.port, rows[i].port);
		assert_string_equal(url.app, rows[i].app);
		assert_string_equal(url.key, rows[i].name);
		assert_string_equal(url.tc_url, rows[i].tc_url);
		assert_string_equal(url.shown, rows[i].shown);
	}
}

static void refuses_what_is_no_address(void **state)
{
	static const char *const rows[] = {
		"http://h/app/k",	  "rtmp://h",	       "rtmp://h/",
		"rtmp:///app/k",	  "rtmp://h:/a/k",     "rtmp://h:0/a/k",
		"rtmp://h:65536/a/k",	  "rtmp://h:19x/a/k",  "rtmp://[::1/a/k",
		"rtmp://me:secret@h/a/k", "rtmp://[::1]x/a/k", "",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct url url;
		const char *error = NULL;

		assert_int_equal(url_parse(rows[i], NULL, &url, &error), -EINVAL);
		assert_non_null(error);
	}
}

static void texts_without_end_are_refused(void **state)
{
	char text[4096] = "rtmp://h/app/";
	struct url url;
	const char *error;

	(void)state;
	memset(text + 13, 'k', sizeof(text) - 14);
	assert_int_equal(url_parse(text, NULL, &url, &error), -EINVAL);
	assert_string_equal(error, "the stream key is too long");
	memcpy(text, "rtmp://", 7);
	memset(text + 7, 'h', 1000);
	assert_int_equal(url_parse(text, NULL, &url, &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_the_addresses_of_the_platforms),
		cmocka_unit_test(refuses_what_is_no_address),
		cmocka_unit_test(texts_without_end_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
