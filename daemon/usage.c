#include "usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * A count is valid on the day that it bears. A computer without a battery for its clock starts in
 * the past, until it has asked for the time: what is counted before CLOCK_SET belongs to the last
 * day that is known, so that nothing of a month is forgotten by a restart.
 */
#define CLOCK_SET     20260101u
#define NEAR_PERCENT  80
#define CLOSE_PERCENT 95

static uint32_t usage_today(const struct usage_entry *entry, uint32_t today)
{
	return today < CLOCK_SET && entry->day ? entry->day : today;
}

static struct usage_entry *usage_find(const struct usage *usage, const char *name)
{
	for (unsigned i = 0; i < usage->count; i++)
		if (!strcmp(usage->entry[i].name, name))
			return (struct usage_entry *)&usage->entry[i];
	return NULL;
}

static struct usage_entry *usage_place(struct usage *usage, const char *name)
{
	struct usage_entry *entry = usage_find(usage, name);

	if (entry)
		return entry;
	entry = &usage->entry[0];
	if (usage->count < USAGE_ENTRIES_MAX)
		entry = &usage->entry[usage->count++];
	else
		for (unsigned i = 1; i < usage->count; i++)
			if (usage->entry[i].day < entry->day)
				entry = &usage->entry[i];
	*entry = (struct usage_entry){ 0 };
	(void)snprintf(entry->name, sizeof(entry->name), "%s", name);
	return entry;
}

uint64_t usage_since(struct usage_seen *seen, uint64_t bytes, uint64_t datagrams,
		     unsigned header_bytes)
{
	uint64_t more = bytes - seen->bytes + (datagrams - seen->datagrams) * header_bytes;

	*seen = (struct usage_seen){ .bytes = bytes, .datagrams = datagrams };
	return more;
}

void usage_add(struct usage *usage, const char *name, uint64_t bytes, uint32_t today)
{
	struct usage_entry *entry = usage_place(usage, name);

	today = usage_today(entry, today);
	if (entry->day != today)
		entry->day_bytes = 0;
	if (entry->day / 100 != today / 100)
		entry->month_bytes = 0;
	entry->day = today;
	entry->day_bytes += bytes;
	entry->month_bytes += bytes;
}

void usage_get(const struct usage *usage, const char *name, uint32_t today, uint64_t *ret_day,
	       uint64_t *ret_month)
{
	const struct usage_entry *entry = usage_find(usage, name);

	*ret_day = *ret_month = 0;
	if (!entry)
		return;
	today = usage_today(entry, today);
	if (entry->day == today)
		*ret_day = entry->day_bytes;
	if (entry->day / 100 == today / 100)
		*ret_month = entry->month_bytes;
}

size_t usage_print(const struct usage *usage, char text[static USAGE_TEXT_MAX])
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < usage->count; i++) {
		const struct usage_entry *entry = &usage->entry[i];

		len += (size_t)snprintf(text + len, USAGE_TEXT_MAX - len,
					"%s %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", entry->name,
					entry->day, entry->day_bytes, entry->month_bytes);
	}
	return len;
}

unsigned usage_parse(struct usage *usage, const char *text)
{
	unsigned bad = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");
		struct usage_entry read = { 0 };
		char line[96], rest;

		(void)snprintf(line, sizeof(line), "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
		if (sscanf(line, "%31s %" SCNu32 " %" SCNu64 " %" SCNu64 " %c", read.name,
			   &read.day, &read.day_bytes, &read.month_bytes, &rest) != 4) {
			bad++;
			continue;
		}
		*usage_place(usage, read.name) = read;
	}
	return bad;
}

static uint64_t percent_of(uint64_t cap, unsigned percent)
{
	return cap / 100 * percent + cap % 100 * percent / 100;
}

enum usage_level usage_level(uint64_t used, uint64_t cap, uint64_t soon)
{
	if (!cap)
		return USAGE_LEVEL_FINE;
	if (used + soon >= cap)
		return USAGE_LEVEL_REACHED;
	if (used >= percent_of(cap, CLOSE_PERCENT))
		return USAGE_LEVEL_CLOSE;
	return used >= percent_of(cap, NEAR_PERCENT) ? USAGE_LEVEL_NEAR : USAGE_LEVEL_FINE;
}
