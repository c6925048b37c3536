#pragma once

#include "config.h"
#include "ctl/stats.h"

/*
 * The state changes of a role, with their reasons: to the log, and kept for who asks later.
 */
struct journal {
	uint64_t count; /* ever; the number of the next one */
	struct stats_log ring[STATS_LOG_MAX];
};

/* @message_id: of sys/messages.h, or NULL. */
void journal_add(struct journal *journal, int level, const char *message_id, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));
/* Only kept: somebody else has logged it. */
void journal_note(struct journal *journal, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Tells each setting that differs and that a reload does not change. */
void journal_restarts(struct journal *journal, const struct config *old,
		      const struct config *fresh);
void journal_stats(const struct journal *journal, struct stats *stats);
