#pragma once

#include "role.h"

/* Runs the sender until it has stopped. The exit status of the program: 0, or one of sysexits.h
 * with the reason logged. */
int sender_run(struct role *role);
