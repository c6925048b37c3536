#include "bondsetup.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "sys/log.h"

static uint64_t unix_minus(usec_t now)
{
	struct timespec wall;

	(void)clock_gettime(CLOCK_REALTIME, &wall);
	return (uint64_t)wall.tv_sec * USEC_PER_SEC + (uint64_t)wall.tv_nsec / 1000 - now;
}

void bondsetup_clock(struct bond *bond, usec_t now)
{
	bond_set_clock(bond, unix_minus(now));
}

struct bond *bondsetup_new(const struct config *config, usec_t now)
{
	struct bond_config bond_config = { 0 };
	struct bond *bond;

	bond_config_defaults(&bond_config);
	bond_config.role =
		config->role == CONFIG_ROLE_SENDER ? BOND_ROLE_SENDER : BOND_ROLE_RECEIVER;
	bond_config.policy = config->policy;
	memcpy(bond_config.key, config->key, sizeof(bond_config.key));
	bond_config.latency = config->latency;
	bond_config.feed_ts = config->feed != CONFIG_FEED_SRT;
	bond_config.rate_max_bps = config->rate_max_bps;
	if (config->role == CONFIG_ROLE_SENDER) {
		bond_config.advice_min_bps = config->advice_min_bps;
		bond_config.advice_max_bps = config->advice_max_bps;
		bond_config.advice_start_bps = config->advice_start_bps;
	}
	bond_config.unix_minus_now = unix_minus(now);
	if (getrandom(bond_config.seed, sizeof(bond_config.seed), 0) !=
		    (ssize_t)sizeof(bond_config.seed) ||
	    getrandom(&bond_config.instance, sizeof(bond_config.instance), 0) !=
		    (ssize_t)sizeof(bond_config.instance)) {
		log_err("no random numbers from the kernel");
		return NULL;
	}
	bond = bond_new(&bond_config, now);
	explicit_bzero(&bond_config, sizeof(bond_config));
	if (!bond)
		log_err("cannot set up the bond: out of memory, or latency and rate are too large");
	return bond;
}
