#pragma once

#include <stdarg.h>
#include <stdbool.h>

#include "base/clock.h"

/*
 * Log lines: to the journal (with a MESSAGE_ID where one is given) when stderr is the journal,
 * else to stderr; by a worker as "<level>text", for uplinkd to log (uplinkd/worker.h). The function
 * that handles a failure logs it, once: what was tried, on what, why it failed, what happens now.
 * Never a secret.
 */
enum log_level {
	LOG_LEVEL_ERR = 3,     /* a person must act */
	LOG_LEVEL_WARNING = 4, /* we cope, noticeably */
	LOG_LEVEL_INFO = 6,    /* a state that a person asked for changed */
	LOG_LEVEL_DEBUG = 7,
};

/* @name stands in front of each line on a terminal. */
void log_open(const char *name, enum log_level level);
enum log_level log_level(void);

void log_write(enum log_level level, const char *message_id, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_err(...)	 log_write(LOG_LEVEL_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, NULL, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_debug(...)	 log_write(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)

/* A limit for lines that a peer can cause: at most one line per @interval and object. Returns true
 * when the line may be written now; *ret_suppressed is how many were kept back before it. */
struct log_limit {
	usec_t interval;
	usec_t next;
	unsigned suppressed;
};

bool log_limit_pass(struct log_limit *limit, usec_t now, unsigned *ret_suppressed);
