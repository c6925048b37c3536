#include "workers/srt/streamid.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct word {
	const char *text;
	size_t length;
};

static bool word_is(struct word word, const char *text)
{
	return word.length == strlen(text) && !memcmp(word.text, text, word.length);
}

/* The value of @key in "k=v,k=v"; text NULL: it is not there. */
static struct word value_find(const char *pairs, char key)
{
	while (*pairs) {
		size_t length = strcspn(pairs, ",");

		if (length >= 2 && pairs[0] == key && pairs[1] == '=')
			return (struct word){ pairs + 2, length - 2 };
		pairs += length + (pairs[length] == ',');
	}
	return (struct word){ NULL, 0 };
}

enum streamid_verdict streamid_judge(const char *given, const char *wanted, int publishes)
{
	struct word name = { given, strlen(given) };
	struct word mode = { NULL, 0 };

	if (*wanted && !strcmp(given, wanted))
		return STREAMID_VERDICT_FITS;
	if (!strncmp(given, "#!::", 4)) {
		name = value_find(given + 4, 'r');
		mode = value_find(given + 4, 'm');
	} else if (!strncmp(given, "publish:", 8)) {
		name = (struct word){ given + 8, strlen(given) - 8 };
		mode = (struct word){ "publish", 7 };
	} else if (!strncmp(given, "read:", 5)) {
		name = (struct word){ given + 5, strlen(given) - 5 };
		mode = (struct word){ "request", 7 };
	}
	if (name.length && name.text[0] == '/' && *wanted != '/')
		name = (struct word){ name.text + 1, name.length - 1 };
	if (*wanted && (!name.text || !word_is(name, wanted)))
		return STREAMID_VERDICT_OTHER;
	if (mode.text && !word_is(mode, "bidirectional") &&
	    !word_is(mode, publishes ? "publish" : "request"))
		return STREAMID_VERDICT_MODE;
	return STREAMID_VERDICT_FITS;
}
