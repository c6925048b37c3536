#pragma once

/*
 * The roles of this worker: one process has one role. Each takes its own options (argv without the
 * program, argv[0] is the role) and returns the exit status of include/uplinkd/worker.h.
 */
int encode_run(int argc, char **argv);
int export_run(int argc, char **argv);
