#include "setting.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/*
 * Numbers are decimal with at most nine digits after the point, and read as integers times the
 * unit: no floating point, so that a scenario is the same on every machine.
 */

struct unit {
	const char *name;
	uint64_t scale;
};

static const struct unit durations[] = {
	{ "us", 1 },
	{ "ms", USEC_PER_MS },
	{ "s", USEC_PER_SEC },
	{ "min", 60 * USEC_PER_SEC },
	{ "h", 3600 * USEC_PER_SEC },
	{ NULL, 0 },
};
static const struct unit numbers[] = {
	{ "", 1 }, { "k", 1000 }, { "K", 1000 }, { "M", 1000000 }, { "G", 1000000000 }, { NULL, 0 },
};
static const struct unit shares[] = { { "%", 10000 }, { "ppm", 1 }, { NULL, 0 } };

static const char *const outages[] = {
	[LINK_OUTAGE_NONE] = "none",   [LINK_OUTAGE_BLACKHOLE] = "blackhole",
	[LINK_OUTAGE_STALL] = "stall", [LINK_OUTAGE_SUSPEND] = "suspend",
	[LINK_OUTAGE_DOWN] = "down",
};

static const char *const keys[SETTING_KEYS] = {
	[SETTING_RATE] = "rate",       [SETTING_TRACE] = "trace",
	[SETTING_DELAY] = "delay",     [SETTING_JITTER] = "jitter",
	[SETTING_REORDER] = "reorder", [SETTING_LOSS] = "loss",
	[SETTING_BURST] = "burst",     [SETTING_DUPLICATE] = "duplicate",
	[SETTING_QUEUE] = "queue",     [SETTING_QUEUE_BYTES] = "queue-bytes",
	[SETTING_MTU] = "mtu",	       [SETTING_OVERHEAD] = "overhead",
	[SETTING_OUTAGE] = "outage",
};

/* A number and its unit, which ends the text. @limit bounds the result. */
static int scaled(const char *text, const struct unit *units, uint64_t limit, uint64_t *ret)
{
	unsigned __int128 value = 0, divisor = 1;
	bool point = false;
	unsigned digits = 0;

	for (; isdigit((unsigned char)*text) || (*text == '.' && !point); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		value = value * 10 + (unsigned)(*text - '0');
		if (point)
			divisor *= 10;
		if (++digits > 18)
			return -EINVAL;
	}
	for (; digits && units->name; units++) {
		if (strcmp(text, units->name))
			continue;
		value = value * units->scale / divisor;
		if (value > limit)
			return -EINVAL;
		*ret = (uint64_t)value;
		return 0;
	}
	return -EINVAL;
}

int setting_duration(const char *text, usec_t *ret_usec)
{
	if (!strcmp(text, "0")) {
		*ret_usec = 0;
		return 0;
	}
	return scaled(text, durations, 1000 * 3600 * USEC_PER_SEC, ret_usec);
}

int setting_number(const char *text, uint64_t *ret_number)
{
	return scaled(text, numbers, UINT64_C(1000000000000), ret_number);
}

int setting_share(const char *text, unsigned *ret_ppm)
{
	uint64_t ppm = 0;

	if (strcmp(text, "0") && scaled(text, shares, 1000000, &ppm))
		return -EINVAL;
	*ret_ppm = (unsigned)ppm;
	return 0;
}

/* "5%:8": the chances of a Gilbert-Elliott channel that loses all while it is bad, so that the
 * bad state lasts 8 packets on average and takes 5 % of the time. */
static int parse_burst(const char *text, struct setting *ret)
{
	const char *colon = strchr(text, ':');
	char share_text[16];
	unsigned share;
	uint64_t length;

	if (!colon || (size_t)(colon - text) >= sizeof(share_text))
		return -EINVAL;
	memcpy(share_text, text, (size_t)(colon - text));
	share_text[colon - text] = '\0';
	if (setting_share(share_text, &share) || setting_number(colon + 1, &length) || !length ||
	    share > 900000)
		return -EINVAL;
	ret->burst[1] = length > 1000000 ? 1 : 1000000 / length;
	ret->burst[0] = ret->burst[1] * share / (1000000 - share);
	ret->burst[2] = 1000000;
	return 0;
}

static int parse_value(const char *text, struct setting *s, const char **ret_why)
{
	bool none = !strcmp(text, "none");
	unsigned ppm = 0;
	int r = 0;

	switch (s->key) {
	case SETTING_RATE:
		*ret_why = "wants bits per second such as 800k or 20M, or none";
		r = none ? 0 : setting_number(text, &s->value);
		return r || none || s->value ? r : -EINVAL;
	case SETTING_TRACE:
		*ret_why = "wants the name of a file";
		s->trace = text;
		return *text ? 0 : -EINVAL;
	case SETTING_DELAY:
	case SETTING_JITTER:
		*ret_why = "wants a time such as 40ms or 1.5s";
		return setting_duration(text, &s->value);
	case SETTING_QUEUE:
		*ret_why = "wants a time such as 300ms, or none";
		return none ? 0 : setting_duration(text, &s->value);
	case SETTING_REORDER:
		*ret_why = "is yes or no";
		s->value = !strcmp(text, "yes");
		return s->value || !strcmp(text, "no") ? 0 : -EINVAL;
	case SETTING_LOSS:
	case SETTING_DUPLICATE:
		*ret_why = "wants a share such as 1% or 200ppm";
		r = none ? 0 : setting_share(text, &ppm);
		s->value = ppm;
		return r;
	case SETTING_BURST:
		*ret_why = "wants share and mean length such as 5%:8, or none";
		return none ? 0 : parse_burst(text, s);
	case SETTING_QUEUE_BYTES:
	case SETTING_MTU:
	case SETTING_OVERHEAD:
		*ret_why = "wants a number of bytes";
		return none ? 0 : setting_number(text, &s->value);
	case SETTING_OUTAGE:
		*ret_why = "is none, blackhole, stall, suspend or down";
		for (size_t i = 0; i < sizeof(outages) / sizeof(*outages); i++) {
			if (!strcmp(text, outages[i])) {
				s->value = i;
				return 0;
			}
		}
		return -EINVAL;
	case SETTING_KEYS:
		break;
	}
	return -EINVAL;
}

int setting_parse(const char *word, struct setting *ret_setting, const char **ret_why)
{
	const char *equals = strchr(word, '=');
	struct setting s = { .key = SETTING_KEYS };

	*ret_why = "is not a setting of a link";
	for (unsigned key = 0; equals && key < SETTING_KEYS; key++)
		if (strlen(keys[key]) == (size_t)(equals - word) &&
		    !strncmp(word, keys[key], (size_t)(equals - word)))
			s.key = (enum setting_key)key;
	if (s.key == SETTING_KEYS || parse_value(equals + 1, &s, ret_why))
		return -EINVAL;
	*ret_setting = s;
	return 0;
}

void setting_apply(struct link *link, const struct setting *setting, usec_t now)
{
	struct link_config config = *link_config(link);

	switch (setting->key) {
	case SETTING_RATE:
		link_set_rate(link, setting->value, now);
		return;
	case SETTING_TRACE:
		if (setting->table)
			link_set_trace(link, setting->table, setting->count, now);
		return;
	case SETTING_OUTAGE:
		link_set_outage(link, (enum link_outage)setting->value, now);
		return;
	case SETTING_DELAY:
		config.delay = setting->value;
		break;
	case SETTING_JITTER:
		config.jitter = setting->value;
		break;
	case SETTING_REORDER:
		config.reorder = setting->value;
		break;
	case SETTING_LOSS:
		config.loss_ppm = (unsigned)setting->value;
		break;
	case SETTING_BURST:
		config.burst_enter_ppm = (unsigned)setting->burst[0];
		config.burst_leave_ppm = (unsigned)setting->burst[1];
		config.burst_loss_ppm = (unsigned)setting->burst[2];
		break;
	case SETTING_DUPLICATE:
		config.duplicate_ppm = (unsigned)setting->value;
		break;
	case SETTING_QUEUE:
		config.queue = setting->value;
		break;
	case SETTING_QUEUE_BYTES:
		config.queue_bytes = setting->value;
		break;
	case SETTING_MTU:
		config.mtu = (unsigned)setting->value;
		break;
	case SETTING_OVERHEAD:
		config.overhead_bytes = (unsigned)setting->value;
		break;
	case SETTING_KEYS:
		return;
	}
	link_set(link, &config, now);
}

struct setting setting_read(const struct link *link, enum setting_key key)
{
	const struct link_config *config = link_config(link);
	struct setting s = { .key = key };

	switch (key) {
	case SETTING_RATE:
	case SETTING_TRACE:
		/* Whichever of the two was in force comes back. */
		s.table = link_trace(link, &s.count);
		s.key = s.table ? SETTING_TRACE : SETTING_RATE;
		s.value = link_rate_bps(link);
		break;
	case SETTING_OUTAGE:
		s.value = link_outage(link);
		break;
	case SETTING_DELAY:
		s.value = config->delay;
		break;
	case SETTING_JITTER:
		s.value = config->jitter;
		break;
	case SETTING_REORDER:
		s.value = config->reorder;
		break;
	case SETTING_LOSS:
		s.value = config->loss_ppm;
		break;
	case SETTING_BURST:
		s.burst[0] = config->burst_enter_ppm;
		s.burst[1] = config->burst_leave_ppm;
		s.burst[2] = config->burst_loss_ppm;
		break;
	case SETTING_DUPLICATE:
		s.value = config->duplicate_ppm;
		break;
	case SETTING_QUEUE:
		s.value = config->queue;
		break;
	case SETTING_QUEUE_BYTES:
		s.value = config->queue_bytes;
		break;
	case SETTING_MTU:
		s.value = config->mtu;
		break;
	case SETTING_OVERHEAD:
		s.value = config->overhead_bytes;
		break;
	case SETTING_KEYS:
		break;
	}
	return s;
}
