#pragma once

#include "role.h"

/* Runs the receiver until it has stopped. The exit status of the program: 0, or one of sysexits.h
 * with the reason logged. */
int receiver_run(struct role *role);
