/* What has no envelope for us: a receipt, mail that is not sealed, and a bounce that brings back what we sealed. */
#ifndef BULLA_MAIL_PLAIN_H
#define BULLA_MAIL_PLAIN_H

#include "host.h"
#include "mail.h"

/* Whether it is a report of a mail server (or what qmail writes for one), to nobody's address, that has the sealed mail of which it tells in it: the envelope is one of
 * ours, or not sealed to us. 1, 0, or -1 if that cannot be told now. */
int bounce_returns(const struct host *host, const struct mail *mail, const struct text *envelope);

/* A receipt is dealt with. What stands beside it, because somebody forwards it or a relay added it, is somebody's mail, unless it has no
 * sender: then nobody waits for it. */
void open_plain(const struct host *host, const struct mail *mail, struct outcome *outcome, struct text *results);

#endif
