/* What the outbox says of all that is in it. */
#ifndef FILES_OUTBOX_H
#define FILES_OUTBOX_H

#include "deliver.h"

/* What became of everything. An exit status. */
int outbox_report(const struct sender *sender);
/* Adds what awaits a receipt, and with `all` also sends what is not due. What was given up is added, too: its receipt may have come. */
bulla_status outbox_waiting(const struct sender *sender, struct delivery *delivery, int all);
/* Tells once what nobody answered in time, whoever put it there. How many that were, or -1. */
long outbox_give_up(const struct sender *sender);
/* Removes what was over that many seconds ago (0: nothing), and what processes that were killed left behind. */
bulla_status outbox_tidy(const struct sender *sender, uint64_t forget);

#endif
