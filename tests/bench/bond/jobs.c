#include "bench/bond/jobs.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Memory that the processes share: the number of the next job, and a place for each outcome. A
 * process that dies leaves its outcome unfilled, which counts as not run. */
struct shared {
	atomic_uint next;
	struct outcome outcome[];
};

static size_t size_of(unsigned count)
{
	return sizeof(struct shared) + count * sizeof(struct outcome);
}

static void work(struct shared *shared, const struct job *job, unsigned count)
{
	unsigned i;

	while ((i = atomic_fetch_add(&shared->next, 1)) < count)
		contender_run(job[i].scenario, job[i].contender, job[i].seed, job[i].off,
			      job[i].latency, &shared->outcome[i]);
}

struct outcome *jobs_run(const struct job *job, unsigned count, unsigned processes)
{
	struct shared *shared = mmap(NULL, size_of(count), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned started = 0;

	if (shared == MAP_FAILED) {
		perror("mmap");
		return NULL;
	}
	(void)fflush(NULL);
	for (; started + 1 < processes; started++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (!pid) {
			work(shared, job, count);
			_exit(0);
		}
	}
	work(shared, job, count);
	while (started--)
		(void)wait(NULL);
	return shared->outcome;
}

void jobs_free(struct outcome *outcomes, unsigned count)
{
	if (outcomes)
		(void)munmap((char *)outcomes - offsetof(struct shared, outcome), size_of(count));
}
