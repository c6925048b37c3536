#pragma once

#include <stdbool.h>

/* Rehearses: starts it, follows it, and shows what came of it. The exit status of the program. */
struct rehearse_options {
	const char *socket; /* as for client_open() */
	unsigned seconds;
	bool force; /* beside a live stream */
	bool json;
	bool color, unicode;
};

int rehearse(const struct rehearse_options *options);
