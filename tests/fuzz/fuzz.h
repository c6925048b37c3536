#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A fuzz target is a file tests/fuzz/fuzz_NAME.c with this one function. It is linked twice: with
 * replay.c, which feeds it the inputs in tests/fuzz/corpus/NAME (part of `make check`), and with
 * libFuzzer (`make fuzz`). An input that found a bug becomes a file of the corpus.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for any input. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)
