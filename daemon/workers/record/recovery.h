#pragma once

#include "sys/supervisor.h"

/*
 * What an earlier recorder left behind when it was killed: NAME.ts.part without a writer, or a
 * finished NAME.ts that the index does not know. Both become ordinary segments: cut to whole
 * packets, renamed, hashed, indexed as recovered. It takes stock at once and does the work in a
 * thread of its own, so that a large leftover does not hold up the new recording.
 */
struct recovery;

/* @directory and @prefix have to stay until recovery_free(). NULL: nothing to do, or it cannot be
 * done now (logged). */
struct recovery *recovery_new(int directory, const char *prefix, struct supervisor *supervisor);
/* Ends it; what is not done will be at the next start. */
struct recovery *recovery_free(struct recovery *recovery);
