/*
 * The module itself: magic, nothing else.  Each room registers what it needs.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;
