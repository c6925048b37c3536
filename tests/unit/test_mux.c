#include "unit/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/mux.h"
#include "net/udp.h"
#include "sys/loop.h"
#include "uplinkd/wire.h"

/*
 * Real bonds on real loopback sockets, in one loop. Time is the machine's; every wait is for a
 * condition.
 */
struct end {
	struct loop *loop;
	struct bond *bond;
	struct pump *pump;
	struct mux *mux;	   /* receiver */
	int fd;			   /* sender */
	struct loop_io io;	   /* sender */
	struct udp_sender *sender; /* sender */
	struct udp_batch *batch;   /* sender */
	unsigned ups, downs;
};

static unsigned logged;

static void on_log(void *owner, int level, const char *text)
{
	(void)owner;
	(void)level;
	assert_non_null(text);
	logged++;
}

static void port_send(void *owner, const struct bond_datagram *datagram)
{
	struct end *end = owner;

	if (end->mux)
		mux_send(end->mux, datagram);
	else
		(void)udp_send(end->sender, end->fd, &datagram->to, NULL, datagram->data,
			       datagram->len);
}

static void port_flush(void *owner)
{
	struct end *end = owner;

	if (end->mux)
		mux_flush(end->mux);
	else
		(void)udp_flush(end->sender, end->fd, NULL);
}

static void port_media(void *owner, const struct bond_media *media)
{
	(void)owner;
	(void)media;
}

static void port_event(void *owner, const struct bond_event *event)
{
	struct end *end = owner;

	end->ups += event->kind == BOND_EVENT_SESSION_UP;
	end->downs += event->kind == BOND_EVENT_SESSION_DOWN;
}

static void end_init(struct end *end, struct loop *loop, enum bond_role role, uint8_t key)
{
	struct pump_ports ports = { port_send, port_media, port_flush, port_event, end, false };
	struct bond_config config = { 0 };

	*end = (struct end){ .loop = loop, .fd = -1 };
	bond_config_defaults(&config);
	config.role = role;
	config.rate_max_bps = 5000000;
	memset(config.key, key, sizeof(config.key));
	memset(config.seed, key + role + 1, sizeof(config.seed));
	config.instance = key + 7u;
	config.unix_minus_now = UINT64_C(1800000000) * USEC_PER_SEC;
	end->bond = bond_new(&config, loop_now(loop));
	assert_non_null(end->bond);
	end->pump = pump_new(loop, end->bond, &ports);
}

static void end_deinit(struct end *end)
{
	if (end->fd >= 0) {
		loop_io_deinit(&end->io);
		(void)close(end->fd);
	}
	end->sender = udp_sender_free(end->sender);
	end->batch = udp_batch_free(end->batch);
	end->pump = pump_free(end->pump);
	end->bond = bond_free(end->bond);
}

static void on_readable(struct loop_io *io, unsigned events)
{
	struct end *end = io->owner;
	struct udp_datagram *datagrams;
	int n = udp_receive(end->fd, end->batch, &datagrams);

	(void)events;
	for (int i = 0; i < n; i++)
		(void)bond_input(end->bond, 0, &datagrams[i].from, datagrams[i].data,
				 datagrams[i].len, pump_time(end->pump, datagrams[i].arrived));
	pump_turn(end->pump);
}

static int loopback_socket(void)
{
	struct udp_config config = { 0 };
	int fd;

	assert_int_equal(address_parse("127.0.0.1", &config.local), 0);
	fd = udp_open(&config);
	assert_true(fd >= 0);
	return fd;
}

static void caller_init(struct end *end, struct loop *loop, uint8_t key, const struct mux *mux)
{
	struct bond_path_config path = { .name = "one", .remote = *mux_local(mux) };

	end_init(end, loop, BOND_ROLE_SENDER, key);
	end->sender = udp_sender_new();
	end->batch = udp_batch_new();
	end->fd = loopback_socket();
	loop_io_init(&end->io, loop, end->fd, on_readable, end);
	loop_io_set(&end->io, LOOP_READ);
	assert_true(bond_path_add(end->bond, &path, loop_now(loop)) >= 0);
	pump_turn(end->pump);
}

static void turn_for(struct loop *loop, usec_t span, const unsigned *until)
{
	usec_t end = loop_clock() + span;

	while ((!until || !*until) && loop_clock() < end)
		loop_turn(loop, false);
}

struct fixture {
	struct loop *loop;
	struct mux *mux;
	struct end receiver[2]; /* keys 1 and 2 */
};

static int setup(void **state)
{
	static struct fixture f;
	struct bond_address local;

	f.loop = loop_new();
	assert_int_equal(address_parse("127.0.0.1", &local), 0);
	assert_int_equal(mux_new(f.loop, &local, -1, on_log, NULL, &f.mux), 0);
	for (uint8_t i = 0; i < 2; i++) {
		end_init(&f.receiver[i], f.loop, BOND_ROLE_RECEIVER, (uint8_t)(i + 1));
		f.receiver[i].mux = f.mux;
		assert_int_equal(mux_add(f.mux, f.receiver[i].bond, f.receiver[i].pump), 0);
	}
	logged = 0;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	f->mux = mux_free(f->mux);
	end_deinit(&f->receiver[0]);
	end_deinit(&f->receiver[1]);
	f->loop = loop_free(f->loop);
	return 0;
}

static void each_sender_finds_its_bond(void **state)
{
	struct fixture *f = *state;
	struct mux_stats stats;
	struct end caller[2];

	for (uint8_t i = 0; i < 2; i++) {
		caller_init(&caller[i], f->loop, (uint8_t)(i + 1), f->mux);
		turn_for(f->loop, 10 * USEC_PER_SEC, &f->receiver[i].ups);
		assert_int_equal(f->receiver[i].ups, 1);
	}
	turn_for(f->loop, USEC_PER_SEC / 5, NULL);
	mux_stats(f->mux, &stats);
	assert_int_equal(stats.unknown, 0);
	assert_int_equal(stats.forged, 0);
	assert_int_equal(logged, 0);
	end_deinit(&caller[0]);
	end_deinit(&caller[1]);
}

static void a_wrong_key_is_told_once_and_gets_no_session(void **state)
{
	struct fixture *f = *state;
	struct mux_stats stats;
	struct end caller;

	caller_init(&caller, f->loop, 9, f->mux);
	turn_for(f->loop, 2 * USEC_PER_SEC, &caller.ups);
	assert_int_equal(caller.ups + f->receiver[0].ups + f->receiver[1].ups, 0);
	mux_stats(f->mux, &stats);
	assert_true(stats.unknown > 1);
	assert_int_equal(logged, 1);
	end_deinit(&caller);
}

static void a_flood_of_hellos_is_not_even_tried(void **state)
{
	struct fixture *f = *state;
	uint8_t hello[WIRE_HELLO_BYTES] = { WIRE_HELLO_ASK, WIRE_VERSION };
	struct udp_sender *sender = udp_sender_new();
	int fd = loopback_socket();
	struct mux_stats stats;

	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < UDP_BATCH; i++)
			(void)udp_send(sender, fd, mux_local(f->mux), NULL, hello, sizeof(hello));
		(void)udp_flush(sender, fd, NULL);
		loop_turn(f->loop, false);
	}
	mux_stats(f->mux, &stats);
	/* 1600 at once; a slow machine may take two or three seconds for them. */
	assert_true(stats.over_rate > 500);
	assert_true(stats.unknown < 1000);
	udp_sender_free(sender);
	(void)close(fd);
}

static void what_is_not_of_our_dialect_is_counted(void **state)
{
	struct fixture *f = *state;
	static const uint8_t firsts[] = { 0x00, 0x47, 0x80, 0x90, 0xa2, 0xff };
	struct udp_sender *sender = udp_sender_new();
	int fd = loopback_socket();
	struct mux_stats stats;

	for (size_t i = 0; i < sizeof(firsts); i++)
		(void)udp_send(sender, fd, mux_local(f->mux), NULL, &firsts[i], 1);
	(void)udp_send(sender, fd, mux_local(f->mux), NULL, firsts, 0);
	(void)udp_flush(sender, fd, NULL);
	turn_for(f->loop, USEC_PER_SEC / 20, NULL);
	mux_stats(f->mux, &stats);
	assert_int_equal(stats.foreign, sizeof(firsts) + 1);
	assert_int_equal(logged, 1);
	udp_sender_free(sender);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_sender_finds_its_bond, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wrong_key_is_told_once_and_gets_no_session, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_flood_of_hellos_is_not_even_tried, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_not_of_our_dialect_is_counted, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
