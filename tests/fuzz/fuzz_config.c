#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"

/*
 * First byte: what the rest is.
 *
 *   0  a file of a sender      1  a file of a receiver
 *   2  the options of a sender, one a line      3  those of a receiver
 *   4  a url
 *
 * Whatever it is: an error is told and leaves the configuration as it was.
 */
#define ARGUMENTS_MAX 32

static struct config before, config;

static bool same(const void *a, const void *b, size_t size)
{
	return !memcmp(a, b, size); /* padding as well: one is a copy of the other */
}

static void check_outcome(int outcome, struct config_errors *errors)
{
	FUZZ_CHECK((outcome < 0) == (errors->count > 0));
	FUZZ_CHECK(!errors->count || errors->text);
	if (outcome < 0)
		FUZZ_CHECK(same(&before, &config, sizeof(config)));
	FUZZ_CHECK(config.uplink_count <= CONFIG_UPLINKS_MAX);
	FUZZ_CHECK(config.output_count <= CONFIG_OUTPUTS_MAX);
	FUZZ_CHECK(config.receivers <= CONFIG_RECEIVERS_MAX);
	FUZZ_CHECK(config.latency >= BOND_LATENCY_MIN && config.latency <= BOND_LATENCY_MAX);
	config_errors_clear(errors);
}

static void read_options(const uint8_t *data, size_t size, struct config_errors *errors)
{
	const char *argv[ARGUMENTS_MAX];
	char *copy = malloc(size + 1), *rest = copy;
	int argc = 0;

	FUZZ_CHECK(copy);
	memcpy(copy, data, size);
	copy[size] = '\0';
	/* It would read whatever lies on this machine. */
	if (!strstr(copy, "--config"))
		for (char *line; argc < ARGUMENTS_MAX && (line = strsep(&rest, "\n"));)
			argv[argc++] = line;
	check_outcome(config_arguments(&config, argc, argv, errors), errors);
	free(copy);
}

static void read_url(const uint8_t *data, size_t size)
{
	char text[2 * CONFIG_TEXT_MAX] = "", value[64];
	const char *why = NULL;
	struct config_url url;

	memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
	if (config_url_parse(text, &url, &why) < 0) {
		FUZZ_CHECK(why && *why);
		return;
	}
	FUZZ_CHECK(!strcmp(url.text, text));
	FUZZ_CHECK(*url.safe);
	FUZZ_CHECK(url.scheme == CONFIG_URL_PIPE || url.port);
	if (config_url_query(&url, "passphrase", value, sizeof(value)))
		FUZZ_CHECK(strlen(value) < sizeof(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors = { 0 };

	if (!size)
		return 0;
	config_defaults(&before, data[0] & 1 ? CONFIG_ROLE_RECEIVER : CONFIG_ROLE_SENDER);
	config = before;
	if (data[0] < 2)
		check_outcome(config_parse(&config, "f", (const char *)data + 1, size - 1, &errors),
			      &errors);
	else if (data[0] < 4)
		read_options(data + 1, size - 1, &errors);
	else
		read_url(data + 1, size - 1);
	return 0;
}
