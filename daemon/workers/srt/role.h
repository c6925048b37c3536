#pragma once

#include "sys/supervisor.h"
#include "workers/srt/endpoint.h"
#include "workers/srt/leg.h"

/* What a process does; returns an exit status of worker.h. */
struct role {
	struct supervisor *supervisor;
	struct leg leg;
	struct endpoint endpoint;
	bool listens;	  /* else it calls */
	unsigned callers; /* send, listening: how many players at once */
};

int send_run(const struct role *role);
int receive_run(const struct role *role);
