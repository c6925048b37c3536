#include "bench/bond/plan.h"

#include <errno.h>
#include <stdlib.h>

void plan_deinit(struct plan *plan)
{
	jobs_free(plan->outcome, plan->jobs);
	free(plan->job);
	free(plan->series);
}

int plan_add(struct plan *plan, const struct bench_scenario *scenario, enum contender contender,
	     unsigned off, unsigned seeds)
{
	struct job *job;

	if (plan_find(plan, scenario, contender, off))
		return 0;
	if (plan->lines == plan->room) {
		unsigned room = plan->room ? 2 * plan->room : 64;
		struct series *more = realloc(plan->series, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		plan->series = more;
		plan->room = room;
	}
	job = realloc(plan->job, (plan->jobs + seeds) * sizeof(*job));
	if (!job)
		return -ENOMEM;
	plan->job = job;
	plan->series[plan->lines++] = (struct series){
		.scenario = scenario, .contender = contender, .off = off, .seeds = seeds
	};
	for (unsigned seed = 1; seed <= seeds; seed++)
		job[plan->jobs++] = (struct job){ .scenario = scenario,
						  .contender = contender,
						  .seed = seed,
						  .off = off,
						  .latency = plan->latency };
	return 0;
}

int plan_run(struct plan *plan, unsigned processes)
{
	const struct outcome *at = plan->outcome = jobs_run(plan->job, plan->jobs, processes);

	if (!at)
		return -ENOMEM;
	for (unsigned i = 0; i < plan->lines; at += plan->series[i++].seeds)
		plan->series[i].outcome = at;
	return 0;
}

const struct series *plan_find(const struct plan *plan, const struct bench_scenario *scenario,
			       enum contender contender, unsigned off)
{
	for (unsigned i = 0; i < plan->lines; i++)
		if (plan->series[i].scenario == scenario &&
		    plan->series[i].contender == contender && plan->series[i].off == off)
			return &plan->series[i];
	return NULL;
}
