/*
 * ChatBot.com's Reports: what all of them are asked with.
 */
#ifndef KS_DIALECT_CHATBOT_COM_H
#define KS_DIALECT_CHATBOT_COM_H

#include "stats/stats.h"

extern void ks_chatbot_com_start(FunctionCallInfo fcinfo, int tz_argument, ks_arguments *arguments);
extern void ks_chatbot_com_range(FunctionCallInfo fcinfo, ks_arguments *arguments);

#endif							/* KS_DIALECT_CHATBOT_COM_H */
