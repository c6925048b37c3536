#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * vfork: the child borrows our memory until exec, so a big daemon starts a worker in microseconds
 * without copying its page tables, and an exec that fails tells its errno through a variable. The
 * price: until exec the child may only make system calls and must leave our memory alone. All that
 * needs memory (environment, numbers of descriptors) is therefore prepared before; signals are
 * blocked meanwhile, so that no handler of ours runs in the child. vfork does not share the
 * descriptor table or the dispositions.
 */
struct plan {
	const struct spawn *spawn;
	char **env;
	int source[SPAWN_FDS_MAX]; /* all of them >= SPAWN_FDS_MAX, so that dup2 overwrites none */
	pid_t parent;
	volatile int error; /* of the child, seen by us */
};

/* Of our own service manager: not for a worker. */
static const char *const env_dropped[] = {
	"NOTIFY_SOCKET=", "WATCHDOG_PID=",   "WATCHDOG_USEC=",	"LISTEN_PID=",
	"LISTEN_FDS=",	  "LISTEN_FDNAMES=", "JOURNAL_STREAM=",
};

static bool env_is_dropped(const char *entry)
{
	for (size_t i = 0; i < sizeof(env_dropped) / sizeof(env_dropped[0]); i++)
		if (!strncmp(entry, env_dropped[i], strlen(env_dropped[i])))
			return true;
	return false;
}

static char **env_new(char *const *extra)
{
	size_t count = 0, n = 0;
	char **env;

	while (environ && environ[count])
		count++;
	for (char *const *e = extra; e && *e; e++)
		count++;
	env = calloc(count + 1, sizeof(*env));
	if (!env)
		return NULL;
	/* The extra ones first: getenv() takes the first match. */
	for (char *const *e = extra; e && *e; e++)
		env[n++] = *e;
	for (char **e = environ; e && *e; e++)
		if (!env_is_dropped(*e))
			env[n++] = *e;
	return env;
}

static void __attribute__((noreturn)) child_run(struct plan *plan)
{
	const struct spawn *spawn = plan->spawn;
	struct sigaction action = { .sa_handler = SIG_DFL };
	struct rlimit none = { 0, 0 };
	sigset_t empty;

	for (int number = 1; number < NSIG; number++)
		(void)sigaction(number, &action, NULL); /* fails for SIGKILL and SIGSTOP */
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != plan->parent)
		_exit(127); /* it died before we could ask to be told */
	(void)setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; i < spawn->fd_count; i++) {
		if (dup2(plan->source[i], (int)i) < 0) {
			plan->error = errno;
			_exit(127);
		}
	}
	(void)close_range((unsigned)spawn->fd_count, ~0U, 0);
	sigemptyset(&empty);
	(void)sigprocmask(SIG_SETMASK, &empty, NULL);
	(void)execve(spawn->path, spawn->argv, plan->env);
	plan->error = errno;
	_exit(127);
}

/* A function of its own: nothing else lives in registers across vfork(). */
static int __attribute__((noinline)) plan_execute(struct plan *plan)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = vfork();
	if (!pid)
		child_run(plan);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return -errno;
	if (!plan->error)
		return pid;
	(void)waitpid(pid, NULL, 0);
	return -plan->error;
}

int spawn_process(const struct spawn *spawn)
{
	struct plan plan = { .spawn = spawn, .parent = getpid() };
	int r = 0;

	for (size_t i = 0; i < SPAWN_FDS_MAX; i++)
		plan.source[i] = -1;
	plan.env = env_new(spawn->extra_env);
	if (!plan.env)
		return -ENOMEM;
	for (size_t i = 0; i < spawn->fd_count && !r; i++) {
		int fd = spawn->fds[i] >= 0 ? spawn->fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);

		plan.source[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, SPAWN_FDS_MAX);
		if (plan.source[i] < 0)
			r = -errno;
		if (spawn->fds[i] < 0 && fd >= 0)
			(void)close(fd);
	}
	if (!r)
		r = plan_execute(&plan);
	for (size_t i = 0; i < SPAWN_FDS_MAX; i++)
		if (plan.source[i] >= 0)
			(void)close(plan.source[i]);
	free(plan.env);
	return r;
}

static int path_join(const char *directory, size_t length, const char *name, char *path,
		     size_t size)
{
	int n = snprintf(path, size, "%.*s/%s", (int)length, directory, name);

	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	return access(path, X_OK) ? -ENOENT : 0;
}

int spawn_find(const char *program, char *ret_path, size_t size)
{
	char self[4096];
	ssize_t n;

	if (strchr(program, '/')) {
		if (strlen(program) >= size)
			return -ENAMETOOLONG;
		memcpy(ret_path, program, strlen(program) + 1);
		return 0;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		if (!path_join(self, (size_t)(strrchr(self, '/') - self), program, ret_path, size))
			return 0;
	}
	return path_join(UPLINKD_LIBEXECDIR, strlen(UPLINKD_LIBEXECDIR), program, ret_path, size);
}

int spawn_secret(const char *text)
{
	size_t length = strlen(text);
	int fd = memfd_create("secret", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t n;
	int r;

	if (fd < 0)
		return -errno;
	n = write(fd, text, length);
	if (n == (ssize_t)length && !lseek(fd, 0, SEEK_SET) &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return fd;
	r = n < 0 || n == (ssize_t)length ? -errno : -EIO;
	(void)close(fd);
	return r;
}
