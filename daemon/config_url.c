#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * URLs of inputs and outputs. They may hold secrets in three places: the last part of an RTMP path
 * (the stream key), the query (passphrases, stream ids, tokens of platforms), and user names. The
 * first two are masked in `safe`, by a list of what is known to be harmless and not of what is
 * known to be secret; user names are refused.
 */
static const struct {
	const char *prefix;
	enum config_url_scheme scheme;
	uint16_t port; /* 0: must be given */
} schemes[] = {
	{ "udp://", CONFIG_URL_UDP, 0 },      { "srt://", CONFIG_URL_SRT, 0 },
	{ "rtmp://", CONFIG_URL_RTMP, 1935 }, { "rtmps://", CONFIG_URL_RTMPS, 443 },
	{ "pipe:", CONFIG_URL_PIPE, 0 },
};

static const char *const harmless[] = { "iface", "ttl", "latency", "mode", NULL };

static bool key_is(const char *key, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(key, name, len);
}

static bool is_harmless(const char *key, size_t len)
{
	for (const char *const *h = harmless; *h; h++)
		if (key_is(key, len, *h))
			return true;
	return false;
}

/* The part of a query between '&'s: its key and value. */
struct pair {
	const char *key, *value;
	size_t key_len, value_len;
};

static bool pair_next(const char **query, struct pair *ret_pair)
{
	const char *begin = *query;
	size_t len = strcspn(begin, "&");
	const char *equals = memchr(begin, '=', len);

	if (!*begin)
		return false;
	ret_pair->key = begin;
	ret_pair->key_len = equals ? (size_t)(equals - begin) : len;
	ret_pair->value = equals ? equals + 1 : begin + len;
	ret_pair->value_len = (size_t)(begin + len - ret_pair->value);
	*query = begin + len + (begin[len] == '&');
	return true;
}

static void append(char *text, size_t size, const char *more, size_t len)
{
	size_t used = strlen(text);

	if (len > size - 1 - used)
		len = size - 1 - used;
	memcpy(text + used, more, len);
	text[used + len] = '\0';
}

/* The authority: [user@]host[:port], host may be an IPv6 address in brackets. */
static const char *parse_authority(struct config_url *url, const char *text, size_t len,
				   uint16_t default_port)
{
	const char *colon, *host = text;
	size_t host_len;

	if (memchr(text, '@', len))
		return "user names in addresses are not supported";
	if (len && *text == '[') {
		const char *end = memchr(text, ']', len);

		if (!end)
			return "']' is missing after the IPv6 address";
		host = text + 1;
		host_len = (size_t)(end - host);
		colon = end + 1 < text + len ? end + 1 : NULL;
		if (colon && *colon != ':')
			return "':' is missing after the IPv6 address";
	} else {
		colon = memchr(text, ':', len);
		host_len = colon ? (size_t)(colon - text) : len;
		if (colon && memchr(colon + 1, ':', (size_t)(text + len - colon - 1)))
			return "an IPv6 address must stand in brackets";
	}
	if (host_len >= sizeof(url->host))
		return "the host name is too long";
	memcpy(url->host, host, host_len);
	url->port = default_port;
	if (colon) {
		char digits[6] = "";
		size_t n = (size_t)(text + len - colon - 1);

		if (!n || n > 5 || strspn(colon + 1, "0123456789") < n)
			return "the port must be a number from 1 to 65535";
		memcpy(digits, colon + 1, n);
		if (atoi(digits) < 1 || atoi(digits) > 65535)
			return "the port must be a number from 1 to 65535";
		url->port = (uint16_t)atoi(digits);
	}
	if (!url->port)
		return "the port is missing";
	return NULL;
}

static void make_safe(struct config_url *url, const char *prefix, const char *authority,
		      size_t authority_len)
{
	const char *slash = strrchr(url->path, '/');
	const char *query = url->query;
	struct pair pair;
	bool rtmp = url->scheme == CONFIG_URL_RTMP || url->scheme == CONFIG_URL_RTMPS;
	char *safe = url->safe;
	size_t size = sizeof(url->safe);

	append(safe, size, prefix, strlen(prefix));
	append(safe, size, authority, authority_len);
	if (url->scheme == CONFIG_URL_PIPE) {
		append(safe, size, url->path, strlen(url->path));
		return;
	}
	if (*url->path)
		append(safe, size, "/", 1);
	if (rtmp && slash) {
		append(safe, size, url->path, (size_t)(slash + 1 - url->path));
		append(safe, size, "***", 3);
	} else {
		append(safe, size, url->path, strlen(url->path));
	}
	for (const char *mark = "?"; pair_next(&query, &pair); mark = "&") {
		append(safe, size, mark, 1);
		append(safe, size, pair.key, pair.key_len);
		append(safe, size, "=", 1);
		if (is_harmless(pair.key, pair.key_len))
			append(safe, size, pair.value, pair.value_len);
		else
			append(safe, size, "***", 3);
	}
}

static bool is_number(const struct pair *pair, unsigned long min, unsigned long max)
{
	char digits[8] = "";

	if (!pair->value_len || pair->value_len >= sizeof(digits) ||
	    strspn(pair->value, "0123456789") < pair->value_len)
		return false;
	memcpy(digits, pair->value, pair->value_len);
	return strtoul(digits, NULL, 10) >= min && strtoul(digits, NULL, 10) <= max;
}

static const char *check_udp_key(const struct pair *pair)
{
	if (key_is(pair->key, pair->key_len, "ttl"))
		return is_number(pair, 1, 255) ? NULL : "ttl must be from 1 to 255";
	if (key_is(pair->key, pair->key_len, "iface"))
		return NULL;
	return "unknown key after '?'; udp:// knows iface and ttl";
}

/* What others write here and we do not use is refused: a passphrase that is passed over would leave
 * the stream open to everybody. */
static const char *check_srt_key(const struct pair *pair)
{
	if (key_is(pair->key, pair->key_len, "latency"))
		return is_number(pair, CONFIG_SRT_LATENCY_MIN / USEC_PER_MS,
				 CONFIG_SRT_LATENCY_MAX / USEC_PER_MS)
			       ? NULL
			       : "latency must be a number of milliseconds from 20 to 60000";
	if (key_is(pair->key, pair->key_len, "streamid"))
		return NULL;
	if (key_is(pair->key, pair->key_len, "passphrase"))
		return "a passphrase does not belong in an address: give passphrase-file = FILE";
	return "unknown key after '?'; srt:// knows streamid and latency";
}

/* UDP and SRT URLs are for us alone, so that a misspelt key can be told; the query of an RTMP URL
 * is the platform's business. */
static const char *check_query(const struct config_url *url)
{
	const char *query = url->query, *why = NULL;
	struct pair pair;

	if (url->scheme != CONFIG_URL_UDP && url->scheme != CONFIG_URL_SRT)
		return NULL;
	while (!why && pair_next(&query, &pair))
		why = url->scheme == CONFIG_URL_UDP ? check_udp_key(&pair) : check_srt_key(&pair);
	return why;
}

static const char *parse(struct config_url *url, const char *text)
{
	const char *rest, *authority, *why, *mark;
	size_t i = 0, len;

	if (strlen(text) >= sizeof(url->text))
		return "the address is too long";
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return "blanks and control characters must be written as %XX";
	while (i < sizeof(schemes) / sizeof(schemes[0]) &&
	       strncmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) != 0)
		i++;
	if (i == sizeof(schemes) / sizeof(schemes[0]))
		return "must begin with udp://, srt://, rtmp://, rtmps:// or pipe:";
	url->scheme = schemes[i].scheme;
	append(url->text, sizeof(url->text), text, strlen(text));
	rest = text + strlen(schemes[i].prefix);
	if (url->scheme == CONFIG_URL_PIPE) {
		if (*rest && *rest != '/')
			return "pipe: stands alone or is followed by an absolute path";
		append(url->path, sizeof(url->path), rest, strlen(rest));
		make_safe(url, "pipe:", "", 0);
		return NULL;
	}
	authority = rest;
	len = strcspn(rest, "/?");
	why = parse_authority(url, authority, len, schemes[i].port);
	if (why)
		return why;
	rest += len;
	if (*rest == '/')
		rest++;
	mark = strchr(rest, '?');
	append(url->path, sizeof(url->path), rest, mark ? (size_t)(mark - rest) : strlen(rest));
	if (mark)
		append(url->query, sizeof(url->query), mark + 1, strlen(mark + 1));
	make_safe(url, schemes[i].prefix, authority, len);
	return check_query(url);
}

int config_url_parse(const char *text, struct config_url *ret_url, const char **ret_why)
{
	struct config_url url = { 0 };
	const char *why = parse(&url, text);

	if (why) {
		*ret_why = why;
		return -EINVAL;
	}
	*ret_url = url;
	return 0;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

bool config_url_query(const struct config_url *url, const char *key, char *value, size_t size)
{
	const char *query = url->query;
	struct pair pair;
	size_t out = 0;

	do {
		if (!pair_next(&query, &pair))
			return false;
	} while (!key_is(pair.key, pair.key_len, key));
	for (size_t i = 0; i < pair.value_len; i++) {
		char c = pair.value[i];

		if (c == '%' && i + 2 < pair.value_len && hex(pair.value[i + 1]) >= 0 &&
		    hex(pair.value[i + 2]) >= 0) {
			c = (char)(hex(pair.value[i + 1]) << 4 | hex(pair.value[i + 2]));
			i += 2;
		}
		if (out + 1 >= size || !c)
			return false;
		value[out++] = c;
	}
	if (!size)
		return false;
	value[out] = '\0';
	return true;
}
