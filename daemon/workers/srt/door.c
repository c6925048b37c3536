#include "workers/srt/door.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <srt/access_control.h>

#include "uplinkd/worker.h"
#include "workers/srt/refusal.h"
#include "workers/srt/streamid.h"

/*
 * Two kinds of refusal: ours, in the callback, with a code that tells the caller why; and libsrt's,
 * later in the handshake, when the passphrases differ. Of the second kind the application is told
 * nothing at all. So the callback writes down whom it let in, door_accept() strikes them out, and
 * who neither arrives nor lives after a moment was turned away by libsrt.
 */
/* A publisher that sends nothing for longer may be replaced. */
#define SILENT_USEC (2 * USEC_PER_SEC)
/* From the callback to the accept; normally microseconds. */
#define ARRIVE_USEC (1 * USEC_PER_SEC)
#define BACKLOG	    16

/* Returns 0 or the code of the refusal. */
static int guest_judge(const struct door *door, const char *streamid, const char **ret_why)
{
	usec_t silent = usec_since(atomic_load(&door->last_data), supervisor_clock());
	unsigned guests = atomic_load(&door->guests);

	switch (streamid_judge(streamid, door->leg->streamid, !door->leg->sends)) {
	case STREAMID_VERDICT_OTHER:
		*ret_why = "wrong stream id";
		return SRT_REJX_FORBIDDEN;
	case STREAMID_VERDICT_MODE:
		*ret_why = "its stream id asks for the wrong direction";
		return SRT_REJX_BAD_MODE;
	case STREAMID_VERDICT_FITS:
		break;
	}
	if (door->one_publisher && guests && silent <= SILENT_USEC) {
		*ret_why = "somebody else is publishing already";
		return SRT_REJX_CONFLICT;
	}
	if (door->guests_max && guests >= door->guests_max) {
		*ret_why = "all places are taken";
		return SRT_REJX_OVERLOAD;
	}
	return 0;
}

static void knock_note(struct door *door, const char *peer, SRTSOCKET socket, const char *why)
{
	(void)pthread_mutex_lock(&door->lock);
	if (door->knock_count < DOOR_KNOCKS) {
		struct door_knock *knock = &door->knocks[door->knock_count++];

		*knock = (struct door_knock){ .socket = socket,
					      .why = why,
					      .at = supervisor_clock() };
		(void)snprintf(knock->peer, sizeof(knock->peer), "%s", peer);
	} else {
		door->untold++;
	}
	(void)pthread_mutex_unlock(&door->lock);
}

static int on_knock(void *opaque, SRTSOCKET socket, int version, const struct sockaddr *address,
		    const char *streamid)
{
	struct door *door = opaque;
	const char *why = NULL;
	char peer[80];
	int code = guest_judge(door, streamid ? streamid : "", &why);

	(void)version;
	endpoint_format(address,
			address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						       : sizeof(struct sockaddr_in),
			peer, sizeof(peer));
	if (code)
		(void)srt_setrejectreason(socket, code);
	knock_note(door, peer, code ? SRT_INVALID_SOCK : socket, why);
	return code ? -1 : 0;
}

static int open_failed(struct door *door, const struct endpoint *endpoint, const char *what,
		       const char *why)
{
	supervisor_state(door->supervisor, "failed", endpoint->text, "%s: %s", what, why);
	if (door->listener != SRT_INVALID_SOCK)
		(void)srt_close(door->listener);
	door->listener = SRT_INVALID_SOCK;
	return WORKER_EXIT_CANTCREAT;
}

int door_open(struct door *door, const struct leg *leg, const struct endpoint *endpoint,
	      struct supervisor *supervisor)
{
	struct sockaddr_storage address;
	socklen_t length;
	char host[64], port[8] = "";
	const char *why;
	int size = sizeof(address);
	int r;

	*door = (struct door){ .leg = leg,
			       .supervisor = supervisor,
			       .listener = SRT_INVALID_SOCK,
			       .limit.interval = USEC_PER_SEC };
	(void)pthread_mutex_init(&door->lock, NULL);
	r = endpoint_resolve(endpoint, true, &address, &length);
	if (r)
		return open_failed(door, endpoint, "cannot listen", gai_strerror(r));
	door->listener = leg_socket(leg, true, &why);
	if (door->listener == SRT_INVALID_SOCK)
		return open_failed(door, endpoint, "libsrt refuses a setting", why);
	if (srt_bind(door->listener, (struct sockaddr *)&address, (int)length) == SRT_ERROR ||
	    srt_listen_callback(door->listener, on_knock, door) == SRT_ERROR ||
	    srt_listen(door->listener, BACKLOG) == SRT_ERROR)
		return open_failed(door, endpoint, "cannot listen", srt_getlasterror_str());
	(void)srt_getsockname(door->listener, (struct sockaddr *)&address, &size);
	(void)getnameinfo((struct sockaddr *)&address, (socklen_t)size, host, sizeof(host), port,
			  sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	(void)sscanf(port, "%u", &door->port);
	return 0;
}

void door_close(struct door *door)
{
	if (door->listener != SRT_INVALID_SOCK)
		(void)srt_close(door->listener);
	door->listener = SRT_INVALID_SOCK;
	(void)pthread_mutex_destroy(&door->lock);
}

SRTSOCKET door_accept(struct door *door, char *ret_peer, size_t size)
{
	struct sockaddr_storage address;
	int length = sizeof(address);
	SRTSOCKET socket = srt_accept(door->listener, (struct sockaddr *)&address, &length);

	if (socket == SRT_INVALID_SOCK)
		return socket;
	endpoint_format((struct sockaddr *)&address, (socklen_t)length, ret_peer, size);
	(void)pthread_mutex_lock(&door->lock);
	for (unsigned i = 0; i < door->knock_count; i++)
		if (door->knocks[i].socket == socket || !strcmp(door->knocks[i].peer, ret_peer))
			door->knocks[i].at = 0;
	(void)pthread_mutex_unlock(&door->lock);
	leg_settle(door->leg, socket);
	return socket;
}

/* True: this one is dealt with; *ret_why NULL: it came in. */
static bool knock_judge(const struct door *door, const struct door_knock *knock, usec_t now,
			const char **ret_why)
{
	*ret_why = knock->why;
	if (!knock->at || knock->why)
		return true;
	if (usec_since(knock->at, now) < ARRIVE_USEC)
		return false;
	*ret_why = *door->leg->passphrase
			   ? "wrong passphrase, or none"
			   : "its handshake failed (a passphrase, and we have none?)";
	return true;
}

void door_report(struct door *door)
{
	usec_t now = supervisor_clock();
	struct door_knock told[DOOR_KNOCKS];
	unsigned count = 0, kept = 0, untold, suppressed;

	(void)pthread_mutex_lock(&door->lock);
	for (unsigned i = 0; i < door->knock_count; i++) {
		const char *why;

		if (!knock_judge(door, &door->knocks[i], now, &why)) {
			door->knocks[kept++] = door->knocks[i];
		} else if (why) {
			told[count] = door->knocks[i];
			told[count++].why = why;
		}
	}
	door->knock_count = kept;
	untold = door->untold;
	door->untold = 0;
	(void)pthread_mutex_unlock(&door->lock);
	if (untold)
		door->limit.suppressed += untold;
	for (unsigned i = 0; i < count; i++) {
		if (!log_limit_pass(&door->limit, now, &suppressed))
			continue;
		if (suppressed)
			log_warning("refused %u more", suppressed);
		log_warning("refused a caller at %s: %s", told[i].peer, told[i].why);
	}
}
