#include "caps.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sys/log.h"
#include "sys/messages.h"
#include "sys/state.h"
#include "usage.h"

/*
 * The bond counts per path since its beginning; each second's difference is added to the day of the
 * path's name. IP and UDP headers count, as they do for who sells the data.
 *
 * A write waits for the disk, which must not hold up the loop: it is done by a thread, one at a
 * time, twice a minute, and once more at the end.
 */
#define SAVE_EVERY (30 * USEC_PER_SEC)

struct cap {
	char name[BOND_NAME_MAX];
	uint64_t day_bytes, month_bytes; /* 0: none */
	uint64_t soon;			 /* bytes of the last second */
	enum usage_level level;		 /* as told */
	bool drained;			 /* by us */
	uint32_t drained_on;		 /* that day, with these caps; 0: another one will do */
	uint32_t lifted;		 /* the day on which the operator lifted it; 0: not */
};

struct save {
	char path[STATE_PATH_MAX], text[USAGE_TEXT_MAX];
	size_t len;
	int error;
};

struct caps {
	struct loop *loop;
	struct uplinks *uplinks;
	struct steer *steer;
	struct journal *journal;
	struct usage usage;
	struct cap cap[UPLINKS_MAX];
	unsigned count;
	struct usage_seen seen[BOND_PATHS_MAX];
	struct save save;
	bool changed, saving, told_error;
	usec_t save_at;
	pthread_t thread;
};

static uint32_t today(void)
{
	time_t now = time(NULL);
	struct tm local = { 0 };

	(void)localtime_r(&now, &local);
	return usage_day((unsigned)local.tm_year + 1900, (unsigned)local.tm_mon + 1,
			 (unsigned)local.tm_mday);
}

/* --- the file --------------------------------------------------------------------------------- */

static void *save_thread(void *data)
{
	struct save *save = data;

	save->error = state_write(save->path, save->text, save->len);
	return NULL;
}

/* The thread is done, or there is none. @wait: until it is; only at the end. */
static bool save_finish(struct caps *caps, bool wait)
{
	if (!caps->saving)
		return true;
	if (!wait && pthread_tryjoin_np(caps->thread, NULL) == EBUSY)
		return false;
	if (wait)
		(void)pthread_join(caps->thread, NULL);
	caps->saving = false;
	if (caps->save.error && !caps->told_error)
		log_warning("%s: cannot keep the counts of the data caps: %s", caps->save.path,
			    strerror(-caps->save.error));
	caps->told_error = caps->save.error;
	return true;
}

static void save_begin(struct caps *caps)
{
	sigset_t all, old;

	if (!caps->save.path[0] || !caps->changed)
		return;
	caps->save.len = usage_print(&caps->usage, caps->save.text);
	caps->changed = false;
	/* Signals are for the loop's thread. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	caps->saving = !pthread_create(&caps->thread, NULL, save_thread, &caps->save);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* --- counting --------------------------------------------------------------------------------- */

static struct cap *cap_find(const struct caps *caps, const char *name)
{
	for (unsigned i = 0; i < caps->count; i++)
		if (!strcmp(caps->cap[i].name, name))
			return (struct cap *)&caps->cap[i];
	return NULL;
}

static void count(struct caps *caps, struct bond *bond, uint32_t day)
{
	struct bond_stats stats;

	bond_stats(bond, &stats, loop_now(caps->loop));
	for (unsigned i = 0; i < caps->count; i++)
		caps->cap[i].soon = 0;
	for (unsigned i = 0; i < stats.paths; i++) {
		const struct bond_path_stats *path = &stats.path[i];
		uint64_t bytes = usage_since(&caps->seen[i], path->tx_bytes + path->rx_bytes,
					     path->tx_datagrams + path->rx_datagrams,
					     uplink_header_bytes(&path->remote));
		struct cap *cap = cap_find(caps, path->name);

		if (!bytes)
			continue;
		usage_add(&caps->usage, path->name, bytes, day);
		if (cap)
			cap->soon += bytes;
		caps->changed = true;
	}
}

/* --- acting ----------------------------------------------------------------------------------- */

static void amounts(char *text, size_t size, const char *what, uint64_t used, uint64_t cap)
{
	bool small = cap < UINT64_C(1) << 30;
	double unit = small ? 1 << 20 : 1 << 30;

	(void)snprintf(text, size, "%.2f of %.2f %s %s", (double)used / unit, (double)cap / unit,
		       small ? "MiB" : "GiB", what);
}

static void cap_reached(struct caps *caps, const struct cap *cap, struct uplink *uplink,
			const char *used, const char *key)
{
	char notice[sizeof(uplink->notice)];

	(void)snprintf(notice, sizeof(notice),
		       "data cap reached, %s; raise %s and reload, or \"uplinkctl uplink %s "
		       "unmute\"",
		       used, key, cap->name);
	journal_add(caps->journal, LOG_LEVEL_ERR, MESSAGE_DATA_CAP, "uplink %s: %s", cap->name,
		    notice);
	steer_drain(caps->steer, uplink, notice);
}

static void cap_tell(struct caps *caps, struct cap *cap, struct uplink *uplink,
		     enum usage_level level, const char *used)
{
	if (level == cap->level)
		return;
	cap->level = level;
	if (level == USAGE_LEVEL_FINE) {
		if (uplink->service == UPLINK_SERVING)
			uplink->notice[0] = '\0';
		return;
	}
	if (uplink->service == UPLINK_SERVING)
		(void)snprintf(uplink->notice, sizeof(uplink->notice), "data cap near: %s", used);
	journal_add(caps->journal, LOG_LEVEL_WARNING, MESSAGE_DATA_CAP,
		    "uplink %s: the data cap is near: %s", cap->name, used);
}

static void cap_look(struct caps *caps, struct cap *cap, uint32_t day)
{
	struct uplink *uplink = uplinks_find(caps->uplinks, cap->name);
	enum usage_level of_day, of_month;
	uint64_t day_bytes, month_bytes;
	char used[64];
	bool monthly;

	if (!uplink)
		return;
	usage_get(&caps->usage, cap->name, day, &day_bytes, &month_bytes);
	/* What is out when it is drained counts as well. */
	of_day = usage_level(day_bytes, cap->day_bytes, cap->soon);
	of_month = usage_level(month_bytes, cap->month_bytes, cap->soon);
	monthly = of_month > of_day;
	if (monthly)
		amounts(used, sizeof(used), "this month", month_bytes, cap->month_bytes);
	else
		amounts(used, sizeof(used), "today", day_bytes, cap->day_bytes);
	if (cap->lifted && (monthly ? cap->lifted / 100 != day / 100 : cap->lifted != day))
		cap->lifted = 0;
	/* What was kept back for what might have come is no reason to begin anew. */
	if (cap->drained && cap->drained_on == day)
		return;
	if ((monthly ? of_month : of_day) < USAGE_LEVEL_REACHED) {
		if (cap->drained && uplink->service >= UPLINK_DRAINING) {
			journal_add(caps->journal, LOG_LEVEL_INFO, MESSAGE_DATA_CAP,
				    "uplink %s: within its data cap again", cap->name);
			steer_unmute(caps->steer, uplink);
		}
		cap->drained = false;
		cap_tell(caps, cap, uplink, monthly ? of_month : of_day, used);
	} else if (!cap->lifted && uplink->service < UPLINK_DRAINING) {
		cap->drained = true;
		cap->drained_on = day;
		cap->level = USAGE_LEVEL_REACHED;
		cap_reached(caps, cap, uplink, used, monthly ? "cap-month" : "cap-day");
	}
}

void caps_tick(struct caps *caps, struct bond *bond)
{
	usec_t now = loop_now(caps->loop);
	uint32_t day = today();

	count(caps, bond, day);
	for (unsigned i = 0; i < caps->count; i++)
		cap_look(caps, &caps->cap[i], day);
	if (now < caps->save_at)
		return;
	caps->save_at = now + SAVE_EVERY;
	/* A disk that hangs is waited for by the thread alone. */
	if (save_finish(caps, false))
		save_begin(caps);
}

void caps_lift(struct caps *caps, const char *name)
{
	struct cap *cap = cap_find(caps, name);

	if (!cap)
		return;
	if (cap->drained)
		cap->lifted = today();
	cap->drained = false;
}

void caps_stats(const struct caps *caps, struct stats_uplink *place)
{
	const struct cap *cap = cap_find(caps, place->path.name);

	usage_get(&caps->usage, place->path.name, today(), &place->day_bytes, &place->month_bytes);
	if (!cap)
		return;
	place->cap_day_bytes = cap->day_bytes;
	place->cap_month_bytes = cap->month_bytes;
}

/* --- the whole -------------------------------------------------------------------------------- */

void caps_set(struct caps *caps, const struct config *config)
{
	unsigned count = 0;
	struct cap fresh[UPLINKS_MAX] = { 0 };

	for (unsigned i = 0; i < config->uplink_count && count < UPLINKS_MAX; i++) {
		const struct config_uplink *uplink = &config->uplinks[i];
		const struct cap *old = cap_find(caps, uplink->name);

		if (!uplink->use || (!old && !uplink->cap_day_bytes && !uplink->cap_month_bytes))
			continue;
		if (old)
			fresh[count] = *old;
		memcpy(fresh[count].name, uplink->name, sizeof(uplink->name));
		if (fresh[count].day_bytes != uplink->cap_day_bytes ||
		    fresh[count].month_bytes != uplink->cap_month_bytes)
			fresh[count].drained_on = 0;
		fresh[count].day_bytes = uplink->cap_day_bytes;
		fresh[count].month_bytes = uplink->cap_month_bytes;
		count++;
	}
	memcpy(caps->cap, fresh, sizeof(fresh));
	caps->count = count;
}

struct caps *caps_new(struct loop *loop, const char *file, struct uplinks *uplinks,
		      struct steer *steer, struct journal *journal)
{
	struct caps *caps = calloc(1, sizeof(*caps));
	unsigned bad;

	if (!caps)
		return NULL;
	caps->loop = loop;
	caps->uplinks = uplinks;
	caps->steer = steer;
	caps->journal = journal;
	caps->save_at = loop_now(loop) + SAVE_EVERY;
	if (!file)
		return caps;
	(void)snprintf(caps->save.path, sizeof(caps->save.path), "%s", file);
	(void)state_read(file, caps->save.text, sizeof(caps->save.text));
	bad = usage_parse(&caps->usage, caps->save.text);
	if (bad)
		log_warning("%s: %u lines make no sense and are left out", file, bad);
	return caps;
}

struct caps *caps_free(struct caps *caps)
{
	if (!caps)
		return NULL;
	(void)save_finish(caps, true);
	save_begin(caps);
	(void)save_finish(caps, true);
	free(caps);
	return NULL;
}
