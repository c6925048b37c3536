#pragma once

#include <stdbool.h>

#include "sys/loop.h"

/*
 * The link to the service manager, sd_notify(3) and friends. Without one ($NOTIFY_SOCKET unset)
 * everything here does nothing.
 */
struct service;

/* Starts the watchdog timer where the manager asks for one. NULL: out of memory. */
struct service *service_new(struct loop *loop);
struct service *service_free(struct service *service);

/* The role can take data. @status is one line for `systemctl status`. */
void service_ready(struct service *service, const char *status);
/* A new line for `systemctl status`; sent only when it differs from the last. */
void service_status(struct service *service, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* A reload begins; service_ready() or service_reloaded() ends it. */
void service_reloading(struct service *service);
void service_reloaded(struct service *service);
/* A clean stop begins and may take @max from now. */
void service_stopping(struct service *service, usec_t max);

/* The descriptor that the manager passed under this name (FileDescriptorName=), non-blocking and
 * CLOEXEC, or -ENOENT. The caller owns it; each is given out once. */
int service_listen_fd(struct service *service, const char *name);
