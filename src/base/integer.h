/*
 * Integers: division that rounds down, and hexadecimal digits.  Plain C.
 */
#ifndef KS_INTEGER_H
#define KS_INTEGER_H

#include <stdint.h>

/* Division that rounds towards minus infinity; the divisor is positive. */
static inline int64_t
ks_floor_div(int64_t dividend, int64_t divisor)
{
	int64_t		quotient = dividend / divisor;

	return dividend % divisor < 0 ? quotient - 1 : quotient;
}

static inline int64_t
ks_floor_mod(int64_t dividend, int64_t divisor)
{
	int64_t		rest = dividend % divisor;

	return rest < 0 ? rest + divisor : rest;
}

/* What a hexadecimal digit stands for, -1 for any other character. */
static inline int
ks_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

#endif							/* KS_INTEGER_H */
