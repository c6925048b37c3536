#pragma once

/* Prints the statistics of the generated capacities, which tests/unit/test_radio.c holds against
 * those of the traces. */
void radiotable_print(unsigned seeds);
