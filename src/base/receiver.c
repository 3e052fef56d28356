/*
 * Receivers of a query's rows, without the parts of that interface that only clients need.
 */
#include "base/receiver.h"

static void
receive_startup(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
receive_nothing(DestReceiver *self)
{
}

/* receive returns false where it wants no more rows for now. */
void
ks_receiver_init(DestReceiver *receiver, bool (*receive) (TupleTableSlot *slot, DestReceiver *self))
{
	receiver->receiveSlot = receive;
	receiver->rStartup = receive_startup;
	receiver->rShutdown = receiver->rDestroy = receive_nothing;
	/* that of DestNone would mean that nobody wants the rows */
	receiver->mydest = DestTuplestore;
}
