/* What the milter has the mail server change of a mail. */
#ifndef BULLA_MAIL_CHANGES_H
#define BULLA_MAIL_CHANGES_H

#include "host.h"
#include "mail.h"

#include <libmilter/mfapi.h>

/* A connection, and the mail that comes over it. It keeps the host that it began with. `unnoticed`: its client wants nobody told if
 * it cannot be delivered. */
struct session { struct host *host; struct mail mail; size_t size; int leading_space, broken, unnoticed; };

/* Both: MI_SUCCESS, or MI_FAILURE, after which the mail must not be let pass. */
int changes_make(SMFICTX *context, const struct session *session, struct outcome *outcome, struct text *results);
/* It stays as it is, but for what it says in our name: somebody may let it pass. */
int set_aside(SMFICTX *context, const struct session *session, struct outcome *outcome);

#endif
