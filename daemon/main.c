#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "checkup.h"
#include "config.h"
#include "ctl/control.h"
#include "net/routes.h"
#include "receiver.h"
#include "role.h"
#include "sender.h"
#include "sys/log.h"
#include "sys/loop.h"
#include "sys/messages.h"
#include "sys/service.h"
#include "uplinkd/worker.h"

/*
 * The program: which role, with which configuration; then the role runs. What outlives the
 * configuration is here: signals, the control socket, the link to the service manager. On reload
 * the same command line is read again, into a second struct, which replaces the first when it is
 * right.
 */
static const char usage[] =
	"usage: uplinkd send [OPTION VALUE]...       carry a stream from here to a receiver\n"
	"       uplinkd receive [OPTION VALUE]...    put it together again and hand it on\n"
	"       uplinkd --config FILE [OPTION VALUE]...\n"
	"                                            the role that the file is for\n"
	"       uplinkd [send|receive] --help, uplinkd --version\n"
	"\n"
	"  --check        check the configuration, tell all its errors, and end\n"
	"  --flush-routes remove what manage-routes has set and a crash left behind, and end\n"
	"  --doctor       check the uplinks of this machine, tell what to do, and end\n";

struct program {
	const char *verb; /* "send" or "receive" */
	int argc;	  /* options alone, as given at the start */
	const char *const *argv;
	struct config *config, *spare;
	struct role role;
	struct loop_signal terminate, interrupt, hangup;
	bool stopping;
};

static uint64_t unix_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

static enum log_level level_of(const char *text)
{
	return !strcmp(text, "err")	  ? LOG_LEVEL_ERR
	       : !strcmp(text, "warning") ? LOG_LEVEL_WARNING
	       : !strcmp(text, "debug")	  ? LOG_LEVEL_DEBUG
					  : LOG_LEVEL_INFO;
}

/* --- the loop's callbacks --------------------------------------------------------------------- */

static void on_stats(void *owner, struct stats *stats)
{
	struct program *program = owner;
	struct role *role = &program->role;

	stats->role = role->config->role == CONFIG_ROLE_SENDER ? "sender" : "receiver";
	stats->version = UPLINKD_VERSION;
	stats->unix_usec = unix_now();
	stats->now = loop_now(role->loop);
	stats->uptime_usec = usec_since(role->started, stats->now);
	if (role->on_stats)
		role->on_stats(role->owner, stats);
}

static int load(const struct program *program, struct config *config, enum config_role role,
		struct config_errors *errors)
{
	config_defaults(config, role);
	if (config_arguments(config, program->argc, program->argv, errors) < 0)
		return -EINVAL;
	return config_finish(config, errors);
}

static int on_reload(void *owner, char *why, size_t size)
{
	struct program *program = owner;
	struct role *role = &program->role;
	struct config_errors errors = { 0 };
	struct config *fresh = program->spare;
	int error;

	service_reloading(role->service);
	error = load(program, fresh, role->config->role, &errors);
	if (error < 0) {
		char *rest = errors.text;

		(void)snprintf(why, size, "the configuration has errors, the old one stays:\n%s",
			       errors.text ? errors.text : "out of memory");
		for (char *line; (line = strsep(&rest, "\n"));)
			if (*line)
				log_err("%s", line);
		log_write(LOG_LEVEL_ERR, MESSAGE_RELOAD_FAILED,
			  "not reloaded: the configuration has %u errors, the old one stays",
			  errors.count);
		config_errors_clear(&errors);
	} else {
		log_open("uplinkd", level_of(fresh->log_level));
		if (role->on_reload)
			role->on_reload(role->owner, program->config, fresh);
		program->spare = program->config;
		program->config = fresh;
		role->config = fresh;
		log_write(LOG_LEVEL_INFO, MESSAGE_RELOADED, "configuration reloaded");
	}
	config_wipe(program->spare);
	service_reloaded(role->service);
	return error;
}

static void on_stop(void *owner)
{
	struct program *program = owner;
	struct role *role = &program->role;

	if (program->stopping || !role->on_stop) {
		loop_stop(role->loop);
		return;
	}
	program->stopping = true;
	log_info("stopping");
	service_stopping(role->service, (UPLINKD_WORKER_STOP_SECONDS + 2) * USEC_PER_SEC);
	role->on_stop(role->owner);
}

static void on_stop_signal(struct loop_signal *signal)
{
	on_stop(signal->owner);
}

static void on_reload_signal(struct loop_signal *signal)
{
	char why[64]; /* the errors were logged */

	(void)on_reload(signal->owner, why, sizeof(why));
}

/* --- before and after it ---------------------------------------------------------------------- */

/* A secret in a core file would outlive us, and descriptors 0 to 2 must not become sockets. */
static void secure_process(void)
{
	const struct rlimit none = { 0, 0 };
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* `ps` shows our arguments to everybody: a url is overwritten by its safe form, a stream id by
 * nothing, after the options were copied for ourselves. */
static void hide_secrets(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char *scheme = strstr(argv[i], "://"), *text = scheme;
		struct config_url url;
		const char *why;
		size_t len;

		if (i && !strcmp(argv[i - 1], "--input-streamid"))
			memset(argv[i], '*', strlen(argv[i]));
		if (!strncmp(argv[i], "--input-streamid=", 17))
			memset(argv[i] + 17, '*', strlen(argv[i] + 17));
		while (text && text > argv[i] && text[-1] != '=')
			text--;
		if (!text || config_url_parse(text, &url, &why) < 0 || !strcmp(text, url.safe))
			continue;
		len = strlen(text);
		memset(text, 0, len);
		memcpy(text, url.safe, strlen(url.safe) < len ? strlen(url.safe) : len);
	}
}

static int run(struct program *program)
{
	const struct control_config control = {
		.path = program->config->control_path,
		.verb = program->verb,
		.owner = program,
		.on_stats = on_stats,
		.on_reload = on_reload,
		.on_stop = on_stop,
	};
	struct role *role = &program->role;
	int status = EX_OSERR;

	role->loop = loop_new();
	if (!role->loop || !(role->service = service_new(role->loop))) {
		log_err("cannot start: out of memory");
		goto out;
	}
	role->config = program->config;
	role->started = loop_now(role->loop);
	loop_signal_init(&program->terminate, role->loop, SIGTERM, on_stop_signal, program);
	loop_signal_init(&program->interrupt, role->loop, SIGINT, on_stop_signal, program);
	loop_signal_init(&program->hangup, role->loop, SIGHUP, on_reload_signal, program);
	if (control_new(role->loop, &control, &role->control) < 0) {
		status = EX_CANTCREAT;
		goto out;
	}
	log_info("%s %s, key %s, control socket %s", program->verb, UPLINKD_VERSION,
		 program->config->fingerprint, control_path(role->control));
	status =
		program->config->role == CONFIG_ROLE_SENDER ? sender_run(role) : receiver_run(role);
out:
	control_free(role->control);
	loop_signal_deinit(&program->hangup);
	loop_signal_deinit(&program->interrupt);
	loop_signal_deinit(&program->terminate);
	service_free(role->service);
	loop_free(role->loop);
	return status;
}

struct flags {
	bool check, doctor, help;
};

/* Copies the options, the strings too, without the flags, which it sets. False: out of memory; what
 * was copied is released by program_deinit(). */
static bool options_copy(struct program *program, int argc, char **argv, struct flags *ret_flags)
{
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));

	program->argv = (const char *const *)copy;
	for (int i = 0; copy && i < argc; i++) {
		if (!strcmp(argv[i], "--check"))
			ret_flags->check = true;
		else if (!strcmp(argv[i], "--doctor"))
			ret_flags->doctor = true;
		else if (!strcmp(argv[i], "--help"))
			ret_flags->help = true;
		else if ((copy[program->argc] = strdup(argv[i])))
			program->argc++;
		else
			return false;
	}
	return copy;
}

static void program_deinit(struct program *program)
{
	if (program->config)
		config_wipe(program->config);
	free(program->config);
	free(program->spare);
	for (int i = 0; i < program->argc; i++)
		free((char *)program->argv[i]);
	free((char **)program->argv);
}

/* The value of --config, for a command line without a verb. */
static const char *config_file(int argc, const char *const *argv)
{
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "--config=", 9))
			return argv[i] + 9;
		if (!strcmp(argv[i], "--config") && i + 1 < argc)
			return argv[i + 1];
	}
	return NULL;
}

static int complain(struct config_errors *errors)
{
	(void)fprintf(stderr, "%s", errors->text ? errors->text : "out of memory\n");
	config_errors_clear(errors);
	return EX_CONFIG;
}

/* Which role, from the verb or from the file; an exit status when there is nothing to run. */
static int choose_role(struct program *program, int argc, char **argv, enum config_role *ret_role)
{
	const char *file = config_file(program->argc, program->argv);
	struct config_errors errors = { 0 };

	if (argc > 1 && !strcmp(argv[1], "send")) {
		*ret_role = CONFIG_ROLE_SENDER;
	} else if (argc > 1 && !strcmp(argv[1], "receive")) {
		*ret_role = CONFIG_ROLE_RECEIVER;
	} else if (argc > 1 && argv[1][0] != '-') {
		(void)fprintf(stderr, "uplinkd: unknown verb \"%s\"; it is send or receive\n",
			      argv[1]);
		return EX_USAGE;
	} else if (!file) {
		(void)fputs(usage, stderr);
		return EX_USAGE;
	} else if (config_file_role(file, ret_role, &errors) < 0) {
		return complain(&errors);
	}
	program->verb = *ret_role == CONFIG_ROLE_SENDER ? "send" : "receive";
	return EX_OK;
}

static int help(const struct program *program)
{
	(void)fputs(usage, stdout);
	if (program->verb) {
		(void)printf("\nOptions of uplinkd %s (and settings of its file, see "
			     "uplinkd.conf(5)):\n",
			     program->verb);
		config_help(stdout, !strcmp(program->verb, "send") ? CONFIG_ROLE_SENDER
								   : CONFIG_ROLE_RECEIVER);
	}
	return EX_OK;
}

/* All of it but the end; the exit status. */
static int start(struct program *program, int argc, char **argv)
{
	struct config_errors errors = { 0 };
	enum config_role role = CONFIG_ROLE_SENDER;
	struct flags flags = { 0 };
	bool verb = argc > 1 && argv[1][0] != '-';
	int status;

	program->config = calloc(1, sizeof(*program->config));
	program->spare = calloc(1, sizeof(*program->spare));
	if (!options_copy(program, argc - 1 - verb, argv + 1 + verb, &flags) || !program->config ||
	    !program->spare)
		return EX_OSERR;
	if (flags.help && !verb)
		return help(program);
	status = choose_role(program, argc, argv, &role);
	if (status != EX_OK)
		return status;
	if (flags.help)
		return help(program);
	hide_secrets(argc, argv);
	if (load(program, program->config, role, &errors) < 0)
		return complain(&errors);
	if (flags.check) {
		(void)printf("the configuration is valid: %s, key %s\n", program->verb,
			     program->config->fingerprint);
		return EX_OK;
	}
	log_open("uplinkd", level_of(program->config->log_level));
	if (flags.doctor) {
		status = checkup_print(program->config, stdout);
		return status < 0 ? EX_OSERR : status;
	}
	return run(program);
}

/* For ExecStopPost= of a unit. */
static int flush_routes(void)
{
	struct routes *routes;

	log_open("uplinkd", LOG_LEVEL_INFO);
	routes = routes_new();
	if (!routes)
		return EX_OSERR;
	routes_free(routes);
	return EX_OK;
}

int main(int argc, char **argv)
{
	struct program program = { 0 };
	int status;

	if (argc < 1)
		return EX_USAGE;
	secure_process();
	if (argc == 2 && !strcmp(argv[1], "--flush-routes"))
		return flush_routes();
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		(void)puts("uplinkd " UPLINKD_VERSION);
		return EX_OK;
	}
	status = start(&program, argc, argv);
	program_deinit(&program);
	return status;
}
