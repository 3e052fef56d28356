/*
 * Little-endian integers, varints and zigzag: the alphabet of the stored format.
 *
 * A stored tally has no alignment (a short varlena starts at any byte), so
 * nothing here dereferences a wider pointer.
 */
#ifndef KS_BYTES_H
#define KS_BYTES_H

#include "base/port.h"

#define KS_VARINT_MAX 10		/* bytes of the longest varint */

static inline uint16_t
ks_get_u16(const uint8_t *at)
{
	return (uint16_t) (at[0] | at[1] << 8);
}

static inline uint32_t
ks_get_u32(const uint8_t *at)
{
	return (uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 | (uint32_t) at[3] << 24;
}

static inline uint64_t
ks_get_u64(const uint8_t *at)
{
	return (uint64_t) ks_get_u32(at) | (uint64_t) ks_get_u32(at + 4) << 32;
}

static inline void
ks_put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t) value;
	at[1] = (uint8_t) (value >> 8);
}

static inline void
ks_put_u32(uint8_t *at, uint32_t value)
{
	ks_put_u16(at, (uint16_t) value);
	ks_put_u16(at + 2, (uint16_t) (value >> 16));
}

static inline void
ks_put_u64(uint8_t *at, uint64_t value)
{
	ks_put_u32(at, (uint32_t) value);
	ks_put_u32(at + 4, (uint32_t) (value >> 32));
}

/* Small magnitudes of either sign become small unsigned numbers. */
static inline uint64_t
ks_zigzag(int64_t value)
{
	return ((uint64_t) value << 1) ^ (uint64_t) (value >> 63);
}

static inline int64_t
ks_unzigzag(uint64_t value)
{
	return (int64_t) (value >> 1) ^ -(int64_t) (value & 1);
}

/*
 * Reads seven bits a byte, lowest first; false at the end of the bytes, past 64
 * bits, or where fewer bytes would do: a number has one form only.
 */
static inline bool
ks_get_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
	const uint8_t *p = *at;
	uint64_t	result = 0;
	int			shift = 0;

	if (p < end && *p < 0x80)	/* nearly always */
	{
		*value = *p;
		*at = p + 1;
		return true;
	}
	if (end - p >= 2 && p[1] < 0x80 && p[1] > 0)
	{
		*value = (uint64_t) (p[0] & 0x7f) | (uint64_t) p[1] << 7;
		*at = p + 2;
		return true;
	}
	while (p < end && shift < 64)
	{
		uint8_t		byte = *p++;

		if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
			return false;
		result |= (uint64_t) (byte & 0x7f) << shift;
		if (byte < 0x80)
		{
			*value = result;
			*at = p;
			return true;
		}
		shift += 7;
	}
	return false;
}

/* A varint of one byte or two, which nearly all are; false where it is longer, or not there. */
static ks_always_inline bool
ks_get_short(const uint8_t **at, const uint8_t *end, uint32_t *number)
{
	if (*at >= end)
		return false;
	*number = *(*at)++;
	if (*number < 0x80)
		return true;
	if (*at == end || **at >= 0x80)
		return false;
	*number = (*number & 0x7f) | (uint32_t) *(*at)++ << 7;
	return true;
}

static inline uint8_t *
ks_put_varint(uint8_t *at, uint64_t value)
{
	while (value >= 0x80)
	{
		*at++ = (uint8_t) (value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t) value;
	return at;
}

/* The varint of 2 * value + flag, which may have one bit more than 64. */
static inline bool
ks_get_flagged(const uint8_t **at, const uint8_t *end, uint64_t *value, bool *flag)
{
	uint64_t	above = 0;
	uint8_t		first;

	if (*at == end)
		return false;
	first = *(*at)++;
	if (first >= 0x80 && (!ks_get_varint(at, end, &above) || above == 0 || above > UINT64_MAX >> 6))
		return false;
	*flag = first & 1;
	*value = above << 6 | (uint64_t) (first & 0x7f) >> 1;
	return true;
}

static inline uint8_t *
ks_put_flagged(uint8_t *at, uint64_t value, bool flag)
{
	uint8_t		first = (uint8_t) ((value & 0x3f) << 1 | (flag ? 1 : 0));

	*at++ = value > 0x3f ? (uint8_t) (first | 0x80) : first;
	return value > 0x3f ? ks_put_varint(at, value >> 6) : at;
}

/*
 * Columns of numbers of one width, the first one in the lowest bits.  The code of the width, 0 to 7, means 0, 1, 2, 4,
 * 8, 16, 32 and 64 bits: no number lies in two bytes unless it fills them.
 */
#define KS_BITS_CODES 8
#define KS_BITS_CODE_BYTE 4		/* up to here, a number lies in one byte */

static inline uint32_t
ks_bits_width(uint32_t code)
{
	return code == 0 ? 0 : 1U << (code - 1);
}

/* The code of the least width that is enough for a number. */
static inline uint32_t
ks_bits_code(uint64_t number)
{
	uint32_t	code = 0;

	while (code < KS_BITS_CODES - 1 && number >> ks_bits_width(code) != 0)
		code++;
	return code;
}

static inline uint64_t
ks_bits_size(uint64_t count, uint32_t code)
{
	return (count * ks_bits_width(code) + 7) / 8;
}

static inline uint64_t
ks_get_bits(const uint8_t *column, size_t index, uint32_t code)
{
	size_t		bit = index * ks_bits_width(code);

	switch (code)
	{
		case 0:
			return 0;
		case 5:
			return ks_get_u16(column + bit / 8);
		case 6:
			return ks_get_u32(column + bit / 8);
		case 7:
			return ks_get_u64(column + bit / 8);
		default:
			return column[bit / 8] >> bit % 8 & ((1U << ks_bits_width(code)) - 1);
	}
}

/* Into a column that is 0 there. */
static inline void
ks_put_bits(uint8_t *column, size_t index, uint32_t code, uint64_t number)
{
	size_t		bit = index * ks_bits_width(code);

	switch (code)
	{
		case 0:
			break;
		case 5:
			ks_put_u16(column + bit / 8, (uint16_t) number);
			break;
		case 6:
			ks_put_u32(column + bit / 8, (uint32_t) number);
			break;
		case 7:
			ks_put_u64(column + bit / 8, number);
			break;
		default:
			column[bit / 8] |= (uint8_t) (number << bit % 8);
	}
}

#endif							/* KS_BYTES_H */
