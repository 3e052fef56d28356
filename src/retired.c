/*
 * Functions that objects of earlier versions call: without them, PostgreSQL would
 * neither bring such objects to a new cluster nor make the old version that a test
 * of updating begins with.  Made by `make upgrade`.
 */
#include "postgres.h"

#include "fmgr.h"
