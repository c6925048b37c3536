#pragma once

#include "sys/worker.h"

/*
 * One process of a worker with what connects it to us: the part of sys/worker.c that deals with
 * descriptors. Our ends are non-blocking; -1 = there is none.
 */
struct process {
	int pid; /* 0: none */
	int input_fd, output_fd, control_fd, error_fd;
};

#define PROCESS_PIPE_BYTES (1 << 20) /* 1 s at 8 Mb/s; the default allowance of Linux */

/* Deep copies: every string of @to is its own. 0 or -ENOMEM. */
int process_config_copy(struct worker_config *to, const struct worker_config *from);
void process_config_clear(struct worker_config *config);

/* 0, or -errno with nothing left behind. */
int process_start(struct process *process, const struct worker_config *config);
/* Closes our ends; the process is not touched. */
void process_close(struct process *process);
void process_fd_close(int *fd);
