#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * An address to publish to: rtmp[s]://HOST[:PORT]/APP[/KEY]. The stream key is
 * opaque: everything behind the app, whatever characters it has. An app may carry a query string
 * (live2?backup=1).
 */
#define URL_TEXT_MAX 1024

struct url {
	bool tls;
	char host[256]; /* without the brackets of IPv6 */
	char port[8];
	char app[URL_TEXT_MAX];
	char key[URL_TEXT_MAX];	    /* a secret */
	char tc_url[URL_TEXT_MAX];  /* up to the app, as the protocol wants it */
	char shown[256 + 64 + 128]; /* for people: without key and query string */
};

/* @key NULL or "": the key is the part of @text behind the first path component; else the whole
 * path is the app. 0 or -EINVAL with *@ret_error saying what is wrong, without a secret. */
int url_parse(const char *text, const char *key, struct url *ret_url, const char **ret_error);
