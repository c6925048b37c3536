#include "net/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cursor.h"
#include "net/udp.h"
#include "stream/importance.h"
#include "sys/log.h"
#include "wire/srtclock.h"
#include "wire/srthdr.h"
#include "wire/srtmedia.h"
#include "wire/srtnak.h"

/*
 * A session is one SRT connection: the socket ids of its two ends, as the handshake tells them, and
 * our socket towards libsrt. The caller's side has one socket, to which any later connection comes
 * as well (a worker that was started again); there the newest session is the only one. The
 * listener's side opens a socket per connection and keeps a few, because the last packets of a
 * connection may still be held by the bond when the handshake of the next one, which as a control
 * packet passes them by, arrives.
 *
 * SHUTDOWN is a control packet to SRT, but goes through the bond as data: it would otherwise arrive
 * before the last pictures do and throw them away. When a worker dies its SRT peer would wait for
 * PEERIDLETIMEO, a minute; so the relay sends the SHUTDOWN that the dead worker cannot.
 *
 * libsrt takes the moment at which it has *dealt with* the caller's last handshake packet for its
 * arrival, and everything is played out as much too late as that took: it allocates the buffers of
 * the connection first, 10 to 50 ms. The listener's side sees both the packet and the answer to it;
 * it takes the time between them off the time stamps of the data.
 *
 * libsrt acknowledges every 10 ms and has each acknowledgement acknowledged. Over the bond, which
 * does the recovery, that only frees memory in time; so ten a second pass. The last one always
 * does: libsrt repeats it until it is answered.
 */
#define SESSIONS_MAX	   4
#define BATCHES_MAX	   8
#define BUFFER_BYTES	   (8 * 1024 * 1024) /* a burst that the bond releases after a hold */
#define SHUTDOWN_LEN	   20
#define ACK_SPACING	   (100 * USEC_PER_MS)
#define ADVANCE_MAX	   (500 * USEC_PER_MS) /* more is no allocation but a stopped process */
#define TIME_OFFSET	   8		       /* of the time stamp in the header of SRT */
#define CONTROL_TYPE(type) (0x80000000u | (uint32_t)(type) << 16)

struct session {
	struct relay *relay;
	int fd; /* -1: the place is free */
	struct loop_io io;
	struct udp_sender *sender;
	bool dirty;
	uint32_t near_id; /* socket id of our worker's end; 0: not known yet */
	uint32_t far_id;
	usec_t concluded; /* listener: when the conclusion was given to libsrt; 0: not yet */
	uint32_t advance; /* us taken off the time stamps of data; 0: not known */
	usec_t acked_at;  /* listener: the last acknowledgement that passed; 0: none */
	bool shut;	  /* a SHUTDOWN went through */
	uint64_t age;	  /* the greatest is the newest */
	struct srtnak nak;
	struct srtclock clock; /* caller: of the data */
	/* Headers as they cross the bond: of the packets as usual, and of the last that was not. */
	uint8_t usual[SRTHDR_BYTES], other[SRTHDR_BYTES];
};

struct relay {
	struct loop *loop;
	enum relay_side side;
	struct bond *bond;
	struct pump *pump;
	struct udp_batch *batch;
	uint16_t port;
	bool has_peer;		  /* caller's side: the worker's address is known */
	struct bond_address peer; /* of the worker */
	uint64_t ages;
	struct session session[SESSIONS_MAX];
	struct relay_stats stats;
	struct importance importance; /* caller's side: of what goes into the bond */
};

static struct bond_address loopback(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(port) };

	return address_of((const struct sockaddr *)&in);
}

/* --- sessions ------------------------------------------------------------------------------- */

static void session_close(struct session *session)
{
	if (session->fd < 0)
		return;
	loop_io_deinit(&session->io);
	(void)close(session->fd);
	session->sender = udp_sender_free(session->sender);
	session->fd = -1;
	session->dirty = false;
	session->near_id = session->far_id = 0;
}

static void on_readable(struct loop_io *io, unsigned events);

static int session_open(struct session *session)
{
	struct relay *relay = session->relay;
	struct udp_config config = {
		.local = loopback(0),
		.receive_bytes = BUFFER_BYTES,
		.send_bytes = BUFFER_BYTES,
		.fragment = true,
		.timestamps = true,
	};

	session->sender = udp_sender_new();
	if (!session->sender)
		return -ENOMEM;
	session->fd = udp_open(&config);
	if (session->fd < 0) {
		int r = session->fd;

		session->fd = -1;
		session->sender = udp_sender_free(session->sender);
		return r;
	}
	session->age = ++relay->ages;
	session->near_id = session->far_id = 0;
	session->concluded = 0;
	session->advance = 0;
	session->acked_at = 0;
	session->shut = false;
	srtnak_init(&session->nak);
	session->clock = (struct srtclock){ 0 };
	loop_io_init(&session->io, relay->loop, session->fd, on_readable, session);
	loop_io_set(&session->io, LOOP_READ);
	return 0;
}

static struct session *session_newest(struct relay *relay)
{
	struct session *newest = NULL;

	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (relay->session[i].fd >= 0 && (!newest || relay->session[i].age > newest->age))
			newest = &relay->session[i];
	return newest;
}

/* A place for a new connection: a free one, else that of the oldest. */
static struct session *session_place(struct relay *relay)
{
	struct session *oldest = &relay->session[0];

	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		if (relay->session[i].fd < 0)
			return &relay->session[i];
		if (relay->session[i].age < oldest->age)
			oldest = &relay->session[i];
	}
	session_close(oldest);
	return oldest;
}

/* The session that a packet out of the bond belongs to. */
static struct session *session_of(struct relay *relay, const struct srthdr *header)
{
	struct srthdr_handshake handshake;

	if (relay->side == RELAY_SIDE_CALLER)
		return session_newest(relay);
	if (srthdr_handshake(header, &handshake)) {
		for (unsigned i = 0; i < SESSIONS_MAX; i++)
			if (relay->session[i].fd >= 0 &&
			    relay->session[i].far_id == handshake.socket)
				return &relay->session[i];
		struct session *session = session_place(relay);

		if (session_open(session))
			return NULL;
		session->far_id = handshake.socket;
		return session;
	}
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (relay->session[i].fd >= 0 && relay->session[i].near_id &&
		    relay->session[i].near_id == header->destination)
			return &relay->session[i];
	return session_newest(relay);
}

/* --- towards the bond ----------------------------------------------------------------------- */

/* How much of a media packet is as usual. What differs once (SRT sends a packet again, or corrects
 * errors) is an exception; what differs twice in the same way is the new usual. */
static size_t session_prefix(struct session *session, const uint8_t *media)
{
	if (memcmp(media, session->usual, SRTHDR_BYTES)) {
		bool again = !memcmp(media, session->other, SRTHDR_BYTES);

		memcpy(session->other, media, SRTHDR_BYTES);
		if (!again)
			return 0;
		memcpy(session->usual, media, SRTHDR_BYTES);
	}
	return SRTHDR_BYTES;
}

/* What SRT sends again was judged when it came first, and would not fit in the stream now; what it
 * encrypts, nobody can judge; its SHUTDOWN must arrive. */
static enum wire_class class_of(struct relay *relay, const struct srthdr *header)
{
	if (header->is_control)
		return WIRE_CLASS_TABLES;
	if (relay->side == RELAY_SIDE_LISTENER || header->retransmitted || header->key)
		return WIRE_CLASS_REFERENCE;
	return importance_of(&relay->importance, header->body, header->body_len);
}

static int submit_data(struct session *session, const uint8_t *packet, size_t len,
		       const struct srthdr *header, usec_t arrived, usec_t now)
{
	struct bond *bond = session->relay->bond;
	uint8_t media[SRTHDR_PACKET_MAX];
	usec_t captured = arrived;
	size_t n;

	if (len > sizeof(media))
		return -EMSGSIZE;
	if (!header->is_control)
		(void)srtclock_capture(&session->clock, header->time_usec, arrived, &captured);
	n = srtmedia_pack(packet, len, bond_next_seq(bond), (uint32_t)captured, media);
	if (!n)
		return -EINVAL;
	return bond_submit_prefixed(bond, class_of(session->relay, header), media, n,
				    session_prefix(session, media), captured, now);
}

static void submit(struct session *session, enum bond_media_kind kind, const uint8_t *packet,
		   size_t len, const struct srthdr *header, usec_t arrived)
{
	struct relay *relay = session->relay;
	usec_t now = pump_time(relay->pump, arrived);
	int r;

	arrived = usec_min(arrived, now);
	relay->stats.to_bond++;
	if (kind == BOND_MEDIA_DATA)
		r = submit_data(session, packet, len, header, arrived, now);
	else
		r = bond_submit(relay->bond, kind, WIRE_CLASS_TABLES, packet, len, arrived, now);
	if (r)
		relay->stats.refused++;
}

static enum bond_media_kind kind_of(const struct relay *relay, const struct srthdr *header)
{
	if (relay->side == RELAY_SIDE_CALLER && header->is_control &&
	    header->type == SRTHDR_SHUTDOWN)
		return BOND_MEDIA_DATA;
	switch (srthdr_kind(header)) {
	case SRTHDR_KIND_DATA:
		return BOND_MEDIA_DATA;
	case SRTHDR_KIND_CONTROL:
		return BOND_MEDIA_CONTROL;
	case SRTHDR_KIND_URGENT:
		break;
	}
	return BOND_MEDIA_URGENT;
}

/* The listener's last answer. */
static void session_conclude(struct session *session, uint32_t id, usec_t arrived)
{
	session->near_id = id;
	if (session->concluded && !session->advance)
		session->advance = (uint32_t)usec_clamp(usec_since(session->concluded, arrived), 1,
							ADVANCE_MAX);
}

/* True: one of the acknowledgements that nobody needs. */
static bool session_spares(struct session *session, const struct srthdr *header, usec_t arrived)
{
	if (!header->is_control || header->type != SRTHDR_ACK)
		return false;
	if (session->acked_at && arrived < session->acked_at + ACK_SPACING)
		return true;
	session->acked_at = arrived;
	return false;
}

/* A packet of our worker. */
static void session_take(struct session *session, const struct udp_datagram *datagram)
{
	struct relay *relay = session->relay;
	uint8_t filtered[SRTHDR_PACKET_MAX];
	const uint8_t *packet = datagram->data;
	struct srthdr_handshake handshake;
	struct srthdr header;
	size_t len = datagram->len;

	if (datagram->cut || !srthdr_decode(packet, len, &header)) {
		relay->stats.insane++;
		return;
	}
	if (srthdr_handshake(&header, &handshake)) {
		if (relay->side == RELAY_SIDE_CALLER && session->near_id != handshake.socket) {
			/* Another connection: the worker is a new one, or calls again. */
			session->far_id = 0;
			session->shut = false;
			session->clock = (struct srtclock){ 0 };
			relay->peer = datagram->from;
			relay->has_peer = true;
		}
		/* The listener's first answer still bears the caller's id. */
		if (relay->side == RELAY_SIDE_CALLER)
			session->near_id = handshake.socket;
		else if (handshake.request == SRTHDR_REQUEST_CONCLUSION)
			session_conclude(session, handshake.socket, datagram->arrived);
	} else if (!address_equal(&relay->peer, &datagram->from)) {
		return; /* the rest of a connection before this one, or not from our worker */
	}
	if (header.is_control && header.type == SRTHDR_SHUTDOWN)
		session->shut = true;
	if (relay->side == RELAY_SIDE_LISTENER) {
		len = srtnak_toward_sender(&session->nak, packet, len, filtered, sizeof(filtered));
		packet = filtered;
		if (!len || session_spares(session, &header, datagram->arrived))
			return;
	}
	submit(session, kind_of(relay, &header), packet, len, &header, datagram->arrived);
}

static void on_readable(struct loop_io *io, unsigned events)
{
	struct session *session = io->owner;
	struct relay *relay = session->relay;
	struct udp_datagram *datagrams;

	(void)events;
	for (unsigned i = 0; i < BATCHES_MAX; i++) {
		int n = udp_receive(session->fd, relay->batch, &datagrams);

		for (int k = 0; k < n; k++)
			session_take(session, &datagrams[k]);
		if (n < UDP_BATCH)
			break;
	}
	pump_turn(relay->pump);
}

void relay_hang_up(struct relay *relay)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *session = &relay->session[i];
		struct srthdr header = { .is_control = true, .type = SRTHDR_SHUTDOWN };
		uint8_t packet[SHUTDOWN_LEN];
		struct writer out = writer_of(packet, sizeof(packet));

		if (session->fd < 0 || !session->far_id || session->shut)
			continue;
		session->shut = true;
		writer_u32(&out, CONTROL_TYPE(SRTHDR_SHUTDOWN));
		writer_u32(&out, 0);
		writer_u32(&out, 0);
		writer_u32(&out, session->far_id);
		writer_u32(&out, 0);
		submit(session, kind_of(relay, &header), packet, sizeof(packet), &header,
		       loop_clock());
	}
	pump_turn(relay->pump);
}

/* --- towards the worker --------------------------------------------------------------------- */

static enum udp_outcome session_give(struct session *session, const struct srthdr *header,
				     uint8_t *packet, size_t len, bool after_loss)
{
	struct relay *relay = session->relay;
	struct writer time = writer_of(packet + TIME_OFFSET, sizeof(uint32_t));
	struct srthdr_handshake handshake;
	bool concludes = srthdr_handshake(header, &handshake) &&
			 handshake.request == SRTHDR_REQUEST_CONCLUSION;

	if (relay->side == RELAY_SIDE_LISTENER) {
		srtnak_toward_receiver(&session->nak, packet, len, after_loss);
		if (concludes && !session->concluded)
			session->concluded = loop_clock();
	} else if (concludes && header->destination == session->near_id) {
		session->far_id = handshake.socket;
	}
	if (header->is_control && header->type == SRTHDR_SHUTDOWN)
		session->shut = true;
	if (!header->is_control && session->advance)
		writer_u32(&time, header->time_usec - session->advance);
	session->dirty = true;
	return udp_send(session->sender, session->fd, &relay->peer, NULL, packet, len);
}

/* The SRT packet that @media stands for; 0: none that may be shown to libsrt. */
static size_t relay_packet(const struct bond_media *media, uint8_t *packet, size_t size)
{
	size_t len = media->len;

	if (media->kind == BOND_MEDIA_DATA)
		len = srtmedia_unpack(media->data, len, (uint32_t)media->seq, media->captured,
				      packet, size);
	else if (len <= size)
		memcpy(packet, media->data, len);
	return len <= size && srthdr_is_sane(packet, len) ? len : 0;
}

void relay_media(struct relay *relay, const struct bond_media *media)
{
	uint8_t packet[SRTHDR_PACKET_MAX];
	size_t len = relay_packet(media, packet, sizeof(packet));
	struct session *session;
	struct srthdr header;

	relay->stats.from_bond++;
	if (!len || !srthdr_decode(packet, len, &header)) {
		relay->stats.insane++;
		return;
	}
	session = relay->has_peer ? session_of(relay, &header) : NULL;
	if (!session) {
		relay->stats.homeless++;
		return;
	}
	if (session_give(session, &header, packet, len, media->lost > 0) != UDP_OUTCOME_OK)
		relay->stats.busy++;
}

void relay_flush(struct relay *relay)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++) {
		struct session *session = &relay->session[i];

		if (!session->dirty)
			continue;
		session->dirty = false;
		if (udp_flush(session->sender, session->fd, NULL) != UDP_OUTCOME_OK)
			relay->stats.busy++;
	}
}

/* --- the whole ------------------------------------------------------------------------------ */

struct relay *relay_new(struct loop *loop, enum relay_side side, struct bond *bond,
			struct pump *pump)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	struct bond_address local;
	int r;

	if (!relay)
		return NULL;
	*relay = (struct relay){ .loop = loop, .side = side, .bond = bond, .pump = pump };
	importance_init(&relay->importance);
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		relay->session[i] = (struct session){ .relay = relay, .fd = -1 };
	relay->batch = udp_batch_new();
	if (!relay->batch)
		return relay_free(relay);
	if (side == RELAY_SIDE_CALLER) {
		r = session_open(&relay->session[0]);
		if (!r)
			r = udp_local(relay->session[0].fd, &local);
		if (r) {
			log_err("cannot open a UDP socket on 127.0.0.1: %s", strerror(-r));
			return relay_free(relay);
		}
		relay->port = address_port(&local);
	}
	return relay;
}

struct relay *relay_free(struct relay *relay)
{
	if (!relay)
		return NULL;
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		session_close(&relay->session[i]);
	relay->batch = udp_batch_free(relay->batch);
	free(relay);
	return NULL;
}

uint16_t relay_port(const struct relay *relay)
{
	return relay->port;
}

void relay_listener(struct relay *relay, uint16_t port)
{
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		session_close(&relay->session[i]);
	relay->peer = loopback(port);
	relay->has_peer = port != 0;
}

void relay_stats(const struct relay *relay, struct relay_stats *ret_stats)
{
	*ret_stats = relay->stats;
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		ret_stats->given_up += relay->session[i].nak.given_up;
}
