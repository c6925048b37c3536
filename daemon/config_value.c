#include "config_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "net/address.h"

/*
 * Text to value, one function per type, all of the same outcome: the field is set, or it is
 * untouched and @why says what would be right. Numbers may have a fraction ("2.5M") and are
 * reckoned in integers. Rates count in thousands as networks do, sizes in 1024s as disks do in
 * systemd.
 */
struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit plain_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit time_units[] = {
	{ "us", 1 },
	{ "ms", USEC_PER_MS },
	{ "s", USEC_PER_SEC },
	{ "min", 60 * USEC_PER_SEC },
	{ "h", 3600 * USEC_PER_SEC },
	{ "d", 86400 * USEC_PER_SEC },
	{ NULL, 0 },
};
static const struct unit rate_units[] = {
	{ "", 1 },	     { "k", 1000 }, { "K", 1000 }, { "M", 1000 * 1000 },
	{ "G", 1000000000 }, { NULL, 0 },
};
static const struct unit size_units[] = {
	{ "", 1 },
	{ "k", UINT64_C(1) << 10 },
	{ "K", UINT64_C(1) << 10 },
	{ "M", UINT64_C(1) << 20 },
	{ "G", UINT64_C(1) << 30 },
	{ "T", UINT64_C(1) << 40 },
	{ NULL, 0 },
};

static int fail(char why[CONFIG_WHY_MAX], const char *text)
{
	(void)snprintf(why, CONFIG_WHY_MAX, "%s", text);
	return -EINVAL;
}

/* Digits, an optional fraction, a unit; false: not of that form, or too large. */
static bool number_parse(const char *text, const struct unit *units, uint64_t *ret_value)
{
	unsigned __int128 value = 0, scale = 1;
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 18)
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(*text++ - '0');
	if (*text == '.') {
		size_t fraction = strspn(++text, "0123456789");

		if (!fraction || fraction > 9)
			return false;
		for (size_t i = 0; i < fraction; i++) {
			value = value * 10 + (unsigned)(*text++ - '0');
			scale *= 10;
		}
	}
	text += strspn(text, " ");
	for (; units->name; units++) {
		if (strcmp(text, units->name) != 0)
			continue;
		value = value * units->factor / scale;
		if (value > UINT64_MAX / 2)
			return false;
		*ret_value = (uint64_t)value;
		return true;
	}
	return false;
}

/* A number in its largest unit that leaves no fraction. */
static void number_format(uint64_t value, const struct unit *units, char *text, size_t size)
{
	const struct unit *best = units;

	for (const struct unit *u = units; u->name; u++)
		if (u->factor >= best->factor && value % u->factor == 0 && value >= u->factor)
			best = u;
	(void)snprintf(text, size, "%" PRIu64 "%s", value / best->factor, best->name);
}

static int set_number(const struct config_key *key, void *field, const char *text,
		      char why[CONFIG_WHY_MAX])
{
	const struct unit *units = key->type == CONFIG_TYPE_RATE   ? rate_units
				   : key->type == CONFIG_TYPE_SIZE ? size_units
								   : time_units;
	uint64_t value, factor = key->type == CONFIG_TYPE_SECONDS ? USEC_PER_SEC : 1;
	char low[32], high[32];

	if (!number_parse(text, units, &value)) {
		return fail(why, units == time_units
					 ? "must be a time with its unit, such as 500ms or 2s"
				 : units == rate_units
					 ? "must be a rate in bit/s, such as 2500k or 6M"
					 : "must be a size in bytes, such as 500M or 2G");
	}
	if (value < key->min * factor || value > key->max * factor) {
		number_format(key->min * factor, units, low, sizeof(low));
		number_format(key->max * factor, units, high, sizeof(high));
		(void)snprintf(why, CONFIG_WHY_MAX, "must be from %s to %s", low, high);
		return -EINVAL;
	}
	if (key->type == CONFIG_TYPE_SECONDS)
		*(unsigned *)field = (unsigned)(value / USEC_PER_SEC);
	else
		*(uint64_t *)field = value;
	return 0;
}

static int set_choice(const struct config_key *key, void *field, const char *text,
		      char why[CONFIG_WHY_MAX])
{
	const char *near = config_nearest(text, key->choices);
	size_t used;

	for (unsigned i = 0; key->choices[i]; i++) {
		if (strcmp(text, key->choices[i]) != 0)
			continue;
		if (key->type == CONFIG_TYPE_WORD)
			(void)snprintf(field, key->size, "%s", text);
		else
			memcpy(field, &i, sizeof(i)); /* enums are unsigned int in our ABIs */
		return 0;
	}
	used = (size_t)snprintf(why, CONFIG_WHY_MAX, "must be one of");
	for (unsigned i = 0; key->choices[i]; i++)
		used += (size_t)snprintf(why + used, CONFIG_WHY_MAX - used, "%s %s", i ? "," : "",
					 key->choices[i]);
	if (near)
		(void)snprintf(why + used, CONFIG_WHY_MAX - used, "; did you mean \"%s\"?", near);
	return -EINVAL;
}

static int set_bool(void *field, const char *text, char why[CONFIG_WHY_MAX])
{
	static const char *const yes[] = { "yes", "true", "on", "1", NULL };
	static const char *const no[] = { "no", "false", "off", "0", NULL };

	for (unsigned i = 0; yes[i]; i++) {
		if (strcmp(text, yes[i]) != 0 && strcmp(text, no[i]) != 0)
			continue;
		*(bool *)field = !strcmp(text, yes[i]);
		return 0;
	}
	return fail(why, "must be yes or no");
}

static int set_text(const struct config_key *key, char *field, const char *text,
		    char why[CONFIG_WHY_MAX])
{
	if (strlen(text) >= key->size) {
		(void)snprintf(why, CONFIG_WHY_MAX, "is longer than %zu characters", key->size - 1);
		return -EINVAL;
	}
	(void)snprintf(field, key->size, "%s", text);
	return 0;
}

/* "credential:NAME" is what LoadCredential= of the unit put into $CREDENTIALS_DIRECTORY: a file of
 * its own, or one of the directory that our unit loads under the id "secrets". */
static int set_file(const struct config_key *key, char *field, const char *text,
		    char why[CONFIG_WHY_MAX])
{
	static const char prefix[] = "credential:";
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	const char *name = text + sizeof(prefix) - 1;
	char path[CONFIG_TEXT_MAX];
	FILE *file;
	int n;

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return set_text(key, field, text, why);
	if (!config_name_valid(name))
		return fail(why, "credential: must be followed by a plain name");
	if (!directory)
		return fail(why, "there are no credentials: $CREDENTIALS_DIRECTORY is not set "
				 "(it is when systemd starts us with LoadCredential=)");
	n = snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (n > 0 && n < (int)sizeof(path)) {
		file = fopen(path, "re");
		if (file)
			(void)fclose(file);
		else
			n = snprintf(path, sizeof(path), "%s/secrets_%s", directory, name);
	}
	if (n < 0 || n >= (int)sizeof(path))
		return fail(why, "the path of the credential is too long");
	return set_text(key, field, path, why);
}

bool config_endpoint_valid(const char *text, bool listen)
{
	const char *host = text, *port;
	size_t host_len, digits;
	unsigned number;

	if (*text == '[') {
		host++;
		host_len = strcspn(host, "]");
		if (!host[host_len] || host[host_len + 1] != ':')
			return false;
		port = host + host_len + 2;
	} else {
		host_len = strcspn(host, ":");
		if (!host[host_len])
			return false;
		port = host + host_len + 1;
	}
	digits = strspn(port, "0123456789");
	if (!digits || digits > 5 || port[digits])
		return false;
	number = (unsigned)atoi(port);
	for (size_t i = 0; i < host_len; i++)
		if ((unsigned char)host[i] <= ' ' || host[i] == '/' || host[i] == ',')
			return false;
	return host_len < 256 && number <= 65535 && (listen || (number && host_len));
}

static int set_endpoint(const struct config_key *key, char *field, const char *text,
			char why[CONFIG_WHY_MAX])
{
	bool listen = key->type == CONFIG_TYPE_LISTEN;
	struct bond_address address;

	if (!config_endpoint_valid(text, listen) || (listen && address_parse(text, &address) < 0))
		return fail(why, listen ? "must be ADDRESS:PORT, such as 0.0.0.0:7000 or [::]:7000"
					: "must be HOST:PORT, such as example.net:7000 or "
					  "[2001:db8::1]:7000");
	return set_text(key, field, text, why);
}

static int add_receiver(const struct config_key *key, struct config *config, const char *text,
			char why[CONFIG_WHY_MAX])
{
	struct config_key one = *key;

	one.type = CONFIG_TYPE_ENDPOINT;
	one.size = sizeof(config->to[0]);
	if (config->receivers == CONFIG_RECEIVERS_MAX) {
		(void)snprintf(why, CONFIG_WHY_MAX, "there may be at most %d receivers",
			       CONFIG_RECEIVERS_MAX);
		return -EINVAL;
	}
	if (set_endpoint(&one, config->to[config->receivers], text, why) < 0)
		return -EINVAL;
	config->receivers++;
	return 0;
}

static int set_address(const struct config_key *key, char *field, const char *text,
		       char why[CONFIG_WHY_MAX])
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) != 1 && inet_pton(AF_INET6, text, bytes) != 1)
		return fail(why, "must be an IP address");
	return set_text(key, field, text, why);
}

static int set_device(const struct config_key *key, char *field, const char *text,
		      char why[CONFIG_WHY_MAX])
{
	if (strlen(text) > 15 || strpbrk(text, "/: \t,") || !strcmp(text, ".") ||
	    !strcmp(text, ".."))
		return fail(why, "must be the name of an interface, such as eth0");
	return set_text(key, field, text, why);
}

/* An input listens, so that its host is an address of this machine, or all of them. */
static bool is_own_host(const char *host)
{
	uint8_t bytes[16];

	return !*host || !strcmp(host, "localhost") || inet_pton(AF_INET, host, bytes) == 1 ||
	       inet_pton(AF_INET6, host, bytes) == 1;
}

static int set_url(const struct config_key *key, struct config_url *field, const char *text,
		   char why[CONFIG_WHY_MAX])
{
	bool input = key->type == CONFIG_TYPE_URL_INPUT;
	char value[CONFIG_TEXT_MAX];
	const char *reason;
	struct config_url url;

	if (config_url_parse(text, &url, &reason) < 0)
		return fail(why, reason);
	if (input && url.scheme == CONFIG_URL_RTMPS)
		return fail(why, "an input cannot be rtmps://; use rtmp://:PORT/APP");
	if (input && url.scheme == CONFIG_URL_RTMP && !*url.path)
		return fail(why, "the application is missing: rtmp://:PORT/APP");
	if (input && !is_own_host(url.host))
		return fail(why, "an input waits for its encoder: the host must be an address of "
				 "this machine, or left out");
	if (input && config_url_query(&url, "streamid", value, sizeof(value)))
		return fail(why, "a stream id that callers must give is set by streamid =");
	if (!input && url.scheme != CONFIG_URL_PIPE && !*url.host)
		return fail(why, "an output needs a host");
	if (!input && (url.scheme == CONFIG_URL_RTMP || url.scheme == CONFIG_URL_RTMPS) &&
	    !*url.path)
		return fail(why, "the application is missing: rtmp://HOST/APP");
	*field = url;
	return 0;
}

/* The default back: what the table says, or empty. */
static int reset(const struct config_key *key, void *base, void *field, char why[CONFIG_WHY_MAX])
{
	if (key->fallback)
		return config_value_set(key, base, key->fallback, why);
	memset(field, 0, key->size);
	if (key->type == CONFIG_TYPE_RECEIVERS)
		((struct config *)base)->receivers = 0;
	return 0;
}

/* "HEIGHT:RATE,...,HEIGHT", falling; rates are written out for the worker. */
static bool ladder_expand(const char *text, char *out, size_t size)
{
	uint64_t above_height = UINT64_MAX, above_rate = UINT64_MAX;
	size_t used = 0, rungs = 0;

	do {
		char rung[32], *rate;
		size_t len = strcspn(text, ",");
		uint64_t height, bps = 0;

		if (len >= sizeof(rung) || ++rungs > CONFIG_LADDER_RUNGS_MAX)
			return false;
		memcpy(rung, text, len);
		rung[len] = '\0';
		text += len;
		rate = strchr(rung, ':');
		if (rate)
			*rate++ = '\0';
		if (!number_parse(rung, plain_units, &height) || height < 16 || height > 8192 ||
		    height % 2 || height >= above_height ||
		    (rate && !number_parse(rate, rate_units, &bps)) || bps >= above_rate)
			return false;
		used += (size_t)snprintf(out + used, size - used, "%s%" PRIu64 ":%" PRIu64,
					 used ? "," : "", height, bps);
		if (used >= size)
			return false;
		above_height = height;
		above_rate = bps;
	} while (*text++ == ',');
	return true;
}

static int set_ladder(const struct config_key *key, char *field, const char *text,
		      char why[CONFIG_WHY_MAX])
{
	char expanded[CONFIG_LADDER_MAX];
	bool use;

	if (!set_bool(&use, text, why))
		(void)snprintf(field, key->size, "%s", use ? "yes" : "no");
	else if (ladder_expand(text, expanded, sizeof(expanded)))
		(void)snprintf(field, key->size, "%s", expanded);
	else
		return fail(why,
			    "must be yes, no, or heights with the least rate of each, from the "
			    "largest to the smallest, such as 1080:3.5M,720:1.5M,480");
	return 0;
}

int config_value_set(const struct config_key *key, void *base, const char *text,
		     char why[CONFIG_WHY_MAX])
{
	void *field = (char *)base + key->offset;

	if (!*text)
		return reset(key, base, field, why);
	switch (key->type) {
	case CONFIG_TYPE_TEXT:
		return set_text(key, field, text, why);
	case CONFIG_TYPE_FILE:
		return set_file(key, field, text, why);
	case CONFIG_TYPE_DEVICE:
		return set_device(key, field, text, why);
	case CONFIG_TYPE_ADDRESS:
		return set_address(key, field, text, why);
	case CONFIG_TYPE_ENDPOINT:
	case CONFIG_TYPE_LISTEN:
		return set_endpoint(key, field, text, why);
	case CONFIG_TYPE_RECEIVERS:
		return add_receiver(key, base, text, why);
	case CONFIG_TYPE_DURATION:
	case CONFIG_TYPE_SECONDS:
	case CONFIG_TYPE_RATE:
	case CONFIG_TYPE_SIZE:
		return set_number(key, field, text, why);
	case CONFIG_TYPE_BOOL:
		return set_bool(field, text, why);
	case CONFIG_TYPE_CHOICE:
	case CONFIG_TYPE_WORD:
		return set_choice(key, field, text, why);
	case CONFIG_TYPE_LADDER:
		return set_ladder(key, field, text, why);
	case CONFIG_TYPE_URL_INPUT:
	case CONFIG_TYPE_URL_OUTPUT:
		return set_url(key, field, text, why);
	}
	return -EINVAL;
}
