#include "sys/service.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

/*
 * The watchdog timer fires on the loop: a loop that hangs is a daemon that hangs, and the manager
 * starts it again. It fires at half the interval, as sd_watchdog_enabled(3) advises. Every message
 * is best effort: a manager that does not listen is no reason to stop.
 *
 * Type=notify-reload came with systemd 253; with Type=notify the manager takes RELOADING=1 as well
 * and the further MONOTONIC_USEC makes it right for both.
 */
struct service {
	struct loop *loop;
	struct loop_timer watchdog;
	usec_t interval; /* half of the manager's; 0: no watchdog */
	char status[256];
	int fds; /* passed by the manager */
	char **names;
};

static void on_watchdog(struct loop_timer *timer)
{
	struct service *service = timer->owner;

	(void)sd_notify(0, "WATCHDOG=1");
	loop_timer_set(timer, usec_add(loop_now(service->loop), service->interval));
}

struct service *service_new(struct loop *loop)
{
	struct service *service = calloc(1, sizeof(*service));
	uint64_t usec = 0;

	if (!service)
		return NULL;
	service->loop = loop;
	loop_timer_init(&service->watchdog, loop, on_watchdog, service);
	if (sd_watchdog_enabled(0, &usec) > 0 && usec) {
		service->interval = usec_max(usec / 2, USEC_PER_MS);
		loop_timer_set(&service->watchdog, usec_add(loop_now(loop), service->interval));
	}
	service->fds = sd_listen_fds_with_names(0, &service->names);
	/* Workers and commands must not think that these messages or descriptors are for them. */
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	return service;
}

struct service *service_free(struct service *service)
{
	if (!service)
		return NULL;
	loop_timer_deinit(&service->watchdog);
	for (int i = 0; i < service->fds; i++)
		free(service->names[i]);
	free(service->names);
	free(service);
	return NULL;
}

void service_ready(struct service *service, const char *status)
{
	(void)snprintf(service->status, sizeof(service->status), "%s", status);
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", service->status);
}

void service_status(struct service *service, const char *format, ...)
{
	char status[sizeof(service->status)];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(status, sizeof(status), format, args);
	va_end(args);
	for (char *p = status; *p; p++)
		if (*p == '\n')
			*p = ' ';
	if (!strcmp(status, service->status))
		return;
	(void)strcpy(service->status, status);
	(void)sd_notifyf(0, "STATUS=%s", status);
}

void service_reloading(struct service *service)
{
	(void)service;
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, loop_clock());
}

void service_reloaded(struct service *service)
{
	(void)service;
	(void)sd_notify(0, "READY=1");
}

void service_stopping(struct service *service, usec_t max)
{
	(void)service;
	(void)sd_notifyf(0, "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=%" PRIu64, max);
}

int service_listen_fd(struct service *service, const char *name)
{
	for (int i = 0; i < service->fds; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (strcmp(service->names[i], name) != 0)
			continue;
		service->names[i][0] = '\0'; /* given out */
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		return fd;
	}
	return -ENOENT;
}
