/*
 * Receivers of a query's rows, without the parts of that interface that only clients need.
 */
#ifndef KS_RECEIVER_H
#define KS_RECEIVER_H

#include "postgres.h"

#include "tcop/dest.h"

extern void ks_receiver_init(DestReceiver *receiver, bool (*receive) (TupleTableSlot *slot, DestReceiver *self));

#endif							/* KS_RECEIVER_H */
