#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The field of 256 elements, modulo x^8 + x^4 + x^3 + x^2 + 1; addition is XOR. All functions are
 * total.
 */
uint8_t gf256_multiply(uint8_t a, uint8_t b);
/* 1 / @a; 0 for 0. */
uint8_t gf256_invert(uint8_t a);
/* @to[i] += @factor * @from[i]. They do not overlap. */
void gf256_add_scaled(uint8_t *restrict to, const uint8_t *restrict from, size_t len,
		      uint8_t factor);
/* @data[i] *= @factor. */
void gf256_scale(uint8_t *data, size_t len, uint8_t factor);
