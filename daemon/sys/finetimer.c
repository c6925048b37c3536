#include "sys/finetimer.h"

#include <errno.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void on_expired(struct loop_io *io, unsigned events)
{
	struct finetimer *timer = io->owner;
	uint64_t times;

	(void)events;
	if (read(timer->fd, &times, sizeof(times)) != sizeof(times))
		return;
	timer->at = USEC_NEVER;
	timer->call(timer);
}

int finetimer_init(struct finetimer *timer, struct loop *loop,
		   void (*call)(struct finetimer *timer), void *owner)
{
	*timer = (struct finetimer){ .call = call, .owner = owner, .at = USEC_NEVER };
	timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timer->fd < 0)
		return -errno;
	loop_io_init(&timer->io, loop, timer->fd, on_expired, timer);
	loop_io_set(&timer->io, LOOP_READ);
	return 0;
}

void finetimer_set(struct finetimer *timer, usec_t at)
{
	struct itimerspec spec = { 0 };

	if (at == timer->at)
		return;
	timer->at = at;
	if (at != USEC_NEVER) {
		/* All zero would stop it. */
		at = usec_max(at, 1);
		spec.it_value.tv_sec = (time_t)(at / USEC_PER_SEC);
		spec.it_value.tv_nsec = (long)(at % USEC_PER_SEC * 1000);
	}
	(void)timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void finetimer_deinit(struct finetimer *timer)
{
	if (!timer->io.watcher)
		return;
	loop_io_deinit(&timer->io);
	(void)close(timer->fd);
}
