#include "bond/engine.h"

/*
 * Nothing is lost and nothing grows: a path has one place for a change that was not fetched yet
 * (from where it began to where it is now), the advice has one, and the session has a few, of which
 * the last is overwritten in the end, so that the final state is always told.
 */
void event_session(struct bond *b, enum bond_event_kind kind, enum bond_reason reason)
{
	unsigned at = b->events < ENGINE_EVENTS ? b->events++ : ENGINE_EVENTS - 1;

	b->event[at].kind = kind;
	b->event[at].reason = reason;
	b->told_up = kind == BOND_EVENT_SESSION_UP;
}

bool bond_next_event(struct bond *b, struct bond_event *ret_event)
{
	if (b->events) {
		*ret_event = (struct bond_event){ .kind = b->event[0].kind,
						  .reason = b->event[0].reason };
		b->events--;
		for (unsigned i = 0; i < b->events; i++)
			b->event[i] = b->event[i + 1];
		return true;
	}
	for (unsigned i = 0; i < BOND_PATHS_MAX; i++) {
		struct path *p = &b->path[i];

		if (!p->event)
			continue;
		p->event = false;
		*ret_event = (struct bond_event){ .kind = BOND_EVENT_PATH,
						  .reason = p->reason,
						  .path_id = i,
						  .from = p->event_from,
						  .to = p->state };
		return true;
	}
	if (b->config.role == BOND_ROLE_SENDER && b->advice.event) {
		b->advice.event = false;
		*ret_event = (struct bond_event){ .kind = BOND_EVENT_ADVICE,
						  .reason = b->advice.reason,
						  .bps = b->advice.bps };
		return true;
	}
	return false;
}

const char *bond_reason_text(enum bond_reason reason)
{
	switch (reason) {
	case BOND_REASON_NONE:
		return "none";
	case BOND_REASON_HELLO:
		return "handshake done";
	case BOND_REASON_ADDED:
		return "uplink added";
	case BOND_REASON_DROPPED:
		return "uplink gone";
	case BOND_REASON_OPERATOR:
		return "asked for by the operator";
	case BOND_REASON_SILENT:
		return "silent although it should have answered";
	case BOND_REASON_ANSWERED:
		return "answers again";
	case BOND_REASON_PROVEN:
		return "delivered what it was given";
	case BOND_REASON_LOSSY:
		return "lost most of what it carried";
	case BOND_REASON_MOVED:
		return "address of the peer changed";
	case BOND_REASON_CLOSED:
		return "closed by the peer";
	case BOND_REASON_RESTARTED:
		return "peer was started anew";
	case BOND_REASON_TIMEOUT:
		return "nothing heard from the peer";
	case BOND_REASON_START:
		return "configured start";
	case BOND_REASON_CAPACITY:
		return "capacity of the paths";
	case BOND_REASON_QUEUE:
		return "packets wait in the bond";
	case BOND_REASON_LATE:
		return "packets came late or were lost";
	case BOND_REASON_PATH_LOST:
		return "a path went away";
	}
	return "unknown";
}

const char *bond_path_state_text(enum bond_path_state state)
{
	switch (state) {
	case BOND_PATH_OFF:
		return "off";
	case BOND_PATH_PROBING:
		return "probing";
	case BOND_PATH_UP:
		return "up";
	case BOND_PATH_SUSPECT:
		return "suspect";
	case BOND_PATH_MUTED:
		return "muted";
	case BOND_PATH_DEAD:
		return "dead";
	}
	return "unknown";
}
