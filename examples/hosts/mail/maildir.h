/* A Maildir: tmp, new and cur. */
#ifndef BULLA_MAIL_MAILDIR_H
#define BULLA_MAIL_MAILDIR_H

#include "text.h"

/* Makes it, if it is not there. 0, or -1 after it has said so on the log. */
int maildir_make(const char *path);
/* Stores a mail under a name of this message, so that what was cut off is done again without a second mail: written to tmp, synced,
 * read again and compared, and only then in new. Nothing is done if its reader has moved it to cur already. 0, or -1 after it has
 * said so on the log. */
int maildir_place(const char *path, const char *name, const struct text *mail);
/* Stores a mail as it is, made durable, under a name of its own. 0, or -1 after it has said so on the log. */
int maildir_store(const char *path, const struct text *mail);

#endif
