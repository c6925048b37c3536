#include "net/failover.h"

/*
 * An answer noted here is not known to be authentic: only the bond could tell, and it would take it
 * for the beginning of another session. It is a hint. Who forges one from the address of a receiver
 * makes us turn to that receiver while the present one is silent anyway, and from there the
 * present one is asked as "another" and answers.
 */
static void forget(struct failover *failover)
{
	failover->asked_at = USEC_NEVER;
	for (unsigned i = 0; i < FAILOVER_MAX; i++)
		failover->answered_at[i] = USEC_NEVER;
}

void failover_init(struct failover *failover, unsigned receivers)
{
	*failover = (struct failover){ .receivers = receivers < FAILOVER_MAX ? receivers
									     : FAILOVER_MAX };
	forget(failover);
}

bool failover_asked(struct failover *failover, usec_t now)
{
	failover->asked_at = usec_min(failover->asked_at, now);
	return failover->receivers > 1;
}

void failover_heard(struct failover *failover)
{
	if (failover->asked_at != USEC_NEVER)
		forget(failover);
}

void failover_answered(struct failover *failover, unsigned receiver, usec_t now)
{
	if (receiver < failover->receivers && receiver != failover->now &&
	    failover->asked_at != USEC_NEVER)
		failover->answered_at[receiver] = usec_min(failover->answered_at[receiver], now);
}

/* When @receiver takes over unless the present one is heard. */
static usec_t takes_over_at(const struct failover *failover, unsigned receiver)
{
	if (failover->answered_at[receiver] == USEC_NEVER)
		return USEC_NEVER;
	return usec_max(usec_add(failover->asked_at, FAILOVER_SILENCE),
			usec_add(failover->answered_at[receiver], FAILOVER_GRACE));
}

/* The one that takes over first; the present one when there is none. */
static unsigned successor(const struct failover *failover)
{
	unsigned best = failover->now;

	for (unsigned i = 0; i < failover->receivers; i++)
		if (takes_over_at(failover, i) < takes_over_at(failover, best))
			best = i;
	return best;
}

usec_t failover_wakeup_at(const struct failover *failover)
{
	return takes_over_at(failover, successor(failover));
}

bool failover_turn(struct failover *failover, usec_t now)
{
	unsigned next = successor(failover);

	if (takes_over_at(failover, next) > now)
		return false;
	failover->now = next;
	forget(failover);
	return true;
}
