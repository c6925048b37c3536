#include "workers/rtmp/url.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct part {
	const char *text;
	size_t len;
};

static bool copy_part(char *to, size_t size, struct part p)
{
	if (p.len >= size)
		return false;
	memcpy(to, p.text, p.len);
	to[p.len] = '\0';
	return true;
}

static bool parse_port(struct part p, bool tls, char port[8])
{
	char *end;
	long number;

	if (!p.len) {
		(void)snprintf(port, 8, "%s", tls ? "443" : "1935");
		return true;
	}
	if (!copy_part(port, 8, p))
		return false;
	number = strtol(port, &end, 10);
	return !*end && number >= 1 && number <= UINT16_MAX;
}

/* HOST[:PORT] */
static const char *parse_authority(struct part a, struct url *u)
{
	const char *end = a.text + a.len, *host = a.text, *colon;
	struct part port = { "", 0 };

	if (memchr(a.text, '@', a.len))
		return "a user and password in it are not supported (Adobe authentication)";
	if (host < end && *host == '[') {
		const char *close = memchr(host, ']', (size_t)(end - host));

		if (!close || (close + 1 < end && close[1] != ':'))
			return "an IPv6 address must stand in brackets: [::1]";
		a = (struct part){ host + 1, (size_t)(close - host - 1) };
		colon = close + 1 < end ? close + 1 : NULL;
	} else {
		colon = memchr(host, ':', (size_t)(end - host));
		a = (struct part){ host, (size_t)((colon ? colon : end) - host) };
	}
	if (colon)
		port = (struct part){ colon + 1, (size_t)(end - colon - 1) };
	if (!a.len || !copy_part(u->host, sizeof(u->host), a))
		return "there is no host in it";
	if ((colon && !port.len) || !parse_port(port, u->tls, u->port))
		return "the port is not a number from 1 to 65535";
	return NULL;
}

/* APP[/KEY], or APP alone with @key */
static const char *parse_path(const char *path, const char *key, struct url *u)
{
	size_t len = strlen(path);
	const char *slash;

	if (key && *key) {
		while (len && path[len - 1] == '/')
			len--;
	} else {
		slash = strchr(path, '/');
		key = slash ? slash + 1 : "";
		len = slash ? (size_t)(slash - path) : len;
	}
	if (!len || !copy_part(u->app, sizeof(u->app), (struct part){ path, len }))
		return "there is no app in it (rtmp://HOST/APP/KEY)";
	if (!copy_part(u->key, sizeof(u->key), (struct part){ key, strlen(key) }))
		return "the stream key is too long";
	return NULL;
}

int url_parse(const char *text, const char *key, struct url *ret_url, const char **ret_error)
{
	struct url u = { 0 };
	const char *rest, *slash, *bracket, *error;
	char host[sizeof(u.host) + 2];
	bool standard;
	int n;

	*ret_error = "it does not begin with rtmp:// or rtmps://";
	if (!strncmp(text, "rtmps://", 8))
		u.tls = true;
	else if (strncmp(text, "rtmp://", 7) != 0)
		return -EINVAL;
	rest = text + (u.tls ? 8 : 7);
	slash = strchr(rest, '/');
	*ret_error = "there is no app in it (rtmp://HOST/APP/KEY)";
	if (!slash)
		return -EINVAL;
	error = parse_authority((struct part){ rest, (size_t)(slash - rest) }, &u);
	if (!error)
		error = parse_path(slash + 1, key, &u);
	*ret_error = error;
	if (error)
		return -EINVAL;
	bracket = strchr(u.host, ':');
	(void)snprintf(host, sizeof(host), bracket ? "[%s]" : "%s", u.host);
	standard = !strcmp(u.port, u.tls ? "443" : "1935");
	n = snprintf(u.tc_url, sizeof(u.tc_url), "rtmp%s://%s%s%s/%s", u.tls ? "s" : "", host,
		     standard ? "" : ":", standard ? "" : u.port, u.app);
	*ret_error = "it is too long";
	if (n < 0 || (size_t)n >= sizeof(u.tc_url))
		return -EINVAL;
	(void)snprintf(u.shown, sizeof(u.shown), "rtmp%s://%s:%s/%.*s", u.tls ? "s" : "", host,
		       u.port, (int)strcspn(u.app, "?") > 100 ? 100 : (int)strcspn(u.app, "?"),
		       u.app);
	*ret_url = u;
	return 0;
}
