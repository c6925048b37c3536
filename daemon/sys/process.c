#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/spawn.h"

void process_config_clear(struct worker_config *config)
{
	for (size_t i = 0; i < WORKER_ARGS_MAX; i++)
		free((char *)config->args[i]);
	for (size_t i = 0; i < WORKER_SECRETS_MAX; i++) {
		free((char *)config->secrets[i].option);
		if (config->secrets[i].text)
			explicit_bzero((char *)config->secrets[i].text,
				       strlen(config->secrets[i].text));
		free((char *)config->secrets[i].text);
	}
	free((char *)config->name);
	free((char *)config->program);
	*config = (struct worker_config){ 0 };
}

int process_config_copy(struct worker_config *to, const struct worker_config *from)
{
	bool failed;

	*to = *from;
	memset(to->args, 0, sizeof(to->args));
	memset(to->secrets, 0, sizeof(to->secrets));
	to->name = strdup(from->name);
	to->program = strdup(from->program);
	failed = !to->name || !to->program;
	for (size_t i = 0; i < WORKER_ARGS_MAX - 1 && from->args[i]; i++)
		failed |= !(to->args[i] = strdup(from->args[i]));
	for (size_t i = 0; i < WORKER_SECRETS_MAX && from->secrets[i].option; i++) {
		failed |= !(to->secrets[i].option = strdup(from->secrets[i].option));
		failed |= !(to->secrets[i].text = strdup(from->secrets[i].text));
	}
	if (failed)
		process_config_clear(to);
	return failed ? -ENOMEM : 0;
}

void process_fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* A pipe of which our end is non-blocking. @ours: index of our end. */
static int pipe_open(int ends[2], int ours)
{
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	(void)fcntl(ends[ours], F_SETFL, O_NONBLOCK | (ours ? O_WRONLY : O_RDONLY));
	(void)fcntl(ends[ours], F_SETPIPE_SZ,
		    PROCESS_PIPE_BYTES); /* refused beyond the user's allowance */
	return 0;
}

/* Everything that connects the two processes. What is open on failure the caller closes. */
static int channels_open(struct process *process, const struct worker_config *config,
			 int child[SPAWN_FDS_MAX], size_t *ret_count)
{
	int input[2] = { -1, -1 }, output[2] = { -1, -1 }, error[2] = { -1, -1 }, control[2];
	size_t count = 4;
	int r = 0;

	if (config->wants_input)
		r = pipe_open(input, 1);
	child[0] = input[0];
	process->input_fd = input[1];
	if (!r && config->gives_output)
		r = pipe_open(output, 0);
	child[1] = output[1];
	process->output_fd = output[0];
	if (!r)
		r = pipe_open(error, 0);
	child[2] = error[1];
	process->error_fd = error[0];
	if (r)
		return r;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control))
		return -errno;
	child[UPLINKD_WORKER_CONTROL_FD] = control[1];
	process->control_fd = control[0];
	(void)fcntl(control[0], F_SETFL, O_NONBLOCK | O_RDWR);
	for (size_t i = 0; i < WORKER_SECRETS_MAX && config->secrets[i].option; i++) {
		r = spawn_secret(config->secrets[i].text);
		if (r < 0)
			return r;
		child[count++] = r;
	}
	*ret_count = count;
	return 0;
}

void process_close(struct process *process)
{
	process_fd_close(&process->input_fd);
	process_fd_close(&process->output_fd);
	process_fd_close(&process->control_fd);
	process_fd_close(&process->error_fd);
}

int process_start(struct process *process, const struct worker_config *config)
{
	static char control_env[] = UPLINKD_WORKER_CONTROL_ENV "=3";
	char *env[] = { control_env, NULL };
	char names[WORKER_SECRETS_MAX][16];
	char *argv[WORKER_ARGS_MAX + 2 * WORKER_SECRETS_MAX + 2];
	char path[4096];
	struct spawn spawn = { .path = path, .argv = argv, .extra_env = env };
	size_t n = 0;
	int r;

	for (size_t i = 0; i < SPAWN_FDS_MAX; i++)
		spawn.fds[i] = -1;
	*process = (struct process){ 0, -1, -1, -1, -1 };
	r = spawn_find(config->program, path, sizeof(path));
	if (r)
		return r;
	r = channels_open(process, config, spawn.fds, &spawn.fd_count);
	argv[n++] = (char *)config->program;
	for (size_t i = 0; i < WORKER_ARGS_MAX - 1 && config->args[i]; i++)
		argv[n++] = (char *)config->args[i];
	for (size_t i = 0; i < WORKER_SECRETS_MAX && config->secrets[i].option; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "/dev/fd/%zu", 4 + i);
		argv[n++] = (char *)config->secrets[i].option;
		argv[n++] = names[i];
	}
	argv[n] = NULL;
	if (!r)
		r = spawn_process(&spawn);
	for (size_t i = 0; i < SPAWN_FDS_MAX; i++)
		process_fd_close(&spawn.fds[i]);
	if (r > 0) {
		process->pid = r;
		return 0;
	}
	process_close(process);
	return r;
}
