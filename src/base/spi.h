/*
 * Connecting to SPI, the server's interface for queries from C.
 */
#ifndef KS_SPI_H
#define KS_SPI_H

#include "postgres.h"

#include "executor/spi.h"

/* With SPI_OPT_NONATOMIC, queries may commit, as those of procedures do. */
static inline void
ks_spi_connect_ext(int options)
{
	if (SPI_connect_ext(options) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

static inline void
ks_spi_connect(void)
{
	ks_spi_connect_ext(0);
}

#endif							/* KS_SPI_H */
