#include "journal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sys/log.h"

static void keep(struct journal *journal, int level, const char *text)
{
	struct stats_log *entry = &journal->ring[journal->count % STATS_LOG_MAX];
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	*entry = (struct stats_log){
		.number = journal->count++,
		.unix_usec = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000,
		.level = level,
	};
	(void)snprintf(entry->text, sizeof(entry->text), "%s", text);
}

void journal_add(struct journal *journal, int level, const char *message_id, const char *format,
		 ...)
{
	char text[900];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_write((enum log_level)level, message_id, "%s", text);
	keep(journal, level, text);
}

void journal_note(struct journal *journal, int level, const char *format, ...)
{
	char text[900];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	keep(journal, level, text);
}

void journal_restarts(struct journal *journal, const struct config *old, const struct config *fresh)
{
	char name[64];

	for (size_t at = 0; config_restart_next(old, fresh, &at, name, sizeof(name));)
		journal_add(journal, LOG_LEVEL_WARNING, NULL,
			    "%s: the new setting takes effect at the next start", name);
}

void journal_stats(const struct journal *journal, struct stats *stats)
{
	uint64_t first = journal->count > STATS_LOG_MAX ? journal->count - STATS_LOG_MAX : 0;

	stats->logs = 0;
	for (uint64_t i = first; i < journal->count; i++)
		stats->log[stats->logs++] = journal->ring[i % STATS_LOG_MAX];
}
