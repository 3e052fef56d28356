/*
 * The picture room: numbers and labels as text and as SVG.  Knows nothing of
 * bots, zones or HTTP.
 */
#ifndef KS_PICTURE_H
#define KS_PICTURE_H

#include "postgres.h"

#include "base/compat.h"

#include "fmgr.h"

/* More than this nobody tells apart, and a picture stays below a megabyte. */
#define KS_PICTURE_VALUES_MAX	2000

/* Numbers to draw: finite, and none below zero but as zero; NaN where there is none. */
typedef struct ks_numbers
{
	int			count;
	double	   *values;
	double		highest;		/* zero if there is none */
} ks_numbers;

extern void ks_numbers_read(ks_numbers *numbers, Datum array, const char *argument);

#endif							/* KS_PICTURE_H */
