#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bond/bond.h"

/*
 * What the engine costs: media packets into one bond, over perfect links in virtual time, out of
 * the other, sealed and opened, with all acknowledgements. Prints the CPU time per packet for both
 * ends together, what one core could carry, and how often memory was allocated per packet, which
 * has to be never.
 *
 *     bench_engine [MB/S [SECONDS]]      of media, default 125 MB/s (1 Gb/s) for 2 s
 */
#define LINKS	     3
#define PACKET_BYTES 1316
#define FLIGHTS	     65536
#define LINK_DELAY   (5 * USEC_PER_MS)

static uint64_t allocations;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__clang__)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}
void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size)
{
	allocations++;
	return __libc_realloc(old, size);
}
#endif

struct flight {
	usec_t at;
	uint32_t link;
	uint16_t len;
	uint8_t data[WIRE_DATAGRAM_MAX];
};

/* Perfect links of equal delay: a queue by time of departure. */
struct way {
	struct flight *flight;
	uint64_t head, tail;
};

static void way_put(struct way *way, const struct bond_datagram *d, usec_t now)
{
	struct flight *f = &way->flight[way->tail % FLIGHTS];

	if (way->tail - way->head == FLIGHTS) {
		(void)fprintf(stderr, "too much on its way\n");
		exit(1);
	}
	way->tail++;
	f->at = now + LINK_DELAY;
	f->link = d->link;
	f->len = (uint16_t)d->len;
	memcpy(f->data, d->data, d->len);
}

static void way_deliver(struct way *way, struct bond *to, usec_t now)
{
	while (way->head < way->tail && way->flight[way->head % FLIGHTS].at <= now) {
		struct flight *f = &way->flight[way->head++ % FLIGHTS];
		struct bond_address from = { .len = 1, .bytes = { (uint8_t)f->link } };

		(void)bond_input(to, f->link, &from, f->data, f->len, now);
	}
}

static uint64_t drain(struct bond *b, struct way *way, usec_t now)
{
	struct bond_datagram d;
	struct bond_media m;
	struct bond_event e;
	uint64_t received = 0;

	if (bond_wakeup_at(b) <= now)
		bond_wakeup(b, now);
	while (bond_next_datagram(b, &d, now))
		way_put(way, &d, now);
	while (bond_next_media(b, &m, now))
		received += m.kind == BOND_MEDIA_DATA;
	while (bond_next_event(b, &e))
		;
	return received;
}

static struct bond *make(enum bond_role role, uint64_t bps)
{
	struct bond_config c = { .role = role, .instance = 1 + role };

	bond_config_defaults(&c);
	memset(c.key, 1, sizeof(c.key));
	c.rate_max_bps = 2 * bps;
	return bond_new(&c, 0);
}

static uint64_t cpu_nsec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t bps = (argc > 1 ? strtoull(argv[1], NULL, 10) : 125) * 8000000;
	usec_t length = (argc > 2 ? strtoull(argv[2], NULL, 10) : 2) * USEC_PER_SEC;
	struct bond *sender = make(BOND_ROLE_SENDER, bps),
		    *receiver = make(BOND_ROLE_RECEIVER, bps);
	struct way up = { calloc(FLIGHTS, sizeof(struct flight)), 0, 0 };
	struct way down = { calloc(FLIGHTS, sizeof(struct flight)), 0, 0 };
	uint64_t submitted = 0, received = 0, counted = 0, begin = 0, nsec, allocated = 0, sent = 0;
	const usec_t warm = 3 * USEC_PER_SEC;
	uint8_t data[PACKET_BYTES] = { 0 };

	if (!sender || !receiver || !up.flight || !down.flight)
		abort(); /* out of memory: a bench has nothing to save */
	for (unsigned i = 0; i < LINKS; i++) {
		struct bond_path_config p = { .link = i,
					      .remote = { .len = 1, .bytes = { (uint8_t)i } } };

		(void)snprintf(p.name, sizeof(p.name), "link%u", i);
		(void)bond_path_add(sender, &p, 0);
	}
	for (usec_t now = 0; now < warm + length; now += 250) {
		if (now == warm) {
			begin = cpu_nsec();
			allocated = allocations;
			counted = received;
			sent = up.tail;
		}
		while (now > USEC_PER_SEC &&
		       submitted * PACKET_BYTES * 8 < bytes_of_usec(now - USEC_PER_SEC, bps) * 8) {
			submitted += bond_submit(sender, BOND_MEDIA_DATA, WIRE_CLASS_REFERENCE,
						 data, sizeof(data), now, now) == 0;
		}
		way_deliver(&up, receiver, now);
		way_deliver(&down, sender, now);
		(void)drain(sender, &up, now);
		received += drain(receiver, &down, now);
	}
	nsec = cpu_nsec() - begin;
	allocated = allocations - allocated;
	counted = received - counted;
	sent = up.tail - sent;
	(void)printf("%" PRIu64 " media packets of %u bytes in %" PRIu64 " datagrams: %" PRIu64
		     " ns a packet, both ends; one core carries %" PRIu64
		     " Mb/s in and out; %" PRIu64 " allocations\n",
		     counted, PACKET_BYTES, sent, counted ? nsec / counted : 0,
		     nsec ? counted * PACKET_BYTES * 8 * 1000 / nsec : 0, allocated);
	(void)bond_free(sender);
	(void)bond_free(receiver);
	free(up.flight);
	free(down.flight);
	return counted && !allocated ? 0 : 1;
}
